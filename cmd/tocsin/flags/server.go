package flags

import (
	"github.com/spf13/pflag"

	"tocsin/cmd/tocsin/app"
)

// Server is the command line of `tocsin server`.
type Server struct {
	Settings app.Settings
	Log      Log
	set      *pflag.FlagSet
	unused   unused
}

// unused are flags that are read so that old command lines work, and of which
// nothing but a warning comes.
type unused struct {
	insecurePublic bool
}

// Register adds all flags to fs, with their defaults.
func Register(fs *pflag.FlagSet) *Server {
	s := &Server{Settings: app.DefaultSettings(), set: fs}
	fs.SortFlags = false
	s.registerData(set{fs})
	s.registerWeb(set{fs})
	s.registerCluster(set{fs})
	s.registerRaft(set{fs})
	s.Log.register(fs)
	return s
}

func (s *Server) registerData(fs set) {
	c := &s.Settings
	fs.text(&c.ConfigFile, "config.file", "Configuration file. It seeds an empty cluster; later, a reload proposes it to the cluster.")
	fs.text(&c.DataDir, "storage.path", "Base path for data storage.")
	fs.duration(&c.Retention, "data.retention", "How long to keep expired silences, and the entries and history of the notification log.")
	fs.duration(&c.MaintenanceInterval, "data.maintenance-interval", "Accepted and not used: what is past its retention is removed every minute.")
	fs.number(&c.Silences.Max, "silences.max-silences", "Maximum number of silences, including expired ones. If negative or zero, no limit is set.")
	fs.number(&c.Silences.MaxSizeBytes, "silences.max-silence-size-bytes", "Maximum silence size in bytes. If negative or zero, no limit is set.")
	fs.toggle(&c.Silences.Log, "log.silences", "Log every change of a silence.")
	fs.duration(&c.Alerts.GCInterval, "alerts.gc-interval", "Interval between removals of resolved alerts from memory.")
	fs.number(&c.Alerts.PerNameLimit, "alerts.per-alertname-limit", "Maximum number of alerts per alertname. If negative or zero, no limit is set.")
	fs.duration(&c.Dispatch.MaintenanceInterval, "dispatch.maintenance-interval", "Accepted and not used: an empty group is removed at once.")
	fs.duration(&c.Dispatch.StartDelay, "dispatch.start-delay", "Minimum time after the start of the process before alerts are dispatched. Set it to Prometheus' --rules.alert.resend-delay.")
	fs.text(&c.Features, "enable-feature", "Comma-separated features to enable. Valid options: "+features())
	fs.Float64Var(&c.MemLimitRatio, "auto-gomemlimit.ratio", c.MemLimitRatio, "Share of the memory available to the process that Go may use, with the feature auto-gomemlimit. Greater than 0, at most 1.")
}

func (s *Server) registerWeb(fs set) {
	w := &s.Settings.Web
	fs.texts(&w.ListenAddresses, "web.listen-address", "Address of the API and the status page (may be repeated; vsock://:port too).")
	fs.toggle(&w.SystemdSocket, "web.systemd-socket", "Use systemd's socket activation instead of port listeners (Linux only).")
	fs.text(&w.ConfigFile, "web.config.file", "Configuration file that can enable TLS or authentication. See https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md")
	fs.text(&w.AdminSocket, "web.admin-socket", "Unix socket on which this machine's administrator may do all. A relative path is below --storage.path; empty: none.")
	fs.text(&w.ExternalURL, "web.external-url", "URL under which the node is reachable from outside, for links in notifications. Its path prefixes all endpoints. If empty, it is derived from host name and port.")
	fs.text(&w.RoutePrefix, "web.route-prefix", "Prefix of the internal routes. Defaults to the path of --web.external-url.")
	fs.text(&w.CORSOrigin, "web.cors.origin", "Regex of the CORS origins that may call the API, anchored at both ends. If empty, no CORS headers are sent.")
	fs.number(&w.GetConcurrency, "web.get-concurrency", "Maximum number of GET requests at a time. If negative or zero, GOMAXPROCS or 8, whichever is larger.")
	fs.duration(&w.Timeout, "web.timeout", "Timeout of HTTP requests. If negative or zero, none.")
	fs.toggle(&w.EnablePprof, "web.enable-pprof", "Serve Go's profiles under /debug/pprof/. Off by default, other than in Alertmanager.")
	fs.Int64Var(&w.MaxBodyBytes, "web.max-body-bytes", w.MaxBodyBytes, "Maximum size of a request's body in bytes.")
}

