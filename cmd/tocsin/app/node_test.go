package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/cmd/tocsin/app"
	"tocsin/store"
)

// patience bounds every wait for a real network in these tests.
const patience = 20 * time.Second

// alone are the options of one node without a cluster, on free ports.
func alone(t *testing.T, config string) app.Options {
	t.Helper()
	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := app.DefaultSettings()
	s.ConfigFile = file
	s.DataDir = filepath.Join(t.TempDir(), "data")
	s.Cluster.ListenAddress = ""
	s.Web.ListenAddresses = []string{"127.0.0.1:0"}
	return app.Options{Settings: s, Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))}
}

// open starts a node that is closed when the test ends.
func open(t *testing.T, o app.Options) *app.Node {
	t.Helper()
	registry := prometheus.NewRegistry()
	o.Registerer, o.Gatherer = registry, registry
	n, err := app.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, n) })
	return n
}

func shut(t *testing.T, n *app.Node) {
	t.Helper()
	if err := n.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// hook is a webhook receiver on a real port.
func hook(t *testing.T) (url string, got <-chan page) {
	t.Helper()
	pages := make(chan page, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var p page
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
			t.Error(err)
		}
		pages <- p
	}))
	t.Cleanup(srv.Close)
	return srv.URL, pages
}

func hookConfig(url string) string {
	return fmt.Sprintf("route: {receiver: team, group_by: [alertname], group_wait: 10ms, group_interval: 100ms}\nreceivers: [{name: team, webhook_configs: [{url: %q}]}]\n", url)
}

func TestOneNode(t *testing.T) {
	url, got := hook(t)
	o := alone(t, hookConfig(url))
	n := open(t, o)
	postOne(t, n, "A")
	want(t, got, "A")

	// I11: a restart tells nothing again that was settled.
	shut(t, n)
	n = open(t, o)
	postOne(t, n, "A")
	postOne(t, n, "B")
	want(t, got, "B")
	select {
	case p := <-got:
		t.Errorf("told again after a restart: %+v", p)
	case <-time.After(300 * time.Millisecond): // three group intervals
	}
}

func postOne(t *testing.T, n *app.Node, name string) {
	t.Helper()
	resp, err := http.Post("http://"+n.WebAddress()+"/api/v2/alerts", "application/json", strings.NewReader(`[{"labels":{"alertname":"`+name+`"}}]`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("POST alerts: %s", resp.Status)
	}
}

func want(t *testing.T, got <-chan page, name string) {
	t.Helper()
	select {
	case p := <-got:
		if p.Status != "firing" || len(p.Alerts) != 1 || p.Alerts[0].Labels["alertname"] != name {
			t.Errorf("told %+v, want %s", p, name)
		}
	case <-time.After(patience):
		t.Fatalf("%s was not told", name)
	}
}

func TestDataFolderIsPrivate(t *testing.T) {
	o := alone(t, hookConfig("http://127.0.0.1:1"))
	if err := os.MkdirAll(o.Settings.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	theirs := filepath.Join(o.Settings.DataDir, "nflog") // of an Alertmanager that ran here
	if err := os.WriteFile(theirs, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, o)
	err := filepath.WalkDir(o.Settings.DataDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == theirs {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 && d.Name() != "snapshots" { // below raft, which is closed
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(theirs); err != nil || string(b) != "old" {
		t.Errorf("Alertmanager's file is now %q, %v", b, err)
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	for flag, set := range map[string]func(*app.Settings){
		"--web.listen-address":     func(s *app.Settings) { s.Web.ListenAddresses = []string{taken} },
		"--cluster.listen-address": func(s *app.Settings) { s.Cluster.ListenAddress = taken },
		"--raft.listen-address": func(s *app.Settings) {
			s.Cluster.ListenAddress, s.Raft.ListenAddress = "127.0.0.1:0", taken
		},
	} {
		o := alone(t, hookConfig("http://127.0.0.1:1"))
		set(&o.Settings)
		n, err := app.Open(t.Context(), o)
		if err == nil {
			shut(t, n)
		}
		if err == nil || !strings.Contains(err.Error(), flag) || !strings.Contains(err.Error(), taken) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

func TestBadFirstConfiguration(t *testing.T) {
	o := alone(t, "route:\n  receiver: nobody\n  group_wait: soon\nreceivers:\n- nam: team\n")
	_, err := app.Open(t.Context(), o)
	for _, place := range []string{":3:", ":5:"} {
		if err == nil || !strings.Contains(err.Error(), o.Settings.ConfigFile+place) {
			t.Errorf("does not name %s: %v", place, err)
		}
	}
	// Nothing stayed open.
	if err := os.WriteFile(o.Settings.ConfigFile, []byte(hookConfig("http://127.0.0.1:1")), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, o)
}

func TestDamagedFilesAreSetAside(t *testing.T) {
	url, got := hook(t)
	o := alone(t, hookConfig(url))
	n := open(t, o)
	postOne(t, n, "A")
	want(t, got, "A")
	shut(t, n)
	for _, file := range []string{"state.db", "local.db"} {
		if err := os.WriteFile(filepath.Join(o.Settings.DataDir, file), []byte("not a database"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n = open(t, o)
	for _, file := range []string{"state.db", "local.db"} {
		if aside, err := filepath.Glob(filepath.Join(o.Settings.DataDir, file+"*")); err != nil || len(aside) < 2 {
			t.Errorf("%s was not set aside: %v, %v", file, aside, err)
		}
	}
	// The log had it all: what was told is known.
	postOne(t, n, "A")
	postOne(t, n, "B")
	want(t, got, "B")
}

func TestMetricsAndSilenceLog(t *testing.T) {
	o := alone(t, hookConfig("http://127.0.0.1:1"))
	o.Settings.Silences.Log = true
	var logged strings.Builder
	o.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	n := open(t, o)
	resp, err := http.Post("http://"+n.WebAddress()+"/api/v2/silences", "application/json", strings.NewReader(silenceJSON()))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	resp, err = http.Get("http://" + n.WebAddress() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`alertmanager_silences{state="active"} 1`, `alertmanager_silences{state="pending"} 0`, `alertmanager_config_last_reload_successful 1`,
		`tocsin_config_file_differs 0`, `tocsin_config_rev 1`, `alertmanager_receivers 1`, `alertmanager_integrations 1`,
	} {
		if !strings.Contains(string(text), "\n"+want+"\n") {
			t.Errorf("metrics are without %s", want)
		}
	}
	shut(t, n)
	if !strings.Contains(logged.String(), `msg="a silence was set"`) {
		t.Errorf("--log.silences logged\n%s", logged.String())
	}
}

func TestDataFolderInUse(t *testing.T) {
	o := alone(t, hookConfig("http://127.0.0.1:1"))
	open(t, o)
	n, err := app.Open(t.Context(), o)
	if err == nil {
		shut(t, n)
	}
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), "--storage.path") {
		t.Errorf("a second node on the same folder: %v", err)
	}
}
