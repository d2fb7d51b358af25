package migrate

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
	"github.com/spf13/pflag"

	"tocsin/cmd/tocsin/app"
	"tocsin/cmd/tocsin/flags"
)

// flags judges the command line by parsing it as a node does.
func (r *report) flags(f *Facts) {
	if f.ArgsFrom == "" {
		return
	}
	set := pflag.NewFlagSet("server", pflag.ContinueOnError)
	set.SetOutput(discard{})
	server := flags.Register(set)
	if err := set.Parse(long(f.Args)); err != nil {
		r.say(Stop, "flags", "remove or mend it", "tocsin server does not take this command line (from %s): %v", f.ArgsFrom, err)
		return
	}
	given := 0
	set.Visit(func(*pflag.Flag) { given++ })
	r.say(Same, "flags", "", "its %d flags (from %s) mean the same here, but for what is said of some", given, f.ArgsFrom)
	for _, w := range server.Warnings() {
		r.say(Changes, "flags", "", "%s", w)
	}
	if err := server.Settings.Validate(); err != nil {
		for _, one := range strings.Split(err.Error(), "\n") {
			r.say(Stop, "flags", "mend it", "%s", strings.TrimPrefix(one, app.ErrSettings.Error()+": "))
		}
	}
	r.web(&server.Settings)
	r.ports(&server.Settings)
	r.cluster(&server.Settings, set)
	r.folder(&server.Settings)
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// long are flags with two dashes: Alertmanager takes one as well.
func long(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		if out[i] = a; len(a) > 2 && a[0] == '-' && a[1] != '-' {
			out[i] = "-" + a
		}
	}
	return out
}

func (r *report) web(s *app.Settings) {
	r.say(Changes, "web", "give --web.enable-pprof if somebody uses it", "/debug/pprof/ is off, and a request's body is bounded to %d MiB", s.Web.MaxBodyBytes>>20)
	file := s.Web.ConfigFile
	if file == "" {
		return
	}
	err := web.Validate(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		r.say(Todo, "web", "see to it that it is readable for the user that tocsin runs as", "--web.config.file=%s is not on this machine, so it was not looked at", file)
	case err != nil:
		r.say(Stop, "web", "mend it", "--web.config.file: %v", err)
	default:
		r.say(Same, "web", "", "--web.config.file (TLS, users) is read as it is; who is let in by it may do what the roles say, see `tocsin token --help`")
	}
}

func (r *report) ports(s *app.Settings) {
	if !s.Clustered() {
		r.say(Same, "ports", "", "clustering is off (--cluster.listen-address is empty), so there is no port beside those of the API")
		return
	}
	port := "9095"
	if s.Raft.ListenAddress != "" {
		_, port, _ = net.SplitHostPort(s.Raft.ListenAddress)
	} else if _, gossip, err := net.SplitHostPort(s.Cluster.ListenAddress); err == nil {
		if n, err := strconv.Atoi(gossip); err == nil && n > 0 {
			port = strconv.Itoa(n + 1)
		}
	}
	level := Todo
	if len(s.Cluster.Peers) == 0 {
		level = Changes
	}
	r.say(level, "ports", "open "+port+"/tcp between the nodes, or choose another with --raft.listen-address",
		"beside the gossip port (TCP and UDP) the nodes need %s/tcp between each other", port)
}

func (r *report) cluster(s *app.Settings, set *pflag.FlagSet) {
	if !s.Clustered() {
		return
	}
	if n := len(s.Cluster.Peers); n > 0 && s.Raft.BootstrapExpect == 0 {
		r.say(Todo, "cluster", "start the first node without --cluster.peer, or all at once with --raft.bootstrap-expect and the number of nodes",
			"it has %d --cluster.peer: a node with peers joins a cluster and never founds one by itself", n)
	}
	if set.Changed("cluster.tls-config") {
		r.say(Todo, "cluster", "try it with one node first; without the flag the nodes make certificates of their own", "--cluster.tls-config is used for the port between the nodes; the gossip is not in TLS")
	}
	if set.Changed("cluster.peer-timeout") {
		r.say(Changes, "cluster", "", "--cluster.peer-timeout=%s counts only while there is no quorum; else the next node takes over within seconds", s.Cluster.PeerTimeout)
	}
	if len(s.Cluster.Peers) > 0 {
		r.say(Changes, "cluster", "", "group_interval and repeat_interval hold for the cluster as a whole, and one node sends each notification")
	}
}

func (r *report) folder(s *app.Settings) {
	for _, name := range []string{"silences", "nflog"} {
		info, err := os.Stat(filepath.Join(s.DataDir, name))
		if err == nil && info.Mode().IsRegular() {
			r.say(Same, "data", "", "%s is there and will be taken over; it stays as it is", filepath.Join(s.DataDir, name))
		}
	}
	if !filepath.IsAbs(s.DataDir) {
		r.say(Changes, "data", "", "--storage.path=%s is relative: start tocsin in the same folder", s.DataDir)
	}
}