func (s *Server) registerCluster(fs set) {
	c := &s.Settings.Cluster
	fs.text(&c.ListenAddress, "cluster.listen-address", "Address of the gossip between nodes, TCP and UDP. Set it to the empty string to run alone.")
	fs.text(&c.AdvertiseAddress, "cluster.advertise-address", "IP:port by which the other nodes reach this one's gossip.")
	fs.text(&c.PeerName, "cluster.peer-name", "Name of the node, for people. Defaults to the ID of the node.")
	fs.texts(&c.Peers, "cluster.peer", "Initial peers, host:port of their cluster addresses (may be repeated).")
	fs.duration(&c.PeerTimeout, "cluster.peer-timeout", "Without a quorum: time to wait for each node before this one in rank, before sending.")
	fs.duration(&c.ResolveTimeout, "cluster.peers-resolve-timeout", "Time to resolve peers' names.")
	fs.duration(&c.GossipInterval, "cluster.gossip-interval", "Interval between gossip messages.")
	fs.duration(&c.PushPullInterval, "cluster.pushpull-interval", "Interval between full exchanges of gossip state.")
	fs.duration(&c.TCPTimeout, "cluster.tcp-timeout", "Timeout of gossip's stream connections.")
	fs.duration(&c.ProbeTimeout, "cluster.probe-timeout", "Time to wait for a probed node's answer before it counts as unhealthy.")
	fs.duration(&c.ProbeInterval, "cluster.probe-interval", "Interval between probes of other nodes.")
	fs.duration(&c.SettleTimeout, "cluster.settle-timeout", "Accepted and not used: a node waits until it is a member and holds the current state.")
	fs.duration(&c.ReconnectInterval, "cluster.reconnect-interval", "Interval between attempts to reach lost peers again.")
	fs.duration(&c.ReconnectTimeout, "cluster.reconnect-timeout", "How long lost peers are tried.")
	fs.text(&c.TLSConfigFile, "cluster.tls-config", "File with tls_server_config and tls_client_config, as Alertmanager has it: your own certificates for the port between nodes, instead of the cluster's.")
	fs.toggle(&s.unused.insecurePublic, "cluster.allow-insecure-public-advertise-address-discovery", "Accepted and not used: give a public address with --cluster.advertise-address.")
	fs.text(&c.Label, "cluster.label", "Label on every gossip packet and stream, to keep clusters apart.")
	fs.text(&c.JoinTokenFile, "cluster.join-token-file", "File with a join token. It lets this node into a closed cluster, or makes the one that it founds closed. See 'tocsin raft token'.")
}

func (s *Server) registerRaft(fs set) {
	r := &s.Settings.Raft
	fs.text(&r.ListenAddress, "raft.listen-address", "Address of the replicated state, TCP. Defaults to the host of --cluster.listen-address and the port after its port.")
	fs.text(&r.AdvertiseAddress, "raft.advertise-address", "host:port by which the other nodes reach this one's Raft.")
	fs.number(&r.BootstrapExpect, "raft.bootstrap-expect", "Number of empty nodes that form the cluster together, once. Give it on all of them, with --cluster.peer.")
}

// Warnings says of every given flag that has no meaning here what to do
// instead. Call it after parsing.
func (s *Server) Warnings() []string {
	var out []string
	for _, w := range s.meaningless() {
		if s.set.Changed(w.flag) {
			out = append(out, "--"+w.flag+" "+w.instead)
		}
	}
	return out
}

type warning struct{ flag, instead string }

func (s *Server) meaningless() []warning {
	return []warning{
		{"data.maintenance-interval", "has no effect: what is past its retention is removed every minute, so the flag can be removed"},
		{"dispatch.maintenance-interval", "has no effect: an empty group is removed at once, so the flag can be removed"},
		{"cluster.settle-timeout", "has no effect: a node waits until it is a member of the cluster and holds its state, so the flag can be removed"},
		{"cluster.allow-insecure-public-advertise-address-discovery", "has no effect: name the public address with --cluster.advertise-address"},
	}
}
