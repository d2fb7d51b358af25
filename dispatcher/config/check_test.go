package config_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	amconfig "github.com/prometheus/alertmanager/config"

	"tocsin/dispatcher/config"
	"tocsin/fsm/model"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestBroken compares all problems of all broken configurations, with their
// places, with the golden file.
func TestBroken(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(configs, "broken", "*.yml"))
	if err != nil || len(paths) < 20 {
		t.Fatalf("found %d broken configurations: %v", len(paths), err)
	}
	var got bytes.Buffer
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		problems := config.Check(filepath.Base(p), text)
		if len(problems) == 0 {
			t.Errorf("%s: nothing is found", p)
		}
		for _, problem := range problems {
			fmt.Fprintln(&got, problem)
		}
		if _, err := config.Load(&model.ConfigVersion{YAML: text}, config.Options{}); err == nil {
			t.Errorf("%s: it is loaded", p)
		}
	}
	if bytes.Contains(got.Bytes(), []byte("hush")) {
		t.Error("a problem shows a secret")
	}
	golden := filepath.Join(configs, "broken.golden")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	compareLines(t, got.String(), string(read(t, "broken.golden")))
}

func compareLines(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			t.Fatalf("line %d is\n%s\nwant\n%s\n(run the test with -update if the new ones are right)", i+1, a, b)
		}
	}
}

// TestAgreesWithAlertmanager: what Alertmanager's parser takes has no problems,
// and what it refuses has some, over all its own samples.
func TestAgreesWithAlertmanager(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/prometheus/alertmanager").Output()
	if err != nil {
		t.Fatal(err)
	}
	samples := 0
	for _, pattern := range []string{"*/testdata/*.yml", "*/*/testdata/*.yml", "doc/examples/*.yml", "examples/*/*.yml"} {
		paths, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			samples++
			text, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			_, theirs := amconfig.Load(string(text))
			if ours := config.Check("x.yml", text); (len(ours) == 0) != (theirs == nil) {
				t.Errorf("%s: we find %v, Alertmanager says %v", p, ours, theirs)
			}
		}
	}
	if samples < 50 {
		t.Errorf("there were only %d samples", samples)
	}
}

// FuzzCheck: no text makes it panic, what passes is loaded by Alertmanager, and
// what Alertmanager refuses does not pass.
func FuzzCheck(f *testing.F) {
	for _, name := range []string{"guide.yml", "all.yml", "broken/nulls.yml", "broken/merged.yml", "broken/matchers.yml", "broken/bomb.yml"} {
		b, err := os.ReadFile(filepath.Join(configs, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("route: &r {receiver: a, routes: [*r]}"))
	f.Add([]byte("a: &a {<<: *a}"))
	f.Add([]byte("<<: [1]\nroute: {receiver: a}\nreceivers: [{name: a, email_configs: [{body: {}, subject: []}]}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(config.Check("x.yml", text)) > 0 {
			return
		}
		exported, err := config.Export(&model.ConfigVersion{YAML: text})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := amconfig.Load(string(exported)); err != nil {
			t.Fatalf("Alertmanager refuses what passed: %v", err)
		}
	})
}
