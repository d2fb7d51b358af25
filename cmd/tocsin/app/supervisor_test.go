package app_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tocsin/cmd/tocsin/app"
)

// systemd plays systemd's side of sd_notify: it keeps what it is told.
type systemd struct {
	t    *testing.T
	told chan string
}

func newSystemd(t *testing.T) *systemd {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	s := &systemd{t: t, told: make(chan string, 1000)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return // the test is over
			}
			s.told <- string(buf[:n])
		}
	}()
	t.Cleanup(func() { conn.Close(); <-read })
	t.Setenv("NOTIFY_SOCKET", path)
	return s
}

// await waits for a message with all of the words, and gives what came before
// it.
func (s *systemd) await(words ...string) (before []string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	for {
		select {
		case m := <-s.told:
			if containsAll(m, words) {
				return before
			}
			before = append(before, m)
		case <-ctx.Done():
			s.t.Fatalf("systemd was not told %q, but %q", words, before)
		}
	}
}

func containsAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// serve runs a node as the program does.
func serve(t *testing.T, o app.Options) (reload chan<- os.Signal, stop func()) {
	t.Helper()
	signals := make(chan os.Signal)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- app.Serve(ctx, o, signals) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the node ended with: %v", err)
		}
	}
	return signals, stop
}

func TestSystemdIsToldHowTheNodeIs(t *testing.T) {
	sd := newSystemd(t)
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("WATCHDOG_USEC", "300000")
	url, _ := hook(t)
	reload, stop := serve(t, alone(t, hookConfig(url)))

	sd.await("READY=1", "STATUS=serves alone")
	sd.await("WATCHDOG=1")
	sd.await("WATCHDOG=1")
	reload <- os.Interrupt
	sd.await("RELOADING=1")
	sd.await("READY=1")
	stop()
	for _, m := range sd.await("STOPPING=1") {
		if strings.Contains(m, "READY") {
			t.Errorf("told %q after the reload", m)
		}
	}
}

func TestSystemdIsToldWhatANodeWaitsFor(t *testing.T) {
	sd := newSystemd(t)
	url, _ := hook(t)
	o := alone(t, hookConfig(url))
	o.Settings.Cluster.ListenAddress = "127.0.0.1:0"
	o.Settings.Cluster.Peers = []string{"127.0.0.1:1"}
	_, stop := serve(t, o)
	defer stop()
	sd.await("READY=1", "STATUS=waits for ")
}

func TestSystemdIsToldThatAReloadFailed(t *testing.T) {
	sd := newSystemd(t)
	url, _ := hook(t)
	o := alone(t, hookConfig(url))
	reload, stop := serve(t, o)
	defer stop()
	sd.await("READY=1")
	if err := os.WriteFile(o.Settings.ConfigFile, []byte("route: {receiver: nobody}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	reload <- os.Interrupt
	sd.await("READY=1", "STATUS=the configuration file was refused")
}
