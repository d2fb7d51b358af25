package acceptance_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// amtool is Debian's amtool 0.25, pointed at a node.
type amtool struct {
	t    *testing.T
	path string
	home string // where it finds no configuration of its own
	node *rig.Node
}

// output is what a command said.
type output struct {
	code        int
	out, errout string
}

func newAmtool(t *testing.T, cfg string) *amtool {
	t.Helper()
	path := rig.NeedTool(t, "amtool")
	return &amtool{t: t, path: path, home: t.TempDir(), node: rig.StartNode(t, rig.NodeOptions{Config: cfg})}
}

// run runs a command, without the comparison of versions.
func (a *amtool) run(args ...string) output {
	a.t.Helper()
	return a.exec(append([]string{"--no-version-check"}, args...)...)
}

func (a *amtool) exec(args ...string) output {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, a.path, append([]string{"--alertmanager.url=" + a.node.Base}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+a.home, "TZ=UTC")
	var out, errout strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errout
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		a.t.Fatalf("run amtool %q: %v", args, err)
	}
	return output{cmd.ProcessState.ExitCode(), trimLines(out.String()), trimLines(errout.String())}
}

// ok runs a command that must succeed and gives its standard output.
func (a *amtool) ok(args ...string) string {
	a.t.Helper()
	o := a.run(args...)
	if o.code != 0 || o.errout != "" {
		a.t.Errorf("amtool %q: exit code %d, says %q", args, o.code, o.errout)
	}
	return o.out
}

// fails runs a command that must fail and say something.
func (a *amtool) fails(says string, args ...string) {
	a.t.Helper()
	if o := a.run(args...); o.code != 1 || !strings.Contains(o.errout, says) {
		a.t.Errorf("amtool %q: exit code %d, says %q, want 1 and %q", args, o.code, o.errout, says)
	}
}

// same compares an output with what it should be, line by line.
func (a *amtool) same(what, got, want string) {
	a.t.Helper()
	if want = trimLines(want); got != want {
		a.t.Errorf("%s is\n%s\nwant\n%s", what, got, want)
	}
}

// trimLines takes the blanks off the ends of lines, and empty lines off both
// ends.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

const amtoolConfig = `route:
  receiver: default
  group_by: [alertname]
  group_wait: 1ms
  routes:
  - matchers: ['team="db"', 'sev=~"hi.*"']
    receiver: db
    continue: true
  - match: {team: web}
    receiver: web
    routes:
    - match_re: {host: 'a|b'}
      receiver: web-ab
receivers: [{name: default}, {name: db}, {name: web}, {name: web-ab}]
`

func TestAmtoolAlerts(t *testing.T) {
	t.Parallel()
	a := newAmtool(t, amtoolConfig)
	for _, args := range [][]string{
		{"alertname=x", "host=a", "--annotation=summary=it is down", "--generator-url=http://p.test/g", "--start=2026-01-02T03:04:05Z"},
		{"y", "team=db", "--start=2026-01-02T03:04:06Z"},
	} {
		args = append([]string{"alert", "add", "--end=2056-01-02T03:04:05Z"}, args...)
		if out := a.ok(args...); out != "" {
			t.Errorf("alert add says %q", out)
		}
	}
	a.fails("at least one label pair required", "alert", "add")
	a.fails("[400]", "alert", "query", `host=~"(`)

	var got string
	now(t, "alerts active", func() (bool, string) {
		got = a.ok("alert")
		return !strings.Contains(got, "unprocessed"), got
	})
	a.same("alert", got, `
Alertname  Starts At                Summary     State
x          2026-01-02 03:04:05 UTC  it is down  active
y          2026-01-02 03:04:06 UTC              active
`)
	a.same("alert query host=a", a.ok("alert", "query", "host=a", "-o", "extended"), `
Labels                  Annotations           Starts At                Ends At                  Generator URL    State
alertname="x" host="a"  summary="it is down"  2026-01-02 03:04:05 UTC  2056-01-02 03:04:05 UTC  http://p.test/g  active
`)
	a.same("alert query --silenced", a.ok("alert", "query", "--silenced"), "Alertname  Starts At  Summary  State")
	a.same("alert query of a receiver", a.ok("alert", "query", "--receiver=d.f.*", "x"), `
Alertname  Starts At                Summary     State
x          2026-01-02 03:04:05 UTC  it is down  active
`)
	var list []rig.APIAlert
	if err := json.Unmarshal([]byte(a.ok("alert", "query", "-o", "json", "y")), &list); err != nil || len(list) != 1 || list[0].Labels["team"] != "db" {
		t.Errorf("alert query -o json gives %+v (%v), want the one of team db", list, err)
	}
}

