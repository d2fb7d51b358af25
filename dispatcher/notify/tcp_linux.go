package notify

import (
	"net"
	"syscall"
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
		_ = unix.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unackedTime.Milliseconds()))
	})
}
