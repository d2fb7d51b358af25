//go:build !linux

package access

import "net"

// PeerOf is who is at the other end of a unix socket: not known here.
func PeerOf(net.Conn) Peer { return Peer{UID: -1} }
