package server_test

import (
	"testing"
	"time"

	"tocsin/cmd/bench/server"
)

const (
	stat   = "42 (a (b) c) S 1 2 3 4 -1 5 6 7 8 9 123 77 1 2 20 0 9 0 100 200 300\n"
	status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t9\n"
)

func TestParseUsage(t *testing.T) {
	u, err := server.ParseUsage([]byte(stat), []byte(status))
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	if u.CPU != 2*time.Second || u.RSS != 1<<20 || u.Peak != 2<<20 {
		t.Errorf("usage is %+v, want 2s, 1 MiB and 2 MiB", u)
	}
	for _, tt := range []struct{ name, stat, status string }{
		{"no stat", "", status},
		{"short stat", "42 (x) S 1 2", status},
		{"no memory", stat, "VmRSS:\t1 kB\n"},
		{"no number", stat, "VmRSS:\tx kB\nVmHWM:\t1 kB\n"},
	} {
		if _, err := server.ParseUsage([]byte(tt.stat), []byte(tt.status)); err == nil {
			t.Errorf("%s: no error", tt.name)
		}
	}
}
