package fault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Gate is a TCP listener that can be shut: a connection to it is then neither
// made nor refused, as if its first packet were lost. The kernel of the dialling
// side repeats that packet after 1 s, 3 s, 7 s and so on; so a dial goes on by
// itself some time after the gate is open, even while its process is stopped.
type Gate struct {
	net.Listener
	addr netip.AddrPort
	fill []net.Conn // what makes the queue of waiting connections full
	open chan struct{}
}

// gateQueue is the shortest queue of connections that wait to be accepted; the
// kernel lets in one more than it is told.
const gateQueue = 0

// NewGate listens on an IPv4 address, shut. Accept waits until Open.
func NewGate(address string) (*Gate, error) {
	want, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("make a gate: %w", err)
	}
	l, err := shortQueue(want)
	if err != nil {
		return nil, fmt.Errorf("make a gate on %s: %w", address, err)
	}
	g := &Gate{Listener: l, addr: l.Addr().(*net.TCPAddr).AddrPort(), open: make(chan struct{})}
	for range 4 {
		c, err := net.DialTimeout("tcp4", g.addr.String(), 200*time.Millisecond)
		if isTimeout(err) {
			return g, nil
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("shut a gate: %w", err), g.Close())
		}
		g.fill = append(g.fill, c)
	}
	return nil, errors.Join(refused("shut a gate", errors.New("the kernel lets all connections in")), g.Close())
}

// shortQueue is a listener with as short a queue as there is; package net would
// give it the longest.
func shortQueue(at netip.AddrPort) (net.Listener, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "gate")
	defer f.Close()
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.Bind(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}),
		unix.Listen(fd, gateQueue),
	)
	if err != nil {
		return nil, err
	}
	return net.FileListener(f)
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// Open lets all connections in from now on. It can be called once.
func (g *Gate) Open() {
	for _, c := range g.fill {
		_ = c.Close() // Accept will see that they are closed
	}
	close(g.open)
}

// Accept waits until the gate is open, and for a connection.
func (g *Gate) Accept() (net.Conn, error) {
	<-g.open
	return g.Listener.Accept()
}

// Close ends the gate, open or shut. Nobody may call Open any more.
func (g *Gate) Close() error {
	select {
	case <-g.open:
	default:
		g.Open()
	}
	return g.Listener.Close()
}

// Dialling is the one of the processes that tries to get through the gate; zero
// if none does.
func (g *Gate) Dialling(pids ...int) (pid int, err error) {
	for _, pid := range pids {
		yes, err := dialling(pid, g.addr)
		if yes || err != nil {
			return pid, err
		}
	}
	return 0, nil
}

// synSent is the state of a connection that is being made, in /proc/net/tcp.
const synSent = "02"

func dialling(pid int, to netip.AddrPort) (bool, error) {
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	if err != nil {
		return false, fmt.Errorf("list the connections of process %d: %w", pid, err)
	}
	var inodes []string
	for line := range bytes.Lines(table) {
		words := strings.Fields(string(line))
		if len(words) > 9 && words[3] == synSent && words[2] == kernelForm(to) {
			inodes = append(inodes, "socket:["+words[9]+"]")
		}
	}
	if len(inodes) == 0 {
		return false, nil
	}
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, fmt.Errorf("list the files of process %d: %w", pid, err)
	}
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		target, err := os.Readlink(dir + "/" + e.Name())
		return err == nil && slices.Contains(inodes, target)
	}), nil
}

// kernelForm is an address as the kernel writes it: four bytes as a number of
// this machine's order, and the port.
func kernelForm(a netip.AddrPort) string {
	ip := a.Addr().As4()
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(ip[:]), a.Port())
}
