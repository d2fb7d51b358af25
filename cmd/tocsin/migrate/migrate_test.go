package migrate_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tocsin/cmd/tocsin/migrate"
	"tocsin/dispatcher/config"
)

const yaml = `route:
  receiver: team
  routes:
    - {matchers: [a=b], receiver: team, group_wait: 1s, continue: true}
    - {matchers: [a=b], receiver: team}
receivers:
  - name: team
    webhook_configs: [{url_file: %DIR%/url}, {url: "http://x.example/"}]
templates: ["*.tmpl", "none/*.tmpl"]
`

// folder is a configuration with its files.
func folder(t *testing.T) string {
	t.Helper()
	if err := config.InitMode(config.ModeDefault, nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"am.yml": strings.ReplaceAll(yaml, "%DIR%", dir), "a.tmpl": `{{ define "a" }}{{ end }}`, "url": "http://y.example/", "silences": "", "web.yml": "{}",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// alertmanager answers as one does.
func alertmanager(t *testing.T, answers map[string]string) *url.URL {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

const status = `{"cluster":{"status":"ready","peers":[{"name":"a"},{"name":"b"}]},"versionInfo":{"version":"0.25.0"},
 "config":{"original":"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: <secret>}]}]\n"}}`

func find(t *testing.T, s migrate.Source) []migrate.Finding {
	t.Helper()
	facts, err := migrate.Look(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return migrate.Judge(&facts)
}

// expect wants findings of a level with these words, and no others that want
// something to be done.
func expect(t *testing.T, got []migrate.Finding, want map[string]migrate.Level) {
	t.Helper()
	for words, level := range want {
		if !slices.ContainsFunc(got, func(f migrate.Finding) bool { return f.Level == level && strings.Contains(f.Text, words) }) {
			t.Errorf("there is no %q of level %v in\n%+v", words, level, got)
		}
	}
	for _, f := range got {
		known := false
		for words := range want {
			known = known || strings.Contains(f.Text, words)
		}
		if f.Level >= migrate.Todo && !known {
			t.Errorf("not expected: %+v", f)
		}
	}
	if !slices.IsSortedFunc(got, func(a, b migrate.Finding) int { return int(b.Level) - int(a.Level) }) {
		t.Error("the most pressing do not come first")
	}
}

func TestRunningAlertmanager(t *testing.T) {
	dir := folder(t)
	u := alertmanager(t, map[string]string{
		"/api/v2/status":       status,
		"/api/v2/silences":     `[{"status":{"state":"active"}},{"status":{"state":"expired"}},{"status":{"state":"pending"}}]`,
		"/metrics":             "# HELP x\nalertmanager_config_hash 12\n",
		"/debug/pprof/cmdline": "alertmanager\x00--config.file=x\x00--storage.path=" + dir + "\x00--cluster.peer=b:9094\x00-cluster.settle-timeout\x0010s\x00",
	})
	expect(t, find(t, migrate.Source{URL: u, Proc: t.TempDir()}), map[string]migrate.Level{
		"it is Alertmanager 0.25.0":              migrate.Same,
		"2 silences are active or pending":       migrate.Same,
		"one of two instances":                   migrate.Todo,
		"only what the API shows":                migrate.Todo,
		"the configuration is valid here":        migrate.Same,
		"its 4 flags":                            migrate.Same,
		"--cluster.settle-timeout has no effect": migrate.Changes,
		"the nodes need 9095/tcp":                migrate.Todo,
		"it has 1 --cluster.peer":                migrate.Todo,
		filepath.Join(dir, "silences"):           migrate.Same,
	})
	file := filepath.Join(dir, "am.yml")
	expect(t, find(t, migrate.Source{URL: u, Proc: t.TempDir(), ConfigFile: file, Flags: "ExecStart=/usr/bin/alertmanager --cluster.listen-address= \\\n --storage.path='/var/lib/x y'"}), map[string]migrate.Level{
		"is not what the Alertmanager runs now":    migrate.Todo,
		`the pattern "none/*.tmpl" finds no file`:  migrate.Todo,
		"clustering is off":                        migrate.Same,
		"one of two instances":                     migrate.Todo,
		"1 template files":                         migrate.Changes,
		"is there more than once":                  migrate.Changes,
		filepath.Join(dir, "url") + " is not part": migrate.Changes,
		"2 webhooks get the header":                migrate.Changes,
	})
}

// TestInTheWay finds what a node would refuse.
func TestInTheWay(t *testing.T) {
	dir := folder(t)
	bad := filepath.Join(dir, "bad.yml")
	if err := os.WriteFile(bad, []byte("route: {receiver: a}\nreceivers: [{name: a, webhok_configs: []}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := find(t, migrate.Source{ConfigFile: bad, Flags: "--storage.path=/x --no-such-flag"})
	expect(t, got, map[string]migrate.Level{"unknown flag: --no-such-flag": migrate.Stop, "bad.yml:2:": migrate.Stop})
	if migrate.Worst(got) != migrate.Stop {
		t.Error(migrate.Worst(got))
	}
	got = find(t, migrate.Source{Flags: "--storage.path=/x --web.config.file=" + filepath.Join(dir, "gone") + " --cluster.peer=nowhere --data.retention=0s"})
	expect(t, got, map[string]migrate.Level{
		"is not on this machine": migrate.Todo, `--cluster.peer "nowhere" is not host:port`: migrate.Stop,
		"--data.retention must be greater than 0": migrate.Stop, "9095/tcp": migrate.Todo, "it has 1 --cluster.peer": migrate.Todo,
	})
}

func TestNothingToDo(t *testing.T) {
	dir := folder(t)
	good := filepath.Join(dir, "good.yml")
	if err := os.WriteFile(good, []byte("route: {receiver: a}\nreceivers: [{name: a}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := find(t, migrate.Source{ConfigFile: good, Flags: "--storage.path=/x --web.config.file=" + filepath.Join(dir, "web.yml")})
	expect(t, got, nil)
	if migrate.Worst(got) != migrate.Changes {
		t.Errorf("%v: %+v", migrate.Worst(got), got)
	}
}

// TestFlagsOfTheProcess reads the flags from the kernel where the API does not
// tell them.
func TestFlagsOfTheProcess(t *testing.T) {
	folder(t)
	proc := t.TempDir()
	process := func(id string, args ...string) {
		if err := os.MkdirAll(filepath.Join(proc, id), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(proc, id, "cmdline"), []byte(strings.Join(args, "\x00")+"\x00"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	process("1", "/sbin/init")
	process("7", "/usr/bin/prometheus-alertmanager", "--cluster.listen-address=")
	u := alertmanager(t, map[string]string{"/api/v2/status": status, "/api/v2/silences": "[]", "/metrics": ""})
	want := map[string]migrate.Level{"(from the list of processes)": migrate.Same, "only what the API shows": migrate.Todo, "one of two": migrate.Todo}
	expect(t, find(t, migrate.Source{URL: u, Proc: proc}), want)
	process("8", "/usr/bin/alertmanager")
	delete(want, "(from the list of processes)")
	want["its flags could not be found out"] = migrate.Todo
	expect(t, find(t, migrate.Source{URL: u, Proc: proc}), want)
}

func TestNoAlertmanager(t *testing.T) {
	for _, answers := range []map[string]string{{}, {"/api/v2/status": "<html>"}, {"/api/v2/status": "{}"}} {
		u := alertmanager(t, answers)
		u.User = url.UserPassword("ada", "hunter22")
		_, err := migrate.Look(context.Background(), migrate.Source{URL: u})
		if err == nil || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%v: %v", answers, err)
		}
	}
	if _, err := migrate.Look(context.Background(), migrate.Source{ConfigFile: "/no/such/file"}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		"":                    nil,
		" a  b\t--c=d \n":     {"a", "b", "--c=d"},
		`--a="b c" 'd "e' ""`: {"--a=b c", `d "e`, ""},
		"a \\\n  b":           {"a", "b"},
		`a\ b '\' "\""`:       {"a b", `\`, `"`},
	} {
		if got, err := migrate.Split(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", line, got, err, want)
		}
	}
	if _, err := migrate.Split(`--a="b`); !errors.Is(err, migrate.ErrQuote) {
		t.Error(err)
	}
}
