package httpapi

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/mdlayher/vsock"
)

// ErrNoSockets says that systemd was to hand sockets over and did not.
var ErrNoSockets = errors.New("no socket activation file descriptors found")

// Listen opens the listeners of a node: those that systemd hands over, or one
// for each address, host:port or vsock://:port. If one fails, those before it
// are closed.
func Listen(addresses []string, systemd bool) ([]net.Listener, error) {
	if systemd {
		return inherited()
	}
	var out []net.Listener
	for _, address := range addresses {
		l, err := listen(address)
		if err != nil {
			for _, open := range out {
				_ = open.Close()
			}
			return nil, fmt.Errorf("listen on %s: %w", address, err)
		}
		out = append(out, l)
	}
	return out, nil
}

func inherited() ([]net.Listener, error) {
	all, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("take over systemd's sockets: %w", err)
	}
	var out []net.Listener
	for _, l := range all {
		if l != nil { // nil stands for a descriptor that is no listener
			out = append(out, l)
		}
	}
	if len(out) == 0 {
		return nil, ErrNoSockets
	}
	return out, nil
}

func listen(address string) (net.Listener, error) {
	rest, isVsock := strings.CutPrefix(address, "vsock://")
	if !isVsock {
		return net.Listen("tcp", address)
	}
	_, text, err := net.SplitHostPort(rest)
	if err != nil {
		return nil, fmt.Errorf("read the vsock address: %w", err)
	}
	port, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the vsock port: %w", err)
	}
	return vsock.Listen(uint32(port), nil)
}
