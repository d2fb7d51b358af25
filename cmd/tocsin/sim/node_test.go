package sim_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	commoncfg "github.com/prometheus/common/config"

	"tocsin/cluster"
	"tocsin/cmd/tocsin/app"
)

// The ports that all nodes have.
const (
	gossipPort = 9094
	raftPort   = 9095
)

// member is one machine of the cluster, over all lives of its process.
type member struct {
	w    *world
	i    int
	name string
	ip   string
	// root is the machine's disk; each life has a folder of its own there.
	root string
	skew atomic.Int64 // nanoseconds

	mu   sync.Mutex // guards the rest
	life int
	// node is the process; nil while there is none.
	node *app.Node
	// paused until then, by the world's clock.
	paused time.Time
	// lived is when the process started.
	lived time.Time
}

func (w *world) newMember(i int) *member {
	m := &member{w: w, i: i, name: fmt.Sprintf("n%d", i+1), ip: nodeIP(i)}
	m.root = filepath.Join(w.dir, m.name)
	return m
}

func nodeIP(i int) string { return fmt.Sprintf("10.0.0.%d", i+1) }

// folder is the data folder of the life that is now, or comes next.
func (m *member) folder() string     { return filepath.Join(m.root, fmt.Sprint(m.life)) }
func (m *member) configFile() string { return filepath.Join(m.root, "alertmanager.yml") }

func (m *member) now() time.Time { return time.Now().Add(time.Duration(m.skew.Load())) }

// settings are a node's command line.
func (m *member) settings() app.Settings {
	s := app.DefaultSettings()
	s.ConfigFile = m.configFile()
	s.DataDir = m.folder()
	s.Cluster.ListenAddress = fmt.Sprintf("%s:%d", m.ip, gossipPort)
	s.Cluster.PeerName = m.name
	s.Cluster.PeerTimeout = peerTimeout
	s.Raft.BootstrapExpect = m.w.s.Nodes
	for i := range m.w.s.Nodes {
		s.Cluster.Peers = append(s.Cluster.Peers, fmt.Sprintf("%s:%d", nodeIP(i), gossipPort))
	}
	return s
}

// start opens the node over the folder of its current life.
func (m *member) start() {
	if err := os.MkdirAll(m.folder(), 0o700); err != nil {
		panic(err)
	}
	host := m.w.net.Host(m.ip)
	gossip, err := host.Gossip(gossipPort)
	if err != nil {
		panic(err)
	}
	stream, err := host.Listen(raftPort)
	if err != nil {
		panic(err)
	}
	o := app.Options{Settings: m.settings(), Now: m.now, Logger: m.logger(), Replace: app.Replace{
		NoWeb:      true,
		Transports: cluster.Transports{Gossip: gossip, Stream: stream, Dial: host.Dial, Resolve: host.Resolve},
		ReceiverHTTP: []commoncfg.HTTPClientOption{commoncfg.WithDialContextFunc(func(ctx context.Context, _, address string) (net.Conn, error) {
			return host.Dial(ctx, address)
		})},
	}}
	node, err := app.Open(context.Background(), o)
	if err != nil {
		m.w.violate("start", "%s did not start: %v", m.name, err)
		m.w.net.Kill(m.ip)
		_ = gossip.Shutdown()
		return
	}
	m.mu.Lock()
	m.node, m.lived = node, time.Now()
	m.mu.Unlock()
	m.w.watch(m, node)
}

func (m *member) logger() *slog.Logger {
	if !m.w.verbose {
		return nil
	}
	return slog.New(slog.NewTextHandler(&m.w.log, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Duration("t", time.Since(m.w.zero))
		}
		return a
	}})).With("node", m.name)
}

// process is the node, nil while it does not run, and when it started.
func (m *member) process() (node *app.Node, started time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.node, m.lived
}

// up is the process, if it runs and does not stand still.
func (m *member) up() (*app.Node, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.node, m.node != nil && !time.Now().Before(m.paused)
}

// take is the process, which is the machine's no more.
func (m *member) take() *app.Node {
	m.mu.Lock()
	defer m.mu.Unlock()
	node := m.node
	m.node = nil
	return node
}

// kill ends the process without a word. What it has written up to now is what
// the next life finds: the files are copied while nothing runs, so that nothing
// that the dying process does can reach them. What waits in its memory to be
// written is lost.
func (m *member) kill() {
	synctest.Wait()
	dead := m.take()
	if dead == nil {
		return
	}
	m.w.died(m, dead)
	from := m.folder()
	m.life++
	copyFolder(from, m.folder())
	m.w.net.Kill(m.ip)
	m.w.graves.Go(func() {
		_ = dead.Cluster().Close()
		_ = dead.Close(context.Background())
	})
}

// wipe is kill, and the disk is gone too.
func (m *member) wipe() {
	m.kill()
	m.life++
}

// stop ends the process in order, and waits until it has ended.
func (m *member) stop() {
	old := m.take()
	if old == nil {
		return
	}
	m.w.died(m, old)
	began := time.Now()
	err := old.Close(context.Background())
	m.w.note("%s stopped in %v: %v", m.name, time.Since(began), err)
	m.w.net.Kill(m.ip)
}

// ask makes a request to a node's API.
func ask(node *app.Node, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	node.Handler().ServeHTTP(answer, r)
	return answer
}

func copyFolder(from, to string) {
	err := filepath.Walk(from, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if info.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		return copyFile(path, filepath.Join(to, rel))
	})
	if err != nil {
		panic(err)
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

// transcript is what happened in a run, in lines. It is safe for use by several
// goroutines.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(b)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}
