package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	commoncfg "github.com/prometheus/common/config"

	"tocsin/cluster"
	"tocsin/cluster/clustertest"
	"tocsin/cmd/tocsin/app"
)

// lab is a cluster of whole nodes on a network in memory, for use inside of a
// synctest bubble: real store, Raft, gossip, dispatcher and API, with nothing
// replaced but the wires.
type lab struct {
	t     *testing.T
	net   *clustertest.Network
	inbox *inbox
	nodes []*labNode
}

type labNode struct {
	*app.Node
	ip   string
	opts app.Options
	host *clustertest.Host
}

// The ports that all nodes of the lab have.
const (
	gossipPort = 9094
	raftPort   = 9095
)

const labConfig = `route:
  receiver: team
  group_by: [alertname]
  group_wait: 2s
  group_interval: 30s
  repeat_interval: 12h
receivers:
  - name: team
    webhook_configs:
      - url: http://10.0.0.100:80/hook
`

// newLab starts size nodes that form a cluster together, and waits until all
// of them are members.
func newLab(t *testing.T, size int) *lab {
	t.Helper()
	return newLabOf(t, size, func(*labNode) {})
}

// newLabOf is newLab with changes to each node before it is started.
func newLabOf(t *testing.T, size int, change func(*labNode)) *lab {
	t.Helper()
	l := &lab{t: t, net: clustertest.New(1)}
	l.inbox = newInbox(t, l.net.Host("10.0.0.100"))
	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(file, []byte(labConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range size {
		n := l.newNode(i, size, file)
		change(n)
		l.nodes = append(l.nodes, n)
	}
	t.Cleanup(l.stop)
	for _, n := range l.nodes {
		l.start(n)
	}
	for _, n := range l.nodes {
		within(t, time.Minute, "the nodes form a cluster", func() bool { return isClosed(n.Ready()) })
	}
	return l
}

func (l *lab) newNode(i, size int, file string) *labNode {
	ip := fmt.Sprintf("10.0.0.%d", i+1)
	n := &labNode{ip: ip, host: l.net.Host(ip)}
	s := app.DefaultSettings()
	s.ConfigFile = file
	s.DataDir = l.t.TempDir()
	s.Cluster.ListenAddress = n.host.Address(gossipPort)
	s.Cluster.PeerName = fmt.Sprintf("node%d", i+1)
	if size > 1 {
		s.Raft.BootstrapExpect = size
		for peer := range size {
			s.Cluster.Peers = append(s.Cluster.Peers, fmt.Sprintf("10.0.0.%d:%d", peer+1, gossipPort))
		}
	}
	n.opts = app.Options{Settings: s, Logger: slog.New(slog.NewTextHandler(l.t.Output(), &slog.HandlerOptions{Level: logLevel()})).With("node", s.Cluster.PeerName)}
	return n
}

// logLevel is warn unless TOCSIN_TEST_LOG is set.
func logLevel() slog.Level {
	level := slog.LevelWarn
	if text := os.Getenv("TOCSIN_TEST_LOG"); text != "" {
		if err := level.UnmarshalText([]byte(text)); err != nil {
			panic(err)
		}
	}
	return level
}

// start opens the node on its host.
func (l *lab) start(n *labNode) {
	l.t.Helper()
	gossip, err := n.host.Gossip(gossipPort)
	if err != nil {
		l.t.Fatal(err)
	}
	stream, err := n.host.Listen(raftPort)
	if err != nil {
		l.t.Fatal(err)
	}
	dial := func(ctx context.Context, _, address string) (net.Conn, error) { return n.host.Dial(ctx, address) }
	n.opts.Replace = app.Replace{
		NoWeb:        true,
		Transports:   cluster.Transports{Gossip: gossip, Stream: stream, Dial: n.host.Dial, Resolve: n.host.Resolve},
		ReceiverHTTP: []commoncfg.HTTPClientOption{commoncfg.WithDialContextFunc(dial)},
	}
	if n.Node, err = app.Open(l.t.Context(), n.opts); err != nil {
		l.t.Fatalf("open %s: %v", n.ip, err)
	}
}

func (l *lab) stop() {
	for _, n := range l.nodes {
		if n.Node == nil {
			continue
		}
		if err := n.Close(context.Background()); err != nil {
			l.t.Errorf("close %s: %v", n.ip, err)
		}
	}
	l.inbox.close()
	clustertest.Drain()
}

// leader is the node that leads, as the others see it, and the others.
func (l *lab) leader() (leader *labNode, others []*labNode) {
	for _, n := range l.nodes {
		if n.Cluster().Status().State == cluster.StateLeader {
			leader = n
		} else {
			others = append(others, n)
		}
	}
	return leader, others
}

// post gives an alert to all nodes, as Prometheus does.
func (l *lab) post(labels string, ends time.Time) {
	l.t.Helper()
	body := fmt.Sprintf(`[{"labels":%s,"startsAt":%q,"endsAt":%q}]`, labels,
		time.Now().Add(-time.Second).Format(time.RFC3339Nano), ends.Format(time.RFC3339Nano))
	for _, n := range l.nodes {
		if w := n.do(http.MethodPost, "/api/v2/alerts", body); w.Code != http.StatusOK {
			l.t.Fatalf("%s answered %d: %s", n.ip, w.Code, w.Body)
		}
	}
}

func (n *labNode) do(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr, r.Host = "127.0.0.1:4242", "localhost" // writes of the configuration are taken from there only
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	n.Handler().ServeHTTP(w, r)
	return w
}

// within waits until holds is true, looking every 100 ms of the bubble's time.
func within(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// inbox is a webhook receiver that keeps what it gets.
type inbox struct {
	server *http.Server
	mu     sync.Mutex
	got    []page // guarded by mu
}

// page is a message that came.
type page struct {
	At       time.Time
	ID       string
	Status   string `json:"status"`
	Reason   string `json:"notification_reason"`
	GroupKey string `json:"groupKey"`
	Alerts   []struct {
		Status string            `json:"status"`
		Labels map[string]string `json:"labels"`
	} `json:"alerts"`
}

func newInbox(t *testing.T, host *clustertest.Host) *inbox {
	t.Helper()
	listener, err := host.Listen(80)
	if err != nil {
		t.Fatal(err)
	}
	in := &inbox{}
	in.server = &http.Server{Handler: in}
	go in.server.Serve(listener) // ends with close
	return in
}

func (in *inbox) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	p := page{At: time.Now(), ID: r.Header.Get("Idempotency-Key")}
	if _, err := body.ReadFrom(r.Body); err == nil {
		err = json.Unmarshal(body.Bytes(), &p)
		if err != nil {
			panic(err)
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.got = append(in.got, p)
}

// about are the messages of a status about an alertname.
func (in *inbox) about(name, status string) []page {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(in.got), func(p page) bool {
		return p.Status != status || len(p.Alerts) == 0 || p.Alerts[0].Labels["alertname"] != name
	})
}

func (in *inbox) close() { in.server.Close() }
