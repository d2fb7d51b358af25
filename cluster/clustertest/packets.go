package clustertest

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// Packets is a host's gossip transport: lossy packets and streams. Nothing in
// it waits for another host for ever.
type Packets struct {
	host    *Host
	port    int
	packets chan *memberlist.Packet
	streams chan net.Conn
	accept  net.Listener
	ctx     context.Context // ends with Shutdown
	cancel  context.CancelFunc
	once    sync.Once
	wg      sync.WaitGroup
}

var _ memberlist.Transport = (*Packets)(nil)

// Gossip binds packets and streams of a port.
func (h *Host) Gossip(port int) (*Packets, error) {
	l, err := h.Listen(port)
	if err != nil {
		return nil, err
	}
	p := &Packets{
		host:    h,
		port:    port,
		packets: make(chan *memberlist.Packet, 256),
		streams: make(chan net.Conn),
		accept:  l,
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	h.net.mu.Lock()
	h.net.packets[h.Address(port)] = p
	h.net.mu.Unlock()
	p.wg.Go(p.runAccept)
	return p, nil
}

func (p *Packets) runAccept() {
	for {
		c, err := p.accept.Accept()
		if err != nil {
			return
		}
		select {
		case p.streams <- c:
		case <-p.ctx.Done():
			_ = c.Close()
			return
		}
	}
}

// FinalAdvertiseAddr is the host's address, whatever is asked for.
func (p *Packets) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return net.ParseIP(p.host.ip).To4(), p.port, nil
}

// WriteTo sends a packet, which may be lost without a word.
func (p *Packets) WriteTo(b []byte, address string) (time.Time, error) {
	now := time.Now()
	if p.ctx.Err() != nil || p.host.living() != nil {
		return now, net.ErrClosed
	}
	f, pass := p.host.net.roll(link{p.host.ip, hostOf(address), portOf(address)})
	if !pass {
		return now, nil
	}
	packet := &memberlist.Packet{
		Buf:       append([]byte(nil), b...),
		From:      addr(p.host.Address(p.port)),
		Timestamp: now.Add(f.delay),
	}
	if f.delay > 0 {
		time.AfterFunc(f.delay, func() { p.host.net.deliver(packet, address) })
	} else {
		p.host.net.deliver(packet, address)
	}
	return now, nil
}

// roll decides whether a packet passes the link.
func (n *Network) roll(l link) (fault, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.fault(l)
	if f.cut || f.loss > 0 && n.rng.Float64() < f.loss {
		n.lost++
		return f, false
	}
	return f, true
}

func (n *Network) deliver(packet *memberlist.Packet, address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	to := n.packets[address]
	if to == nil {
		return
	}
	select {
	case to.packets <- packet:
	default:
		n.lost++
	}
}

// PacketCh is where packets arrive.
func (p *Packets) PacketCh() <-chan *memberlist.Packet { return p.packets }

// DialTimeout opens a stream.
func (p *Packets) DialTimeout(address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	c, err := p.host.Dial(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("gossip: %w", err)
	}
	return c, nil
}

// StreamCh is where streams arrive.
func (p *Packets) StreamCh() <-chan net.Conn { return p.streams }

// Shutdown stops both.
func (p *Packets) Shutdown() error {
	p.once.Do(func() {
		p.cancel()
		p.host.net.mu.Lock()
		address := p.host.Address(p.port)
		if p.host.net.packets[address] == p {
			delete(p.host.net.packets, address)
		}
		p.host.net.mu.Unlock()
		_ = p.accept.Close()
		p.wg.Wait()
	})
	return nil
}
