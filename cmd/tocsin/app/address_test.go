package app

import (
	"net"
	"os"
	"strings"
	"testing"
)

func TestExternalURL(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ given, listen, want string }{
		{"", "127.0.0.1:9093", "http://" + host + ":9093"},
		{"", "[::]:9093", "http://" + host + ":9093"},
		{"", "", "http://" + host},
		{"https://alerts.example.com", ":9093", "https://alerts.example.com"},
		{"https://example.com/alerts/", ":9093", "https://example.com/alerts"},
		{"https://example.com//a/b//", ":9093", "https://example.com/a/b"},
	} {
		got, err := externalURL(c.given, c.listen)
		if err != nil || got.String() != c.want {
			t.Errorf("externalURL(%q, %q) = %v, %v, want %s", c.given, c.listen, got, err, c.want)
		}
	}
	for _, bad := range []string{"ftp://example.com", "example.com", "http://[", ":"} {
		if got, err := externalURL(bad, ":9093"); err == nil || !strings.Contains(err.Error(), "--web.external-url") {
			t.Errorf("externalURL(%q) = %v, %v", bad, got, err)
		}
	}
}

func TestAdvertisedHost(t *testing.T) {
	cidr := func(texts ...string) (out []net.Addr) {
		for _, text := range texts {
			ip, n, err := net.ParseCIDR(text)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, &net.IPNet{IP: ip, Mask: n.Mask})
		}
		return out
	}
	machine := cidr("127.0.0.1/8", "::1/128", "203.0.113.7/24", "fd00::7/64", "10.1.2.3/8")
	for _, c := range []struct {
		given, bind string
		interfaces  []net.Addr
		want        string
	}{
		{"10.9.9.9:9094", "0.0.0.0:9093", machine, "10.9.9.9"},
		{":9094", "0.0.0.0:9093", machine, "10.1.2.3"},
		{"", "127.0.0.1:9093", machine, "127.0.0.1"},
		{"", "alerts.example.com:9093", machine, "alerts.example.com"},
		{"", ":9093", machine, "10.1.2.3"},
		{"", "[::]:9093", machine, "10.1.2.3"},
		{"", "0.0.0.0:9093", cidr("203.0.113.7/24", "fd00::7/64"), "fd00::7"},
		{"", "0.0.0.0:9093", cidr("127.0.0.1/8", "203.0.113.7/24"), "127.0.0.1"},
		{"", "0.0.0.0:9093", nil, ""},
	} {
		if got := advertisedHost(c.given, c.bind, c.interfaces); got != c.want {
			t.Errorf("advertisedHost(%q, %q, %v) = %q, want %q", c.given, c.bind, c.interfaces, got, c.want)
		}
	}
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Settings)
		want   []string // what every complaint names; none: valid
	}{
		"defaults":      {func(*Settings) {}, nil},
		"no clustering": {func(s *Settings) { s.Cluster = ClusterSettings{} }, nil},
		"times": {
			func(s *Settings) { s.Retention, s.Cluster.ProbeTimeout, s.Alerts.GCInterval = 0, -1, 0 },
			[]string{"--data.retention", "--alerts.gc-interval", "--cluster.probe-timeout"},
		},
		"settle at once": {func(s *Settings) { s.Cluster.SettleTimeout = 0 }, nil},
		"peers alone": {
			func(s *Settings) { s.Cluster.ListenAddress, s.Cluster.Peers = "", []string{"a:1"} },
			[]string{"--cluster.listen-address"},
		},
		"expect alone": {
			func(s *Settings) { s.Raft.BootstrapExpect = 3 },
			[]string{"--cluster.peer"},
		},
		"addresses": {
			func(s *Settings) {
				s.Cluster.ListenAddress, s.Cluster.AdvertiseAddress, s.Raft.ListenAddress = "nine", "host:9094", "x"
				s.Cluster.Peers = []string{"10.0.0.1"}
			},
			[]string{"--cluster.listen-address", "--cluster.advertise-address", "--raft.listen-address", "--cluster.peer"},
		},
		"advertise a port": {func(s *Settings) { s.Cluster.AdvertiseAddress = ":9094" }, nil},
		"web": {
			func(s *Settings) { s.Web.ListenAddresses, s.Web.MaxBodyBytes, s.Web.CORSOrigin = nil, 0, "(" },
			[]string{"--web.listen-address", "--web.cors.origin", "--web.max-body-bytes"},
		},
		"systemd": {func(s *Settings) { s.Web.ListenAddresses, s.Web.SystemdSocket = nil, true }, nil},
		"memory":  {func(s *Settings) { s.MemLimitRatio = 1.5 }, []string{"--auto-gomemlimit.ratio"}},
	} {
		s := DefaultSettings()
		c.change(&s)
		err := s.Validate()
		if (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, flag := range c.want {
			if !strings.Contains(err.Error(), flag) {
				t.Errorf("%s: does not name %s: %v", name, flag, err)
			}
		}
	}
}
