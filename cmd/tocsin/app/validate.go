package app

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"time"
)

// ErrSettings is wrapped by every complaint of Settings.Validate.
var ErrSettings = errors.New("bad flag")

// Clustered reports whether the node talks to others at all.
func (s *Settings) Clustered() bool { return s.Cluster.ListenAddress != "" }

// Validate says all that is wrong with the settings, each complaint naming its
// flag. It looks at no file and no network.
func (s *Settings) Validate() error {
	var bad complaints
	bad.positive("--data.retention", s.Retention)
	bad.positive("--data.maintenance-interval", s.MaintenanceInterval)
	bad.positive("--alerts.gc-interval", s.Alerts.GCInterval)
	bad.positive("--dispatch.maintenance-interval", s.Dispatch.MaintenanceInterval)
	if s.DataDir == "" {
		bad.say("--storage.path must not be empty")
	}
	if s.MemLimitRatio <= 0 || s.MemLimitRatio > 1 {
		bad.say("--auto-gomemlimit.ratio must be greater than 0 and at most 1, not %v", s.MemLimitRatio)
	}
	if _, err := regexp.Compile(s.Web.CORSOrigin); err != nil {
		bad.say("--web.cors.origin: %w", err)
	}
	if s.Web.MaxBodyBytes <= 0 {
		bad.say("--web.max-body-bytes must be greater than 0, not %d", s.Web.MaxBodyBytes)
	}
	if !s.Web.SystemdSocket && len(s.Web.ListenAddresses) == 0 {
		bad.say("--web.listen-address must name an address, unless --web.systemd-socket is given")
	}
	s.validateCluster(&bad)
	return errors.Join(bad...)
}

func (s *Settings) validateCluster(bad *complaints) {
	c, r := &s.Cluster, &s.Raft
	if r.BootstrapExpect < 0 {
		bad.say("--raft.bootstrap-expect must not be negative, not %d", r.BootstrapExpect)
	}
	if !s.Clustered() {
		if len(c.Peers) > 0 || r.BootstrapExpect > 1 {
			bad.say("--cluster.peer and --raft.bootstrap-expect need a --cluster.listen-address")
		}
		return
	}
	bad.positive("--cluster.peer-timeout", c.PeerTimeout)
	bad.positive("--cluster.peers-resolve-timeout", c.ResolveTimeout)
	bad.positive("--cluster.gossip-interval", c.GossipInterval)
	bad.positive("--cluster.pushpull-interval", c.PushPullInterval)
	bad.positive("--cluster.tcp-timeout", c.TCPTimeout)
	bad.positive("--cluster.probe-timeout", c.ProbeTimeout)
	bad.positive("--cluster.probe-interval", c.ProbeInterval)
	bad.positive("--cluster.reconnect-interval", c.ReconnectInterval)
	bad.positive("--cluster.reconnect-timeout", c.ReconnectTimeout)
	bad.hostPort("--cluster.listen-address", c.ListenAddress)
	bad.ipPort("--cluster.advertise-address", c.AdvertiseAddress)
	bad.hostPort("--raft.listen-address", r.ListenAddress)
	bad.hostPort("--raft.advertise-address", r.AdvertiseAddress)
	for _, p := range c.Peers {
		bad.hostPort("--cluster.peer", p)
	}
	if r.BootstrapExpect > 1 && len(c.Peers) == 0 {
		bad.say("--raft.bootstrap-expect=%d needs --cluster.peer to find the others", r.BootstrapExpect)
	}
}

// complaints collects what is wrong, so that the operator sees all at once.
type complaints []error

func (c *complaints) say(format string, args ...any) {
	*c = append(*c, fmt.Errorf("%w: "+format, append([]any{ErrSettings}, args...)...))
}

func (c *complaints) positive(flag string, d time.Duration) {
	if d <= 0 {
		c.say("%s must be greater than 0, not %s", flag, d)
	}
}

func (c *complaints) hostPort(flag, address string) {
	if address == "" {
		return
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		c.say("%s %q is not host:port", flag, address)
	}
}

func (c *complaints) ipPort(flag, address string) {
	if address == "" {
		return
	}
	if host, _, err := net.SplitHostPort(address); err == nil && host == "" {
		return // only the port is told; the host is found out
	}
	if _, err := netip.ParseAddrPort(address); err != nil {
		c.say("%s %q is not IP:port (a host name is not enough: peers are told an address)", flag, address)
	}
}
