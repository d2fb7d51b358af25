package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"

	"tocsin/httpapi/access"
)

// socketMode lets the node's own user in, and root.
const socketMode = 0o600

// ErrSocketInUse says that another process answers on the admin socket.
var ErrSocketInUse = errors.New("another process listens there")

// ListenSocket opens the admin socket at path, which only the owner may reach.
// What a process left there that is gone is taken away; anything but a socket is
// left alone.
func ListenSocket(path string) (net.Listener, error) {
	if err := clearSocket(path); err != nil {
		return nil, fmt.Errorf("listen on the admin socket %s: %w", path, err)
	}
	// The mode is set before there is a file, so that nobody comes in between.
	lc := net.ListenConfig{Control: ownersOnly}
	l, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on the admin socket %s: %w", path, err)
	}
	if err := os.Chmod(path, socketMode); err != nil {
		return nil, errors.Join(fmt.Errorf("listen on the admin socket %s: %w", path, err), l.Close())
	}
	return l, nil
}

func clearSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("there is something that is no socket")
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = c.Close()
		return ErrSocketInUse
	}
	return os.Remove(path)
}

// ServeSocket answers requests on the admin socket until Shutdown, then returns
// nil. Who reaches it is an admin: its file says who can. There is no TLS and
// there are no users on it.
func (s *Server) ServeSocket(l net.Listener) error {
	srv := s.HTTPServer()
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return access.WithPeer(ctx, access.PeerOf(c))
	}
	if _, ok := s.serving.add(srv); !ok {
		return l.Close()
	}
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP on %s: %w", l.Addr(), err)
	}
	return nil
}
