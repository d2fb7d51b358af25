package mux

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unackedTime is how long sent bytes may stay without acknowledgement before the
// connection counts as broken. Without it a connection that lived through a cut
// cable waits for the kernel's next attempt, which after a cut of a minute is a
// minute away, or for a quarter of an hour if the peer is gone.
const unackedTime = 5 * time.Second

// hasten bounds the wait of a TCP connection for a peer that does not answer.
func hasten(c net.Conn) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unackedTime.Milliseconds()))
		// What gets lost is sent again every 200 ms, and not after ever longer
		// pauses: heartbeats have to get through where a third is lost.
		_ = unix.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, unix.TCP_THIN_LINEAR_TIMEOUTS, 1)
	})
}
