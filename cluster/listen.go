package cluster

import (
	"fmt"
	"net"
	"strconv"

	"tocsin/cluster/gossip"
	"tocsin/cluster/mux"
)

// listen binds the port between nodes and gossip, and works out what the others
// are told.
func (n *Node) listen() error {
	l := n.opts.Transports.Stream
	if l == nil {
		bind, err := n.raftBind()
		if err != nil {
			return err
		}
		if l, err = net.Listen("tcp", bind); err != nil {
			return fmt.Errorf("listen for other nodes: %w", err)
		}
	}
	opts := mux.Options{Listener: l, Logger: n.log}
	if n.trust != nil {
		opts.TLS, opts.Stranger = n.trust.Server, n.stranger
	}
	n.mux = mux.New(opts)
	if n.opts.GossipBind == "" {
		n.raftAddress = n.mux.Addr().String()
		return nil
	}
	// Gossip is told the raft address after it has found its own.
	g, err := gossip.Open(n.gossipOptions())
	if err != nil {
		return err
	}
	n.gossip = g
	if n.raftAddress, err = n.advertised(g.Address()); err != nil {
		return err
	}
	n.tellState()
	return nil
}

// raftBind is what to listen on: what was asked for, else the host of gossip
// and its port plus one, else loopback.
func (n *Node) raftBind() (string, error) {
	if n.opts.RaftBind != "" {
		return n.opts.RaftBind, nil
	}
	if n.opts.GossipBind == "" {
		return "127.0.0.1:0", nil
	}
	host, portText, err := net.SplitHostPort(n.opts.GossipBind)
	if err != nil {
		return "", fmt.Errorf("%w: cluster address %q: %w", ErrBadOptions, n.opts.GossipBind, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return "", fmt.Errorf("%w: cluster address %q has no numeric port", ErrBadOptions, n.opts.GossipBind)
	}
	if port > 0 {
		port++
	}
	return net.JoinHostPort(host, strconv.FormatUint(port, 10)), nil
}

// advertised is the raft address for others: what was asked for, else the
// listener's, with gossip's host where the listener is bound to any.
func (n *Node) advertised(gossipAddress string) (string, error) {
	host, port, err := net.SplitHostPort(n.mux.Addr().String())
	if err != nil {
		return "", fmt.Errorf("address of the listener: %w", err)
	}
	if n.opts.RaftAdvertise != "" {
		h, p, err := net.SplitHostPort(n.opts.RaftAdvertise)
		if err != nil {
			return "", fmt.Errorf("%w: advertised raft address %q: %w", ErrBadOptions, n.opts.RaftAdvertise, err)
		}
		if p != "0" {
			port = p
		}
		return net.JoinHostPort(h, port), nil
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		if host, _, err = net.SplitHostPort(gossipAddress); err != nil {
			return "", fmt.Errorf("address of gossip: %w", err)
		}
	}
	return net.JoinHostPort(host, port), nil
}

func (n *Node) gossipOptions() gossip.Options {
	peers := n.opts.Peers
	// A node whose log was lost, or that was the first of its cluster, has no
	// flags that name the others; its own state may.
	for node := range n.opts.Machine.View().Nodes() {
		if node.ID != n.id && node.Gossip != "" {
			peers = append(peers[:len(peers):len(peers)], node.Gossip)
		}
	}
	var keys [][]byte
	if n.trust != nil {
		keys = n.gossipKeys()
	}
	return gossip.Options{
		Meta:       n.facts(gossip.Meta{ID: n.id}),
		Label:      n.opts.ClusterLabel,
		Bind:       n.opts.GossipBind,
		Advertise:  n.opts.GossipAdvertise,
		Peers:      peers,
		Timing:     n.opts.Gossip,
		Keys:       keys,
		Receive:    n.overlays.hear,
		State:      n.overlays.state,
		Merge:      func(b []byte) { n.overlays.merge(b, false) },
		Transport:  n.opts.Transports.Gossip,
		Resolve:    n.opts.Transports.Resolve,
		Logger:     n.log,
		Registerer: n.opts.Registerer,
	}
}

// facts fills in what this node tells of itself now.
func (n *Node) facts(m gossip.Meta) gossip.Meta {
	m.Name, m.Version, m.API, m.Raft = n.opts.Name, n.opts.Version, n.opts.APIAddress, n.raftAddress
	m.Commands, m.Expect = n.opts.Knows, uint32(max(0, n.opts.BootstrapExpect))
	m.ConfigRev = n.configRev()
	_, storageErr := n.storage.get()
	n.mu.Lock()
	defer n.mu.Unlock()
	m.Cluster = n.identity.Cluster
	m.Flags = 0
	for flag, set := range map[gossip.Flags]bool{
		gossip.FlagVoter:         !n.opts.NonVoter,
		gossip.FlagDegraded:      !n.quorum.isHeld() && n.identity.Member,
		gossip.FlagQuorum:        n.quorum.isHeld() && n.identity.Member,
		gossip.FlagDraining:      n.draining,
		gossip.FlagStorageFailed: storageErr != nil,
		gossip.FlagEmpty:         n.isEmpty(),
		gossip.FlagSilent:        !n.turns || n.behind.Load(),
	} {
		if set {
			m.Flags |= flag
		}
	}
	return m
}

// tellState has gossip tell the others what has changed of this node.
func (n *Node) tellState() {
	if n.gossip == nil {
		return
	}
	facts := n.facts(n.gossip.Meta())
	if err := n.gossip.UpdateMeta(func(m *gossip.Meta) { *m = facts }); err != nil {
		n.log.Error("the others cannot be told of this node's state", "err", err)
	}
}

// isEmpty reports whether this node has no Raft configuration and was never in a
// cluster. n.mu is held.
func (n *Node) isEmpty() bool {
	if n.identity.Cluster != "" {
		return false
	}
	e := n.engine.Load()
	if e == nil {
		return false // not known yet
	}
	cfg, _ := e.configuration()
	return len(cfg.Servers) == 0
}
