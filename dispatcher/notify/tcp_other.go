//go:build !linux

package notify

import "net"

// hasten does nothing where the system has no bound on unacknowledged bytes.
func hasten(*net.TCPConn) {}
