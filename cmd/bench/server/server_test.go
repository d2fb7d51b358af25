package server_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/bench/server"
)

// script is a program that does what the text says, in a shell.
func script(t *testing.T, text string) server.Program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatalf("write a program: %v", err)
	}
	return server.Program{Name: "fake", Path: path}
}

const listens = `echo 'level=info msg="Listening on" address=127.0.0.1:4711' >&2; exec sleep 60`

func TestStartFindsTheAddressAndStopEnds(t *testing.T) {
	s, err := server.Start(context.Background(), script(t, listens), "route: {}")
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	defer s.Stop()
	if s.URL != "http://127.0.0.1:4711" {
		t.Errorf("URL is %s", s.URL)
	}
	if config, err := os.ReadFile(filepath.Join(s.Dir, "config.yml")); err != nil || string(config) != "route: {}" {
		t.Errorf("configuration is %q: %v", config, err)
	}
	if u, err := s.Usage(); err != nil || u.RSS == 0 {
		t.Errorf("usage is %+v: %v", u, err)
	}
	s.Stop()
	if s.Ended() == nil {
		t.Errorf("the process runs after Stop")
	}
	if _, err := s.Usage(); err == nil {
		t.Errorf("a process that ended has usage")
	}
	if _, err := os.Stat(s.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestStartSaysWhyNot(t *testing.T) {
	_, err := server.Start(context.Background(), script(t, "echo 'bad flag' >&2; exit 1"), "")
	if !errors.Is(err, server.ErrNotListening) || !strings.Contains(err.Error(), "bad flag") {
		t.Errorf("a program that ends: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := server.Start(ctx, script(t, "exec sleep 60"), ""); !errors.Is(err, server.ErrNotListening) {
		t.Errorf("a program that never listens: %v", err)
	}
	if _, err := server.Start(context.Background(), server.Program{Name: "none", Path: "/does/not/exist"}, ""); err == nil {
		t.Errorf("a program that is not there: no error")
	}
}