func TestAmtoolSilences(t *testing.T) {
	t.Parallel()
	a := newAmtool(t, amtoolConfig)
	head := "ID                                    Matchers                   Ends At                  Created By  Comment\n"
	id := a.ok("silence", "add", "alertname=x", "host=~a.*", "-c", "why not", "-a", "me", "--end=2056-01-02T03:04:05Z")
	if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Fatalf("silence add says %q, want a UUID", id)
	}
	a.fails("comment required", "silence", "add", "alertname=x")
	a.fails("no matchers specified", "silence", "add", "-c", "x")
	a.same("silence query", a.ok("silence", "query"), head+id+`  alertname="x" host=~"a.*"  2056-01-02 03:04:05 UTC  me          why not`)
	a.same("silence query -q", a.ok("silence", "query", "-q"), id)
	a.same("silence query alertname=x", a.ok("silence", "query", "-q", "alertname=x"), id)
	a.same("silence query alertname=y", a.ok("silence", "query", "-q", "alertname=y"), "")

	a.same("silence update", a.ok("silence", "update", "--end=2056-02-02T03:04:05Z", "-c", "longer", id),
		head+id+`  alertname="x" host=~"a.*"  2056-02-02 03:04:05 UTC  me          longer`)
	a.same("silence query -q after the update", a.ok("silence", "query", "-q"), id)

	a.same("silence expire", a.ok("silence", "expire", id), "")
	a.same("silence query after the end", a.ok("silence", "query", "-q"), "")
	a.same("silence query --expired", a.ok("silence", "query", "-q", "--expired"), id)
	unknown := "11111111-1111-1111-1111-111111111111"
	a.fails("404", "silence", "update", "-c", "x", unknown)
	if rig.Tested(t).Older(27) {
		a.fails("[500]", "silence", "expire", unknown)
	} else {
		a.fails("404", "silence", "expire", unknown)
	}
}

