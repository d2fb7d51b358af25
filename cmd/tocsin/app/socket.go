package app

import (
	"net"
	"path/filepath"

	"tocsin/httpapi"
)

// openSocket opens the admin socket. A node that cannot have the one that nobody
// asked for goes without: a path may be too long for a socket.
func (n *Node) openSocket() (net.Listener, error) {
	path := n.opts.Settings.AdminSocket()
	if path == "" || n.opts.Replace.Listeners != nil {
		return nil, nil
	}
	l, err := httpapi.ListenSocket(path)
	if err == nil {
		n.opts.Logger.Info("Listening for this machine's administrator", "socket", path)
		return l, nil
	}
	if n.opts.Settings.Web.AdminSocket != DefaultAdminSocket {
		return nil, err
	}
	n.opts.Logger.Warn("there is no admin socket; administration is by loopback, and --web.admin-socket names another path", "err", err)
	return nil, nil
}

// AdminSocket is the path of the admin socket; empty: there is none.
func (s *Settings) AdminSocket() string {
	path := s.Web.AdminSocket
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.DataDir, path)
}
