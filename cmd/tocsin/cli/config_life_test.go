package cli_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const routedConfig = `route:
  receiver: all
  group_by: [alertname]
  routes:
    - matchers: [team=db]
      receiver: db
      continue: true
      routes:
        - matchers: [severity=page, env!=dev]
          receiver: pager
    - matchers: [severity=page]
      receiver: pager
receivers: [{name: all}, {name: db}, {name: pager}]
`

func TestConfigRollback(t *testing.T) {
	n := newNode(t, map[string]answer{"POST /api/tocsin/v1/config": {body: `{"rev":5,"hash":"0123456789ab","active":true}`}})
	if got := n.run("config", "rollback", "3", "-a", "ada", "--if-version", "4"); got.code != 0 || got.out != "version 5 is active\n" {
		t.Error(got)
	}
	sameJSON(t, n.asked[0].body, `{"author":"ada","comment":"rollback to version 3","from_rev":3,"base_rev":4}`)
	n.run("config", "rollback", "3", "-a", "ada", "-m", "it paged everybody")
	sameJSON(t, n.asked[1].body, `{"author":"ada","comment":"it paged everybody","from_rev":3}`)
	for _, bad := range [][]string{{"config", "rollback"}, {"config", "rollback", "0"}, {"config", "rollback", "x"}, {"config", "show", "x"}, {"config", "diff", "1", "2", "3"}} {
		if got := n.run(bad...); got.code != 2 {
			t.Error(bad, got)
		}
	}
}

func TestConfigApplyOfWhatRuns(t *testing.T) {
	n := newNode(t, map[string]answer{"POST /api/tocsin/v1/config": {body: `{"rev":4,"hash":"0123456789ab","active":true,"unchanged":true}`}})
	file := filepath.Join(folder(t, "a.yml", routedConfig), "a.yml")
	if got := n.run("config", "apply", file); got.code != 0 || got.out != "nothing to change: version 4 says this already\n" {
		t.Error(got)
	}
}

// TestConfigApplySaysThatItWaits has a node that takes its time.
func TestConfigApplySaysThatItWaits(t *testing.T) {
	n := newNode(t, nil)
	n.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(1200 * time.Millisecond)
		w.Write([]byte(`{"rev":4}`))
	})
	got := n.run("config", "rollback", "3")
	if got.code != 0 || got.out != "version 4 is active\n" || !strings.HasPrefix(got.err, "the nodes are asked whether they can load it (1 s)\n") {
		t.Error(got)
	}
}

func TestConfigDiff(t *testing.T) {
	n := newNode(t, map[string]answer{
		"GET /api/tocsin/v1/config/diff": {body: `{"from":2,"to":3,"diff":"--- version 2/a\n+++ version 3/a\n","secrets":["global.smtp_auth_password"]}`},
	})
	want := "--- version 2/a\n+++ version 3/a\nsecrets that differ: global.smtp_auth_password\n"
	for i, c := range []struct{ args, query string }{{"", ""}, {"2", "?from=2"}, {"2 3", "?from=2&to=3"}} {
		if got := n.run(append([]string{"config", "diff"}, strings.Fields(c.args)...)...); got.code != 0 || got.out != want {
			t.Error(got)
		}
		if asked := n.asked[i].what; asked != "GET /api/tocsin/v1/config/diff"+c.query {
			t.Errorf("diff %s asked %s", c.args, asked)
		}
	}
}

// TestConfigRoutes asks a file and a node; both must say the same.
func TestConfigRoutes(t *testing.T) {
	file := filepath.Join(folder(t, "a.yml", routedConfig), "a.yml")
	shown := run("", "config", "routes", "show", "--config.file", file)
	golden(t, "config_routes.txt", shown.out)
	if got := run("", "config", "routes", "--config.file", file); got != shown {
		t.Error(got)
	}
	tree := run("", "config", "routes", "show", "--config.file", file, "-o", "json")
	tried := run("", "config", "routes", "test", "--config.file", file, "-o", "json", "team=db", "severity=page")
	n := newNode(t, map[string]answer{
		"GET /api/tocsin/v1/config/routes":      {body: `{"rev":3,"route":` + tree.out + `}`},
		"GET /api/tocsin/v1/config/routes/test": {body: tried.out},
	})
	if got := n.run("config", "routes"); got != shown {
		t.Errorf("%+v\nwant %+v", got, shown)
	}
	if got := n.run("config", "routes", "test", "team=db", "severity=page", "--rev", "3"); got.code != 0 || got.out != "pager,pager\n" {
		t.Error(got)
	}
	if asked := n.asked[1].what; asked != "GET /api/tocsin/v1/config/routes/test?label=team%3Ddb&label=severity%3Dpage&rev=3" {
		t.Error(asked)
	}
}

