package app

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/mdlayher/vsock"
)

// ErrNoListeners says that systemd was to hand over sockets and did not.
var ErrNoListeners = errors.New("systemd handed over no sockets: is there a .socket unit?")

// listenWeb opens the API's listeners. On an error none stays open.
func listenWeb(w WebSettings) ([]net.Listener, error) {
	if w.SystemdSocket {
		ls, err := activation.Listeners()
		if err == nil && len(ls) == 0 {
			err = ErrNoListeners
		}
		if err != nil {
			return nil, fmt.Errorf("--web.systemd-socket: %w", err)
		}
		return ls, nil
	}
	var open []net.Listener
	for _, address := range w.ListenAddresses {
		l, err := listenOne(address)
		if err != nil {
			closeListeners(open)
			return nil, listenError("--web.listen-address", address, err)
		}
		open = append(open, l)
	}
	return open, nil
}

func listenOne(address string) (net.Listener, error) {
	if !strings.HasPrefix(address, "vsock://") {
		return net.Listen("tcp", address)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(u.Port(), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("port %q is not a number", u.Port())
	}
	return vsock.Listen(uint32(port), nil)
}

// listenError names the flag that would help.
func listenError(flag, address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listen on %s=%s: %w: stop the other program, or give another address with %s", flag, address, err, flag)
	}
	return fmt.Errorf("listen on %s=%s: %w", flag, address, err)
}

func closeListeners(ls []net.Listener) {
	for _, l := range ls {
		l.Close() // nothing was served on it
	}
}
