package cluster

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"tocsin/fsm/model"
)

// Examination is what another member answered when it was asked how it is, or why
// it did not.
type Examination struct {
	ID   model.NodeID
	Name string
	// Body is what its Options.Examine gave.
	Body []byte
	Err  error
}

// errNoAddress says that nobody knows where a member is.
var errNoAddress = errors.New("it is not known where it is")

// Examine asks all other members, also those that gossip does not see, how they
// are, and waits for their answers until ctx ends. They are ordered by name.
func (n *Node) Examine(ctx context.Context) []Examination {
	var (
		mu  sync.Mutex // guards out
		out []Examination
		wg  sync.WaitGroup
	)
	for _, p := range n.ListPeers() {
		if p.Self || !p.Member && !p.Alive {
			continue
		}
		wg.Go(func() {
			x := Examination{ID: p.ID, Name: p.Name, Err: errNoAddress}
			if p.RaftAddress != "" {
				x.Body, x.Err = n.client.Call(ctx, p.RaftAddress, kindExamine, nil)
			}
			mu.Lock()
			defer mu.Unlock()
			out = append(out, x)
		})
	}
	wg.Wait()
	slices.SortFunc(out, func(a, b Examination) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return out
}

// takeExamine answers another node's Examine.
func (n *Node) takeExamine(ctx context.Context) ([]byte, error) {
	if n.opts.Examine == nil {
		return nil, refuse("this node does not tell how it is")
	}
	return n.opts.Examine(ctx)
}

// Reach says how this node reaches another one's ports. The errors are nil where
// it does.
type Reach struct {
	Peer                          Peer
	RaftTCP, GossipTCP, GossipUDP error
}

// probeTime bounds one connection, probePings are sent of which one must be
// answered.
const (
	probeTime  = 3 * time.Second
	probePings = 3
)

// ErrNoPong says that no ping over udp was answered.
var ErrNoPong = errors.New("no answer to a ping")

// ReachPeers tries all ways to all other members: a connection to each port that
// is hung up at once, and gossip's pings.
func (n *Node) ReachPeers(ctx context.Context) []Reach {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var out []Reach
	for _, p := range n.ListPeers() {
		if !p.Self && (p.Member || p.Alive) {
			out = append(out, Reach{Peer: p})
		}
	}
	var wg sync.WaitGroup
	for i := range out {
		r := &out[i]
		wg.Go(func() { r.RaftTCP = knock(ctx, r.Peer.RaftAddress) })
		if n.gossip == nil {
			continue
		}
		wg.Go(func() { r.GossipTCP = knock(ctx, r.Peer.GossipAddress) })
		wg.Go(func() {
			if !n.gossip.Pings(r.Peer.ID, probePings) {
				r.GossipUDP = ErrNoPong
			}
		})
	}
	wg.Wait()
	return out
}

// knock connects and hangs up.
func knock(ctx context.Context, address string) error {
	if address == "" {
		return errNoAddress
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return c.Close()
}
