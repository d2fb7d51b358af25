package clustertest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Network connects hosts. Faults are per direction: a link is from one host to
// another. What was sent on a stream over a cut link arrives when the link
// heals, as with TCP; packets are lost.
type Network struct {
	mu        sync.Mutex // guards all
	rng       *rand.Rand
	links     map[link]fault
	listeners map[string]*listener
	packets   map[string]*Packets
	conns     map[*conn]uint64 // by when they were opened
	opened    uint64
	names     map[string][]string
	lives     map[string]int // how often a host was killed
	resets    map[string]bool
	frozen    map[string]bool
	changed   chan struct{} // closed when a link changes
	lost      int
}

// link is a direction between two hosts: to one port, and back from it, or with
// port 0 for all ports.
type link struct {
	from, to string
	port     int
}

type fault struct {
	cut   bool
	loss  float64
	delay time.Duration
}

// New makes a network without faults. seed decides which packets are lost.
func New(seed uint64) *Network {
	return &Network{
		rng:       rand.New(rand.NewPCG(seed, seed)),
		links:     make(map[link]fault),
		listeners: make(map[string]*listener),
		packets:   make(map[string]*Packets),
		conns:     make(map[*conn]uint64),
		names:     make(map[string][]string),
		lives:     make(map[string]int),
		resets:    make(map[string]bool),
		frozen:    make(map[string]bool),
		changed:   make(chan struct{}),
	}
}

// Host is the host of that IP address.
func (n *Network) Host(ip string) *Host {
	if net.ParseIP(ip) == nil {
		panic("BUG: not an IP address: " + ip)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return &Host{net: n, ip: ip, life: n.lives[ip]}
}

// Name makes a host name resolve to ips, for all hosts.
func (n *Network) Name(host string, ips ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[host] = ips
}

// Cut stops everything that goes from one host to another.
func (n *Network) Cut(from, to string) {
	n.change(func(f *fault) { f.cut = true }, link{from, to, 0})
}

// Mend takes back Cut.
func (n *Network) Mend(from, to string) {
	n.change(func(f *fault) { f.cut = false }, link{from, to, 0})
}

// Block cuts a port between two hosts, both ways, whoever of them listens.
func (n *Network) Block(a, b string, port int) {
	n.change(func(f *fault) { f.cut = true }, link{a, b, port}, link{b, a, port})
}

// Unblock takes back Block.
func (n *Network) Unblock(a, b string, port int) {
	n.change(func(f *fault) { f.cut = false }, link{a, b, port}, link{b, a, port})
}

// Split cuts every link between the two groups, both ways.
func (n *Network) Split(a, b []string) {
	for _, x := range a {
		for _, y := range b {
			n.change(func(f *fault) { f.cut = true }, link{x, y, 0}, link{y, x, 0})
		}
	}
}

// Loss makes a part of the packets between two hosts, 0 to 1, disappear, both
// ways. On streams such a part of what is written comes later, as it is sent
// again.
func (n *Network) Loss(a, b string, part float64) {
	n.change(func(f *fault) { f.loss = part }, link{a, b, 0}, link{b, a, 0})
}

// Delay makes everything between two hosts take that long, each way.
func (n *Network) Delay(a, b string, d time.Duration) {
	n.change(func(f *fault) { f.delay = d }, link{a, b, 0}, link{b, a, 0})
}

// Heal takes all faults away.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.links)
	n.wake()
}

// Crash resets all connections of a host and closes its listeners, as when its
// process is killed. What it opens later works.
func (n *Network) Crash(ip string) {
	n.mu.Lock()
	var gone []interface{ Close() error }
	for _, address := range slices.Sorted(maps.Keys(n.listeners)) {
		if hostOf(address) == ip {
			gone = append(gone, n.listeners[address])
		}
	}
	for _, c := range slices.SortedFunc(maps.Keys(n.conns), func(a, b *conn) int { return cmp.Compare(n.conns[a], n.conns[b]) }) {
		if c.local == ip || c.remote == ip {
			gone = append(gone, c)
		}
	}
	for address := range n.packets {
		if hostOf(address) == ip {
			delete(n.packets, address)
		}
	}
	n.mu.Unlock()
	for _, g := range gone {
		_ = g.Close()
	}
}

