package main_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// module is the import path that all of our packages start with.
const module = "tocsin/"

// ours says which of our packages may import which others of ours. A name
// stands for the package and all below it. What is not listed may not exist.
var ours = map[string][]string{
	"fsm/model":  {},
	"store":      {"fsm/model", "store"},
	"fsm":        {"store", "fsm"},
	"cluster":    {"fsm", "store", "cluster"},
	"dispatcher": {"fsm/model", "dispatcher"},
	"httpapi":    {"fsm/model", "dispatcher", "httpapi"},
	"cmd":        {"fsm", "store", "cluster", "dispatcher", "httpapi", "cmd"},
}

// reserved says which of our packages alone may import a package of others.
var reserved = map[string]string{
	"go.etcd.io/bbolt":                                     "store",
	"github.com/hashicorp/raft":                            "cluster",
	"github.com/hashicorp/raft-boltdb":                     "cluster",
	"github.com/hashicorp/memberlist":                      "cluster",
	"github.com/labstack/echo":                             "httpapi",
	"github.com/spf13/cobra":                               "cmd",
	"github.com/prometheus/alertmanager/config":            "dispatcher",
	"github.com/prometheus/alertmanager/notify":            "dispatcher",
	"github.com/prometheus/alertmanager/tracing":           "dispatcher",
	"github.com/prometheus/alertmanager/eventrecorder":     "dispatcher",
	"github.com/prometheus/alertmanager/timeinterval":      "dispatcher",
	"github.com/prometheus/alertmanager/nflog":             "dispatcher",
	"github.com/prometheus/alertmanager/pkg/labels":        "dispatcher httpapi cmd",
	"github.com/prometheus/alertmanager/template":          "dispatcher httpapi",
	"github.com/prometheus/alertmanager/api/v2/models":     "httpapi cmd",
	"github.com/prometheus/alertmanager/matcher":           "dispatcher httpapi cmd",
	"github.com/prometheus/alertmanager/featurecontrol":    "dispatcher httpapi cmd",
	"github.com/prometheus/alertmanager/dispatch":          "",
	"github.com/prometheus/alertmanager/inhibit":           "",
	"github.com/prometheus/alertmanager/silence":           "",
	"github.com/prometheus/alertmanager/silence/silencepb": "dispatcher",
	"github.com/prometheus/alertmanager/cluster":           "",
	"github.com/prometheus/alertmanager/provider":          "",
	"github.com/prometheus/alertmanager/api/v2":            "",
	"github.com/prometheus/alertmanager/app":               "",
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

// TestImportRules enforces who may import whom. Only what is compiled into the
// program counts: tests may look further.
func TestImportRules(t *testing.T) {
	seen := 0
	for _, p := range listPackages(t) {
		path, own := strings.CutPrefix(p.ImportPath, module)
		if !own {
			continue
		}
		seen++
		owner, ok := longest(path, ours)
		if !ok {
			t.Errorf("%s: the design knows no such package", path)
			continue
		}
		for _, imported := range p.Imports {
			if complaint := judge(path, owner, imported); complaint != "" {
				t.Error(complaint)
			}
		}
	}
	if seen < 5 {
		t.Fatalf("go list found %d packages of ours: the test does not see the tree", seen)
	}
}

func judge(path, owner, imported string) string {
	if dep, own := strings.CutPrefix(imported, module); own {
		if !slices.ContainsFunc(ours[owner], func(root string) bool { return under(dep, root) }) {
			return path + " may not import " + dep
		}
		return ""
	}
	rule, ok := longest(imported, reserved)
	if ok && !slices.ContainsFunc(strings.Fields(reserved[rule]), func(root string) bool { return under(path, root) }) {
		return path + " may not import " + imported
	}
	return ""
}

// longest finds the most particular key of rules that path lies under.
func longest[V any](path string, rules map[string]V) (string, bool) {
	best, found := "", false
	for root := range rules {
		if under(path, root) && len(root) >= len(best) {
			best, found = root, true
		}
	}
	return best, found
}

func under(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// TestImportRulesCanFail holds the rules against imports that they forbid.
func TestImportRulesCanFail(t *testing.T) {
	for _, c := range []struct{ path, imported string }{
		{"dispatcher", "tocsin/fsm"},
		{"dispatcher/notify", "tocsin/cluster"},
		{"httpapi", "tocsin/store"},
		{"fsm/model", "tocsin/fsm/command"},
		{"store", "tocsin/fsm"},
		{"fsm", "go.etcd.io/bbolt"},
		{"httpapi/v2", "github.com/hashicorp/raft"},
		{"cmd/tocsin/app", "github.com/hashicorp/raft-boltdb/v2"},
		{"cluster", "github.com/labstack/echo/v4"},
		{"httpapi", "github.com/prometheus/alertmanager/config/receiver"},
		{"dispatcher", "github.com/prometheus/alertmanager/dispatch"},
	} {
		owner, _ := longest(c.path, ours)
		if judge(c.path, owner, c.imported) == "" {
			t.Errorf("%s may import %s, and should not", c.path, c.imported)
		}
	}
	if got := judge("dispatcher/notify", "dispatcher", "github.com/prometheus/alertmanager/notify/webhook"); got != "" {
		t.Error(got)
	}
}
