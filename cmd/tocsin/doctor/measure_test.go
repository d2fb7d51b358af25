package doctor_test

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unique"

	"tocsin/cmd/tocsin/doctor"
	"tocsin/dispatcher/alert"
)

func TestExamine(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "state.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m := doctor.Examine(t.Context(), dir)
	if m.Sync.Writes == 0 || m.Sync.Median <= 0 || m.Sync.Error != "" || len(m.Modes) != 0 || len(m.Disks) != 1 || m.Disks[0].Size == 0 || m.FilesLimit == 0 {
		t.Errorf("got %+v", m)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if m := doctor.Examine(t.Context(), dir); !slices.Equal(m.Modes, []doctor.Mode{{Path: file, Mode: "0644", Want: "0600"}}) {
		t.Errorf("got the modes %+v", m.Modes)
	}
	if m := doctor.Examine(t.Context(), filepath.Join(dir, "gone")); m.Sync.Error == "" || len(m.Disks) != 1 || m.Disks[0].Error == "" {
		t.Errorf("of a folder that is not there: %+v", m)
	}
}

func TestDial(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	secure := httptest.NewTLSServer(nil)
	defer secure.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	go func() { // answers TLS with nonsense
		for {
			c, err := plain.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "220 mail.test ESMTP\r\n")
			c.Close()
		}
	}()
	targets := []doctor.Target{
		{Address: plain.Addr().String()},
		{Address: secure.Listener.Addr().String(), TLS: true},
		{Address: closed.Addr().String()},
		{Address: closed.Addr().String(), Error: "was wrong before"},
		{Address: plain.Addr().String(), TLS: true},
		{Error: "its address is a template"},
	}
	doctor.DialAll(t.Context(), targets)
	for i, want := range []string{"", "", "connection refused", "was wrong before", "TLS: ", "its address is a template"} {
		if got := targets[i].Error; got != want && !(want == "TLS: " && strings.HasPrefix(got, want)) {
			t.Errorf("%d: %q, want %q", i, got, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := doctor.Dial(ctx, "127.0.0.1:1", false); got == "" {
		t.Error("a call that was given up went well")
	}
}

func made(t *testing.T, source string, pairs ...string) *alert.Alert {
	t.Helper()
	a := &alert.Alert{GeneratorURL: unique.Make(source)}
	for i := 0; i < len(pairs); i += 2 {
		a.Labels = append(a.Labels, alert.Label{Name: unique.Make(pairs[i]), Value: unique.Make(pairs[i+1])})
	}
	return a
}

func TestFindTwins(t *testing.T) {
	list := []*alert.Alert{
		made(t, "http://p1/graph", "alertname", "Down", "instance", "a", "replica", "p1"),
		made(t, "http://p2/graph", "alertname", "Down", "instance", "a", "replica", "p2"),
		made(t, "http://p1/graph", "alertname", "Down", "instance", "b", "replica", "p1"),
		made(t, "http://p2/graph", "alertname", "Down", "instance", "b", "replica", "p2"),
		made(t, "http://p1/graph", "alertname", "Down", "instance", "c", "replica", "p1"),
		// Two of these are two troubles.
		made(t, "http://p1/graph", "alertname", "Full", "instance", "a"),
		made(t, "http://p2/graph", "alertname", "Full", "instance", "b"),
		made(t, "http://p1/graph", "alertname", "Watchdog", "cluster", "eu"),
		made(t, "http://p2/graph", "alertname", "Watchdog", "cluster", "us"),
	}
	got := doctor.FindTwins(slices.Values(list))
	if len(got) != 1 || got[0].Label != "replica" || !slices.Equal(got[0].Values, []string{"p1", "p2"}) || got[0].Alerts != 2 || got[0].Example != "Down" {
		t.Errorf("got %+v", got)
	}
	if got := doctor.FindTwins(slices.Values(list[5:])); len(got) != 0 {
		t.Errorf("where there is nothing: %+v", got)
	}
}

func TestSources(t *testing.T) {
	s := doctor.NewSources()
	start := time.Unix(1_800_000_000, 0)
	for i := range 5 {
		s.Posted(made(t, "http://prom1:9090/graph?g0.expr=up", "alertname", "x"), start.Add(time.Duration(i)*time.Minute))
	}
	s.Posted(made(t, "https://user:secret@prom2.test/prometheus/graph", "alertname", "x"), start)
	s.Posted(made(t, "", "alertname", "x"), start)
	s.Posted(&alert.Alert{}, start)
	s.Posted(made(t, "nonsense", "alertname", "x"), start)
	want := []doctor.Source{
		{Name: "prom1:9090", Posts: 5, First: start, Last: start.Add(4 * time.Minute)},
		{Name: "prom2.test", Posts: 1, First: start, Last: start},
	}
	if got := s.List(); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	for i := range 2000 {
		s.Posted(made(t, fmt.Sprintf("http://p%d/", i), "alertname", "x"), start.Add(time.Hour+time.Duration(i)*time.Second))
	}
	if got := s.List(); len(got) > 512 || slices.ContainsFunc(got, func(x doctor.Source) bool { return x.Name == "prom2.test" }) {
		t.Errorf("%d sources are remembered", len(got))
	}
}

func BenchmarkPosted(b *testing.B) {
	s := doctor.NewSources()
	a := &alert.Alert{GeneratorURL: unique.Make("http://prom1:9090/graph?g0.expr=up")}
	at := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		s.Posted(a, at)
	}
}
