package access

import (
	"net"
	"syscall"
)

// PeerOf is who is at the other end of a unix socket, as the kernel says.
func PeerOf(c net.Conn) Peer {
	unknown := Peer{UID: -1}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return unknown
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return unknown
	}
	var cred *syscall.Ucred
	cerr := raw.Control(func(fd uintptr) {
		cred, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if cerr != nil || err != nil {
		return unknown
	}
	return Peer{UID: int(cred.Uid)}
}
