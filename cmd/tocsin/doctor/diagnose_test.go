package doctor_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/doctor"
)

var now = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

// trio are three healthy nodes.
func trio() []*doctor.Facts {
	var out []*doctor.Facts
	for _, id := range []string{"a", "b", "c"} {
		host := map[string]string{"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.3"}
		skew := 0.002
		f := &doctor.Facts{
			ID: id, Name: id, Version: "1.0", Time: now, Started: now.Add(-time.Hour), State: "follower",
			Clustered: true, Quorum: true, Voters: 3, Reachable: 3, ConfigRev: 4, Applied: 9000,
			Gossip: host[id] + ":9094", Raft: host[id] + ":9095", Own: []string{"127.0.0.1", host[id], "fe80::1"}, Clock: &skew,
			Receivers: []doctor.Target{{Receiver: "ops", Integration: "webhook[0]", Address: "hook.test:443", TLS: true}},
			Sources:   []doctor.Source{{Name: "prom1:9090", Posts: 60, First: now.Add(-time.Hour), Last: now.Add(-time.Minute)}},
			Machine: doctor.Machine{
				Folder: "/var/lib/tocsin", Disks: []doctor.Disk{{Path: "/var/lib/tocsin", Free: 40 << 30, Size: 50 << 30, Inodes: 1000, InodesFree: 900}},
				Sync: doctor.Sync{Median: .001, Worst: .004, Writes: 10}, OpenFiles: 60, FilesLimit: 65536,
			},
			Config: doctor.File{Path: "/etc/tocsin/alertmanager.yml"},
		}
		for other, h := range host {
			if other != id {
				f.Peers = append(f.Peers, doctor.Reach{ID: other, Name: other, Alive: true, Raft: h + ":9095", Gossip: h + ":9094"})
			}
		}
		slices.SortFunc(f.Peers, func(x, y doctor.Reach) int { return strings.Compare(x.ID, y.ID) })
		out = append(out, f)
	}
	return out
}

func answers(nodes []*doctor.Facts) []doctor.Answer {
	var out []doctor.Answer
	for _, f := range nodes {
		out = append(out, doctor.Answer{Facts: f})
	}
	return out
}

func TestHealthy(t *testing.T) {
	checks := doctor.Diagnose(answers(trio()))
	for _, c := range checks {
		if c.Result != doctor.OK || c.Fix != "" {
			t.Errorf("%+v", c)
		}
	}
	if len(checks) < 30 || doctor.ExitCode(checks) != 0 {
		t.Errorf("%d checks, exit code %d", len(checks), doctor.ExitCode(checks))
	}
}

