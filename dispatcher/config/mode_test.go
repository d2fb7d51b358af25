package config_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"tocsin/dispatcher/config"
)

// TestMode does not run beside others: the mode is the process's.
func TestMode(t *testing.T) {
	defer func() {
		if err := config.InitMode(config.ModeDefault, nil); err != nil {
			t.Error(err)
		}
	}()
	text := func(matcher string) []byte {
		return []byte("route: {receiver: a, routes: [{matchers: ['" + matcher + "']}]}\nreceivers: [{name: a}]\n")
	}
	for _, tc := range []struct {
		mode          config.Mode
		classic, utf8 bool
	}{{config.ModeDefault, true, true}, {config.ModeClassic, true, false}, {config.ModeUTF8Strict, false, true}} {
		if err := config.InitMode(tc.mode, nil); err != nil {
			t.Fatal(err)
		}
		if ok := len(config.Check("x", text("foo=~[a-z]+\\d"))) == 0; ok != tc.classic {
			t.Errorf("%q takes the classic form: %v", tc.mode, ok)
		}
		if ok := len(config.Check("x", text("\"fóo\"=x"))) == 0; ok != tc.utf8 {
			t.Errorf("%q takes the UTF-8 form: %v", tc.mode, ok)
		}
	}
	if err := config.InitMode("nonsense", nil); err == nil {
		t.Error("an unknown mode is taken")
	}
}

// TestModeWarnsOnce: Alertmanager warns at every reading, and we read often.
func TestModeWarnsOnce(t *testing.T) {
	defer func() {
		if err := config.InitMode(config.ModeDefault, nil); err != nil {
			t.Error(err)
		}
	}()
	var b bytes.Buffer
	if err := config.InitMode(config.ModeDefault, slog.New(slog.NewTextHandler(&b, nil))); err != nil {
		t.Fatal(err)
	}
	yaml := []byte("route: {receiver: a, routes: [{matchers: ['foo=~[a-z]+\\d']}, {matchers: ['bar=~[a-z]+\\d']}]}\nreceivers: [{name: a}]\n")
	for range 2 {
		if ps := config.Check("x", yaml); len(ps) > 0 {
			t.Fatal(ps)
		}
	}
	if n := strings.Count(b.String(), "level=WARN"); n != 2 {
		t.Errorf("there are %d warnings, want one for each matcher:\n%s", n, b.String())
	}
}