func TestAmtoolSilenceImport(t *testing.T) {
	t.Parallel()
	a := newAmtool(t, amtoolConfig)
	silence := func(name string, end time.Time) string {
		s := rig.Mute("alertname", name, 0)
		s.StartsAt, s.EndsAt, s.ID = end.Add(-time.Hour), end, "22222222-2222-2222-2222-22222222222"+name
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	far, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	importing := func(text string) output {
		file := filepath.Join(t.TempDir(), "silences.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return a.run("silence", "import", file)
	}
	names := func() string {
		list, err := a.node.Silences()
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, s := range list {
			fmt.Fprintf(&b, "%s=%s ", s.Matchers[0].Name, s.Matchers[0].Value)
		}
		return b.String()
	}
	// Unknown IDs are imported as new silences.
	if o := importing("[" + silence("1", far) + "]"); o.code != 0 || o.errout != "" {
		t.Errorf("import of a valid silence: %+v", o)
	}
	if got := names(); got != "alertname=1 " {
		t.Errorf("silences after the import: %s", got)
	}
	// Invalid JSON and silences change nothing; amtool 0.25 exits with 0.
	importing("[{")
	if o := importing(`[` + silence("2", past) + `]`); !strings.Contains(o.errout, "end time can't be in the past") {
		t.Errorf("import of an ended silence: %+v", o)
	}
	if got := names(); got != "alertname=1 " {
		t.Errorf("silences after two bad imports: %s", got)
	}
	// What is valid is imported even if the rest is not.
	o := importing("[" + strings.Join([]string{silence("3", past), silence("4", far), `{"matchers":[]}`, silence("5", far)}, ",") + "]")
	if n := strings.Count(o.errout, "Error adding silence"); n != 2 {
		t.Errorf("import with two bad ones of four: %+v", o)
	}
	if got := names(); len(strings.Fields(got)) != 3 || !strings.Contains(got, "=4 ") || !strings.Contains(got, "=5 ") {
		t.Errorf("silences after the partial import: %s, want 1, 4 and 5", got)
	}
}

func TestAmtoolConfigAndCluster(t *testing.T) {
	t.Parallel()
	a := newAmtool(t, amtoolConfig)
	shown := a.ok("config", "show")
	for _, want := range []string{"receiver: web-ab", "group_wait: 1ms", "resolve_timeout: 5m"} {
		if !strings.Contains(shown, want) {
			t.Errorf("config show does not have %q:\n%s", want, shown)
		}
	}
	st, err := a.node.Status()
	if err != nil {
		t.Fatal(err)
	}
	var got string
	rig.Eventually(15*time.Second, 200*time.Millisecond, func() bool {
		got = a.ok("cluster", "show", "-o", "extended")
		return strings.Contains(got, "ready")
	})
	a.same("cluster show", got, fmt.Sprintf("Cluster Status:  ready\nNode Name:       %[1]s\n\nAddress%[3]s  Name\n%[2]s  %[1]s",
		st.Cluster.Name, a.node.Peer, strings.Repeat(" ", len(a.node.Peer)-len("Address"))))
}

func TestAmtoolRoutes(t *testing.T) {
	t.Parallel()
	a := newAmtool(t, amtoolConfig)
	routes := func(args ...string) []string { return append([]string{"config", "routes"}, args...) }
	if !rig.Tested(t).Older(28) {
		// amtool 0.25 cannot read the configuration of any newer server, which
		// shows settings that it does not know; it is given the file.
		file := "--config.file=" + filepath.Join(a.node.Dir, "config.yml")
		routes = func(args ...string) []string { return append([]string{"config", "routes"}, append(args, file)...) }
	}
	ok := func(args ...string) string {
		o := a.run(routes(args...)...)
		if o.code != 0 {
			t.Errorf("amtool %q: %+v", routes(args...), o)
		}
		return o.out
	}
	a.same("config routes show", ok("show"), `
Routing tree:
.
└── default-route  receiver: default
    ├── {sev=~"hi.*",team="db"}  continue: true  receiver: db
    └── {team="web"}  receiver: web
        └── {host=~"^(?:a|b)$"}  receiver: web-ab
`)
	for _, c := range []struct {
		labels []string
		want   string
	}{
		{[]string{"team=db", "sev=high"}, "db"},
		{[]string{"team=web", "host=a"}, "web-ab"},
		{[]string{"team=web", "host=abc"}, "web"},
		{nil, "default"},
	} {
		a.same(fmt.Sprint("config routes test ", c.labels), ok(append([]string{"test"}, c.labels...)...), c.want)
	}
	o := a.run(routes("test", "--verify.receivers=web", "host=a")...)
	if o.code != 1 || !strings.Contains(o.out, "WARNING: Expected receivers did not match resolved receivers.") {
		t.Errorf("a test for the wrong receiver: %+v", o)
	}
	for file, want := range map[string]int{"config.yml": 0, "none.yml": 1} {
		if o := a.run("check-config", filepath.Join(a.node.Dir, file)); o.code != want {
			t.Errorf("check-config %s: %+v, want exit code %d", file, o, want)
		}
	}
}

// TestAmtoolReadsItsVersion lets amtool compare versions, which it does before
// every command unless told not to: it may warn, but not fail.
func TestAmtoolReadsItsVersion(t *testing.T) {
	t.Parallel()
	a := newAmtool(t, amtoolConfig)
	st, err := a.node.Status()
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^\d+\.\d+\.\d+`).MatchString(st.VersionInfo.Version) {
		t.Errorf("the version is %q, want three numbers", st.VersionInfo.Version)
	}
	o := a.exec("silence", "query", "-q")
	if o.code != 0 {
		t.Errorf("a command with the check of versions: %+v", o)
	}
	if st.Uptime.IsZero() || time.Since(st.Uptime) > time.Minute {
		t.Errorf("it is up since %v", st.Uptime)
	}
	if r := a.node.Get("/-/healthy"); r.Code != http.StatusOK || !strings.HasPrefix(r.Body, "OK") {
		t.Errorf("GET /-/healthy: %v", r)
	}
}
