package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goodConfig = `route:
  receiver: team
receivers:
  - name: team
    webhook_configs:
      - url: http://127.0.0.1:1/
templates: [team.tmpl]
`

// folder is a folder with files, given as name, text, name, text…
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestConfigCheck(t *testing.T) {
	dir := folder(t, "good.yml", goodConfig, "team.tmpl", `{{ define "x" }}y{{ end }}`,
		"bad.yml", "route:\n  receiver: nobody\n  group_wait: soon\nreceivers:\n  - name: team\n    webhok_configs: []\n")
	good, bad := filepath.Join(dir, "good.yml"), filepath.Join(dir, "bad.yml")
	if got := run("", "config", "check", good); got.code != 0 || got.out != good+": good: 1 receivers, 0 inhibit rules, 1 templates\n" {
		t.Error(got)
	}
	got := run("", "config", "check", good, bad, filepath.Join(dir, "none.yml"))
	if got.code != 1 || !strings.Contains(got.err, "2 of 3 files cannot be used") {
		t.Error(got)
	}
	for _, want := range []string{bad + ":3:", bad + ":6:", "none.yml"} {
		if !strings.Contains(got.err, want) {
			t.Errorf("does not name %s:\n%s", want, got.err)
		}
	}
}

const versionJSON = `{"rev":3,"hash":"0123456789ab","active":true,"author":"ada","comment":"new team","at":"2026-11-20T08:00:00.000Z"`

func TestConfigShowAndHistory(t *testing.T) {
	n := newNode(t, map[string]answer{
		"GET /api/tocsin/v1/config":         {body: versionJSON + `,"yaml":"route:\n  receiver: team\n","templates":[{"name":"team.tmpl","text":"hello"}]}`},
		"GET /api/tocsin/v1/config/2":       {code: 404, body: `{"error":"there is no version 2","hint":"look at the history"}`},
		"GET /api/tocsin/v1/config/history": {body: `{"versions":[` + versionJSON + `},{"rev":2,"hash":"ba9876543210","active":false,"at":"2026-11-19T08:00:00.000Z"}]}`},
	})
	golden(t, "config_show.txt", n.run("config", "show").out)
	golden(t, "config_history.txt", n.run("config", "history", "-n", "5").out)
	if got := n.run("config", "show", "--rev", "2"); got.code != 1 || got.err != "tocsin: there is no version 2: look at the history\n" {
		t.Error(got)
	}

	dir := filepath.Join(t.TempDir(), "out")
	if got := n.run("config", "export", dir); got.code != 0 {
		t.Fatal(got)
	}
	for name, want := range map[string]string{"alertmanager.yml": "route:\n  receiver: team\n", "team.tmpl": "hello"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(text) != want {
			t.Errorf("exported %s: %q, %v", name, text, err)
		}
	}
	if got := n.run("config", "export", dir); got.code != 1 {
		t.Errorf("export wrote over files that were there: %+v", got)
	}
}

func TestConfigApply(t *testing.T) {
	dir := folder(t, "a.yml", goodConfig, "team.tmpl", `{{ define "x" }}y{{ end }}`)
	file := filepath.Join(dir, "a.yml")
	n := newNode(t, map[string]answer{"POST /api/tocsin/v1/config": {body: `{"rev":4,"hash":"0123456789ab","active":true}`}})
	got := n.run("config", "apply", file, "-a", "ada", "-c", "why", "--if-rev", "3")
	if got.code != 0 || got.out != "version 4 is active\n" {
		t.Fatal(got)
	}
	for _, want := range []string{`"yaml":"route:`, `"name":"team.tmpl"`, `"author":"ada"`, `"comment":"why"`, `"base_rev":3`} {
		if !strings.Contains(n.asked[0].body, want) {
			t.Errorf("sent %s, without %s", n.asked[0].body, want)
		}
	}
	if got := n.run("config", "apply", "--from-rev", "2", "-a", "ada"); got.code != 0 {
		t.Error(got)
	}
	sameJSON(t, n.asked[1].body, `{"author":"ada","from_rev":2}`)
	if got := n.run("config", "apply"); got.code != 2 {
		t.Error(got)
	}
	refusing := newNode(t, map[string]answer{"POST /api/tocsin/v1/config": {code: 422, body: `{"error":"the configuration has problems",
		"hint":"mend what problems lists, and try again","problems":[{"file":"alertmanager.yml","line":2,"column":3,"message":"no such receiver"},
		{"file":"team.tmpl","line":1,"message":"unclosed action"}]}`}})
	got = refusing.run("config", "apply", file)
	if got.code != 1 || !strings.Contains(got.err, "mend what problems lists") {
		t.Error(got)
	}
	// The files have the names that the user gave, not those that the node knows.
	for _, want := range []string{file + ":2:3: no such receiver\n", filepath.Join(dir, "team.tmpl") + ":1: unclosed action\n"} {
		if !strings.Contains(got.err, want) || strings.Contains(got.err, "alertmanager.yml") {
			t.Errorf("%q is not in %s", want, got.err)
		}
	}
}
