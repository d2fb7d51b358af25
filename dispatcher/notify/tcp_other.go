//go:build !linux

package notify

import (
	"net"
	"time"
)

// hasten does nothing where the system has no bound on unacknowledged bytes.
func hasten(*net.TCPConn) {}

// sinceSent is not known here.
func sinceSent(*net.TCPConn) (time.Duration, bool) { return 0, false }
