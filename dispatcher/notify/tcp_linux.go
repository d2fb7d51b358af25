package notify

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// unackedTime is how long the receiver's kernel may leave what was sent without
// acknowledgement before the connection counts as broken. A connection that was
// kept open between messages shows only so that the way to the receiver is cut;
// another node may have one. A receiver that is slow to answer has acknowledged
// the request and is not concerned.
const unackedTime = 5 * time.Second

// hasten bounds the wait of a connection for a receiver that is out of reach.
func hasten(c *net.TCPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unackedTime.Milliseconds()))
	})
}

// sinceSent is how long ago the kernel last sent something on a connection, for
// the first time or again; false if that is not known.
func sinceSent(c *net.TCPConn) (age time.Duration, ok bool) {
	if c == nil {
		return 0, false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			age, ok = time.Duration(info.Last_data_sent)*time.Millisecond, true
		}
	})
	return age, ok && err == nil
}