// TestTrouble makes one trouble at a time: that check speaks, with its node and a
// fix, and no other does.
func TestTrouble(t *testing.T) {
	at := func(d time.Duration) *time.Time { x := now.Add(d); return &x }
	float := func(f float64) *float64 { return &f }
	for name, c := range map[string]struct {
		breaks  func(a, b, c *doctor.Facts)
		check   string
		node    string
		result  doctor.Result
		finding string // part of it
		fix     string // part of it
	}{
		"waits":             {func(a, _, _ *doctor.Facts) { a.Waiting = "the others" }, doctor.CheckMember, "a", doctor.Fail, "waits to become", "--cluster.peer"},
		"no quorum":         {func(a, _, _ *doctor.Facts) { a.Quorum, a.Reachable = false, 1 }, doctor.CheckQuorum, "a", doctor.Fail, "1 of 3 voters", "start the nodes"},
		"no spare":          {func(a, _, _ *doctor.Facts) { a.Reachable = 2 }, doctor.CheckQuorum, "a", doctor.Warn, "one more lost", "start the nodes"},
		"storage":           {func(a, _, _ *doctor.Facts) { a.Storage = "input/output error" }, doctor.CheckStorage, "a", doctor.Fail, "input/output", "/var/lib/tocsin"},
		"blocked":           {func(a, _, _ *doctor.Facts) { a.Peers[0].RaftTCP = "no answer in time" }, doctor.CheckPorts, "a", doctor.Fail, "b at 10.0.0.2:9095/tcp", "ufw allow proto tcp from 10.0.0.1 to any port 9095"},
		"udp blocked":       {func(_, _, c *doctor.Facts) { c.Peers[1].GossipUDP = "no answer to a ping" }, doctor.CheckPorts, "c", doctor.Fail, "10.0.0.2:9094/udp", "proto udp"},
		"nobody listens":    {func(a, _, _ *doctor.Facts) { a.Peers[1].RaftTCP = "connection refused" }, doctor.CheckPorts, "a", doctor.Fail, "c at", "start c"},
		"loopback told":     {func(a, _, _ *doctor.Facts) { a.Gossip = "127.0.0.1:9094" }, doctor.CheckAddress, "a", doctor.Fail, "each machine's own", "--cluster.advertise-address=IP:PORT, an address of this machine that the others reach (it has 10.0.0.1)"},
		"any told":          {func(a, _, _ *doctor.Facts) { a.Raft = "0.0.0.0:9095" }, doctor.CheckAddress, "a", doctor.Fail, "no machine's", "--raft.advertise-address"},
		"clock off":         {func(a, _, _ *doctor.Facts) { a.Clock = float(-2) }, doctor.CheckClock, "a", doctor.Warn, "2s behind", "timedatectl"},
		"clock wrong":       {func(a, _, _ *doctor.Facts) { a.Clock, a.ClockCorrected = float(3600), true }, doctor.CheckClock, "a", doctor.Fail, "1h0m0s ahead", "chronyc"},
		"clock unknown":     {func(a, _, _ *doctor.Facts) { a.Clock = nil }, doctor.CheckClock, "a", doctor.Unknown, "not compared", "ask again"},
		"file differs":      {func(a, _, _ *doctor.Facts) { a.Config.Differs = true }, doctor.CheckFile, "a", doctor.Warn, "not what the cluster runs", "tocsin config apply"},
		"other program":     {func(a, _, _ *doctor.Facts) { a.Version = "0.9" }, doctor.CheckVersions, "", doctor.Warn, "0.9 on a, 1.0 on b and c", "upgrade"},
		"behind":            {func(a, _, _ *doctor.Facts) { a.Applied = 100 }, doctor.CheckLag, "a", doctor.Warn, "lacks 8900 changes", "ports and disk"},
		"other config":      {func(a, _, _ *doctor.Facts) { a.ConfigRev = 3 }, doctor.CheckConfig, "", doctor.Fail, "version 3 on a", "log"},
		"receiver from one": {func(_, b, _ *doctor.Facts) { b.Receivers[0].Error = "no answer in time" }, doctor.CheckReceivers, "b", doctor.Fail, "hook.test:443 (ops/webhook[0])", "other nodes reach it"},
		"nothing through": {func(_, b, _ *doctor.Facts) {
			b.Applied, b.Failing = b.Applied+1, []doctor.Failing{{Receiver: "ops", Integration: "webhook[0]", Times: 7, Since: now, Error: "status 403"}}
		}, doctor.CheckDeliveries, "", doctor.Fail, "ops/webhook[0] since 2026-11-21 08:00:00 UTC, 7 times: status 403", "tocsin deliveries --outcome failed"},
		"source of one": {func(_, b, c *doctor.Facts) { b.Sources, c.Sources = nil, nil }, doctor.CheckSources, "", doctor.Warn, "prom1:9090 posts its alerts to some nodes, and not to b, c", "alerting.alertmanagers"},
		"source lost":   {func(_, _, c *doctor.Facts) { c.Sources[0].Last = now.Add(-9 * time.Minute) }, doctor.CheckSources, "", doctor.Warn, "not to c", "9093"},
		"replicas": {func(a, _, _ *doctor.Facts) {
			a.Twins = []doctor.Twin{{Label: "prometheus_replica", Values: []string{"p1", "p2"}, Alerts: 7, Example: "Down"}}
		}, doctor.CheckReplicas, "", doctor.Warn, "7 alerts", "labeldrop, regex: prometheus_replica"},
		"disk full":        {func(a, _, _ *doctor.Facts) { a.Machine.Disks[0].Free = 90 << 20 }, doctor.CheckDisk, "a", doctor.Fail, "90 MiB of 50 GiB", "free some"},
		"disk nearly full": {func(a, _, _ *doctor.Facts) { a.Machine.Disks[0].Free = 4 << 30 }, doctor.CheckDisk, "a", doctor.Warn, "4.0 GiB of 50 GiB", "free some"},
		"inodes":           {func(a, _, _ *doctor.Facts) { a.Machine.Disks[0].InodesFree = 10 }, doctor.CheckDisk, "a", doctor.Warn, "10 of 1000 inodes", "small files"},
		"slow":             {func(a, _, _ *doctor.Facts) { a.Machine.Sync.Median = .08 }, doctor.CheckSync, "a", doctor.Warn, "takes 80ms", "SSD"},
		"very slow":        {func(a, _, _ *doctor.Facts) { a.Machine.Sync.Median = .8 }, doctor.CheckSync, "a", doctor.Fail, "takes 800ms", "iostat"},
		"slow to apply":    {func(a, _, _ *doctor.Facts) { a.Applying = 1.024 }, doctor.CheckSync, "a", doctor.Warn, "1.024s", "SSD"},
		"read-only":        {func(a, _, _ *doctor.Facts) { a.Machine.Sync = doctor.Sync{Error: "read-only file system"} }, doctor.CheckSync, "a", doctor.Fail, "read-only", "writable"},
		"modes": {func(a, _, _ *doctor.Facts) {
			a.Machine.Modes = []doctor.Mode{{Path: "/var/lib/tocsin/state.db", Mode: "0644", Want: "0600"}}
		}, doctor.CheckModes, "a", doctor.Warn, "state.db (0644)", "chmod 0600 /var/lib/tocsin/state.db"},
		"few files":        {func(a, _, _ *doctor.Facts) { a.Machine.FilesLimit = 1024 }, doctor.CheckFiles, "a", doctor.Warn, "1024 files", "LimitNOFILE"},
		"files used up":    {func(a, _, _ *doctor.Facts) { a.Machine.OpenFiles = 60000 }, doctor.CheckFiles, "a", doctor.Fail, "60000 of 65536", "LimitNOFILE"},
		"certificate ends": {func(a, _, _ *doctor.Facts) { a.Certificate = at(48 * time.Hour) }, doctor.CheckCertificate, "a", doctor.Warn, "2026-11-23", "log"},
		"certificate over": {func(a, _, _ *doctor.Facts) { a.Certificate = at(-time.Hour) }, doctor.CheckCertificate, "a", doctor.Fail, "2026-11-21", "tocsin help security-nodes"},
		"backup old":       {func(a, _, _ *doctor.Facts) { a.Backup = at(-72 * time.Hour) }, doctor.CheckBackup, "a", doctor.Warn, "72h0m0s old", "tocsin snapshot save"},
	} {
		t.Run(name, func(t *testing.T) {
			nodes := trio()
			c.breaks(nodes[0], nodes[1], nodes[2])
			var said []doctor.Check
			for _, got := range doctor.Diagnose(answers(nodes)) {
				if got.Result != doctor.OK {
					said = append(said, got)
				}
			}
			if len(said) != 1 {
				t.Fatalf("%d checks speak: %+v", len(said), said)
			}
			got := said[0]
			if got.Name != c.check || got.Node != c.node || got.Result != c.result || !strings.Contains(got.Finding, c.finding) || !strings.Contains(got.Fix, c.fix) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestUnanswered(t *testing.T) {
	checks := doctor.Diagnose([]doctor.Answer{{ID: "x", Name: "n3", Error: "it does not answer"}})
	if len(checks) != 1 || checks[0].Node != "n3" || checks[0].Result != doctor.Fail || !strings.Contains(checks[0].Fix, "journalctl") || doctor.ExitCode(checks) != 2 {
		t.Errorf("got %+v", checks)
	}
}

// TestNotYet: what is too young to tell is no trouble.
func TestNotYet(t *testing.T) {
	nodes := trio()
	nodes[1].Sources, nodes[1].Started = nil, now.Add(-time.Minute)
	for _, c := range doctor.Diagnose(answers(nodes)) {
		if c.Result != doctor.OK {
			t.Errorf("a node that was just started: %+v", c)
		}
	}
	for _, n := range nodes {
		n.Sources = nil
	}
	checks := doctor.Diagnose(answers(nodes))
	if i := slices.IndexFunc(checks, func(c doctor.Check) bool { return c.Result != doctor.OK }); checks[i].Name != doctor.CheckSources || checks[i].Result != doctor.Unknown || doctor.ExitCode(checks) != 0 {
		t.Errorf("nobody posts: %+v", checks[i])
	}
}

// TestOneMachine: a cluster on one machine may use loopback.
func TestOneMachine(t *testing.T) {
	nodes := trio()
	for i, n := range nodes {
		n.Gossip, n.Raft = "127.0.0.1:"+[]string{"1", "2", "3"}[i], "127.0.0.1:"+[]string{"4", "5", "6"}[i]
		for j := range n.Peers {
			n.Peers[j].Gossip, n.Peers[j].Raft = "127.0.0.1:1", "127.0.0.1:4"
		}
	}
	for _, c := range doctor.Diagnose(answers(nodes)) {
		if c.Result != doctor.OK {
			t.Errorf("%+v", c)
		}
	}
}

func TestBehindNAT(t *testing.T) {
	nodes := trio()
	nodes[0].Gossip, nodes[0].Raft = "192.0.2.1:9094", "192.0.2.1:9095"
	if i := slices.IndexFunc(doctor.Diagnose(answers(nodes)), func(c doctor.Check) bool { return c.Result != doctor.OK }); i >= 0 {
		t.Error("an address that the others reach is called wrong")
	}
	for _, n := range nodes[1:] {
		n.Peers[0].RaftTCP = "no answer in time"
	}
	checks := doctor.Diagnose(answers(nodes))
	if !slices.ContainsFunc(checks, func(c doctor.Check) bool {
		return c.Name == doctor.CheckAddress && c.Node == "a" && c.Result == doctor.Fail && strings.Contains(c.Finding, "not an address of its machine")
	}) {
		t.Errorf("got %+v", checks)
	}
}