func TestConfigRoutesTest(t *testing.T) {
	file := filepath.Join(folder(t, "a.yml", routedConfig, "bad.yml", "route: {}\n"), "a.yml")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"team=db"}, 0, "db\n"},
		{[]string{"team=db", "severity=page"}, 0, "pager,pager\n"},
		{[]string{"team=db", "severity=page", "env=dev"}, 0, "db,pager\n"},
		{[]string{"x=y"}, 0, "all\n"},
		{[]string{"x=y", "--verify.receivers=all"}, 0, "all\n"},
		{[]string{"x=y", "--verify.receivers=db,all"}, 1, "the alert does not reach the receivers that were expected: expected db,all, got all"},
		{[]string{"team=db", "severity=page", "--tree"}, 0, `{}/{team="db"}/0/{env!="dev",severity="page"}/0  {}/{team="db"}/{env!="dev",severity="page"}:{}`},
		{[]string{"nonsense"}, 2, `"nonsense" is not LABEL=VALUE`},
	} {
		got := run("", append([]string{"config", "routes", "test", "--config.file", file}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.out+got.err, c.want) {
			t.Errorf("%v: %+v, want %q", c.args, got, c.want)
		}
	}
	bad := filepath.Join(filepath.Dir(file), "bad.yml")
	if got := run("", "config", "routes", "--config.file", bad); got.code != 1 || !strings.Contains(got.err, bad+":1:") {
		t.Error(got)
	}
}

const plannedJSON = `{"base_rev":3,"changes":true,"diff":"--- version 3/alertmanager.yml\n+++ new/alertmanager.yml\n","secrets":["global.smtp_auth_password"],
 "receivers":{"added":["pager"],"removed":["old"],"changed":["db"]},"alerts":12,
 "moves":[{"alerts":2,"example":{"team":"db","alertname":"Disk"},"from":[{"receiver":"all","group":"{}:{}"}],"to":[{"receiver":"db","group":"{}/{team=\"db\"}:{}","muted":"inhibition"},{"receiver":"all","group":"{}:{}"}]}],
 "notifications":[{"receiver":"db","integration":"webhook/0123456789","group":"g","reason":"first notification","firing":2,"example":{"alertname":"Disk"}}],
 "left_open":[{"receiver":"all","integration":"webhook/9876543210","group":"g","alerts":1,"example":{"alertname":"Disk"}}]}`

// TestConfigPlan has the exit code say what a script wants to know.
func TestConfigPlan(t *testing.T) {
	file := filepath.Join(folder(t, "a.yml", routedConfig), "a.yml")
	for _, c := range []struct {
		answer string
		code   int
		out    string
		err    string
	}{
		{plannedJSON, 2, "golden", ""},
		{`{"base_rev":3,"diff":""}`, 0, "nothing to change: version 3 says this already\n", ""},
		{`{"base_rev":3,"diff":"","silent":true}`, 0, "only remarks or the layout differ\n", ""},
		{`{"base_rev":3,"problems":[{"file":"alertmanager.yml","line":2,"message":"no such receiver"}]}`, 1, "", file + ":2: no such receiver\ntocsin: it cannot be applied: mend what is listed\n"},
		{`{"base_rev":3,"changes":true,"diff":"x","objections":[{"node":"b","problems":[{"file":"alertmanager.yml","message":"no such file"}]}]}`, 1, "", "node b: " + file + ": no such file\ntocsin: it cannot be applied: mend what is listed\n"},
	} {
		n := newNode(t, map[string]answer{"POST /api/tocsin/v1/config/plan": {body: c.answer}})
		got := n.run("config", "plan", file)
		if got.code != c.code || got.err != c.err {
			t.Errorf("%+v", got)
		}
		if c.out == "golden" {
			golden(t, "config_plan.txt", got.out)
		} else if c.out != "" && got.out != c.out {
			t.Errorf("%+v", got)
		}
	}
	if got := run("", "config", "plan"); got.code != 1 {
		t.Error(got)
	}
}