// Kill is Crash, after which Hosts of that address that were there before reach
// nobody, as a process that is dead. A new Host works.
func (n *Network) Kill(ip string) {
	n.mu.Lock()
	n.lives[ip]++
	n.wake()
	n.mu.Unlock()
	n.Crash(ip)
}

// ResetOnClose has whoever talks to that host take back, by closing, what it has
// written and what has not arrived yet, as a connection does that lingers for no
// time. Otherwise that arrives when a cut heals.
func (n *Network) ResetOnClose(ip string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.resets[ip] = true
}

// Freeze holds all that a host sends and all that it is sent until Thaw, as far
// as the network can: its timers run on. Heal does not end it.
func (n *Network) Freeze(ip string) { n.freeze(ip, true) }

// Thaw ends Freeze.
func (n *Network) Thaw(ip string) { n.freeze(ip, false) }

func (n *Network) freeze(ip string, is bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.frozen[ip] = is
	n.wake()
}

// Lost counts packets that a fault swallowed.
func (n *Network) Lost() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lost
}

func (n *Network) change(f func(*fault), links ...link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range links {
		v := n.links[l]
		f(&v)
		n.links[l] = v
	}
	n.wake()
}

func (n *Network) wake() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// state is the link's fault and what is closed at the next change of any link.
func (n *Network) state(l link) (fault, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fault(l), n.changed
}

// fault is what is wrong with a link, all ports or its own. n.mu is held.
func (n *Network) fault(l link) fault {
	f := n.links[link{l.from, l.to, 0}]
	f.cut = f.cut || n.frozen[l.from] || n.frozen[l.to]
	if l.port != 0 {
		own := n.links[l]
		f.cut = f.cut || own.cut
	}
	return f
}

// living is an error if the host was killed.
func (h *Host) living() error {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if h.net.lives[h.ip] != h.life {
		return fmt.Errorf("host %s: %w", h.ip, net.ErrClosed)
	}
	return nil
}

// dial connects from a host to an address. Without a listener it is refused at
// once; over a cut link it waits for the link or ctx.
func (n *Network) dial(ctx context.Context, h *Host, address string) (net.Conn, error) {
	from, to, port := h.ip, hostOf(address), portOf(address)
	for {
		out, changed := n.state(link{from, to, port})
		back, _ := n.state(link{to, from, port})
		if err := h.living(); err != nil {
			return nil, err
		}
		if !out.cut && !back.cut {
			if err := sleep(ctx, out.delay+back.delay); err != nil {
				return nil, err
			}
			return n.connect(ctx, from, address)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("dial %s: %w", address, ctx.Err())
		}
	}
}

func (n *Network) connect(ctx context.Context, from, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[address]
	if l == nil {
		n.mu.Unlock()
		return nil, fmt.Errorf("dial %s: %w", address, syscall.ECONNREFUSED)
	}
	a, b := newPipe(n, from, address)
	n.conns[a], n.conns[b] = n.opened, n.opened+1
	n.opened += 2
	n.mu.Unlock()
	select {
	case l.backlog <- b:
		return a, nil
	case <-l.done:
		_ = a.Close()
		return nil, fmt.Errorf("dial %s: %w", address, syscall.ECONNREFUSED)
	case <-ctx.Done():
		_ = a.Close()
		return nil, fmt.Errorf("dial %s: %w", address, ctx.Err())
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func hostOf(address string) string {
	host, _, ok := strings.Cut(address, ":")
	if !ok {
		return address
	}
	return host
}

// portOf is 0 for a gossip address without one.
func portOf(address string) int {
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return port
}

// Drain waits, in the bubble's time, until the timers of closed nodes have run
// out: memberlist lets a probe that was on its way end by itself. Call it last
// in a bubble.
func Drain() { time.Sleep(time.Minute) }
