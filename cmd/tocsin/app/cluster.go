package app

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"tocsin/cluster"
	"tocsin/cluster/gossip"
)

// leaveCluster bounds handing leadership over, saying good-bye and closing the
// log.
const leaveCluster = 25 * time.Second

// openCluster takes part in the cluster.
func (n *Node) openCluster() error {
	opts := n.clusterOptions()
	var err error
	if opts.Security, err = n.security(); err != nil {
		return err
	}
	node, err := cluster.Open(opts)
	if err != nil {
		return n.explainCluster(err)
	}
	n.cluster = node
	n.closers.push("cluster files", closeFile, func(context.Context) error { return node.Close() })
	n.background("cluster", leaveCluster, node.Run)
	// What comes now is judged by the clock: alerts, silences, the first groups.
	<-node.ClockSettled()
	if n.opts.Registerer != nil {
		if err := n.opts.Registerer.Register(newSilenceCounts(n.machine, node.Now)); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	return nil
}

func (n *Node) clusterOptions() cluster.Options {
	s, c := &n.opts.Settings, &n.opts.Settings.Cluster
	return cluster.Options{
		DataDir:         s.DataDir,
		Name:            c.PeerName,
		Version:         Version(),
		ClusterLabel:    c.Label,
		GossipBind:      c.ListenAddress,
		GossipAdvertise: c.AdvertiseAddress,
		Peers:           c.Peers,
		BootstrapExpect: s.Raft.BootstrapExpect,
		RaftBind:        s.Raft.ListenAddress,
		RaftAdvertise:   s.Raft.AdvertiseAddress,
		APIAddress:      n.apiAddress(),
		Gossip: gossip.Timing{
			GossipInterval:      c.GossipInterval,
			PushPullInterval:    c.PushPullInterval,
			TCPTimeout:          c.TCPTimeout,
			ProbeTimeout:        c.ProbeTimeout,
			ProbeInterval:       c.ProbeInterval,
			PeersResolveTimeout: c.ResolveTimeout,
			ReconnectInterval:   c.ReconnectInterval,
			ReconnectTimeout:    c.ReconnectTimeout,
		},
		Timing:     n.opts.Replace.Timing,
		Retention:  s.Retention,
		Question:   n.objectTo,
		Examine:    n.examineForOther,
		State:      n.state,
		Machine:    n.machine,
		Local:      n.local,
		Logger:     n.opts.Logger,
		Registerer: n.opts.Registerer,
		Now:        n.opts.Now,
		Elapsed:    n.opts.Elapsed,
		Transports: n.opts.Replace.Transports,
	}
}

// apiAddress is where the other nodes are told that this one's API is.
func (n *Node) apiAddress() string {
	listen := n.WebAddress()
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "" // a socket without a port, or none
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		n.opts.Logger.Warn("could not list this machine's addresses", "err", err)
	}
	host := advertisedHost("", listen, nil)
	if host == "" {
		host = advertisedHost(n.opts.Settings.Cluster.AdvertiseAddress, listen, interfaces)
	}
	return net.JoinHostPort(host, port)
}

// explainCluster names the flag that would help: that of the address that
// somebody else listens on.
func (n *Node) explainCluster(err error) error {
	s := &n.opts.Settings
	for flag, address := range map[string]string{
		"--cluster.listen-address": s.Cluster.ListenAddress,
		"--raft.listen-address":    s.raftAddress(),
	} {
		if address == "" || n.opts.Replace.Transports.Stream != nil {
			continue
		}
		l, perr := net.Listen("tcp", address)
		if perr != nil {
			return listenError(flag, address, perr)
		}
		l.Close() // it was only tried
	}
	return fmt.Errorf("open the cluster: %w", err)
}

// raftAddress is where Raft listens: what was asked for, or the port after the
// cluster's; empty where it is a free one.
func (s *Settings) raftAddress() string {
	if s.Raft.ListenAddress != "" || !s.Clustered() {
		return s.Raft.ListenAddress
	}
	host, text, err := net.SplitHostPort(s.Cluster.ListenAddress)
	if err != nil {
		return ""
	}
	port, err := strconv.Atoi(text)
	if err != nil || port == 0 {
		return ""
	}
	return net.JoinHostPort(host, strconv.Itoa(port+1))
}
