package admin_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"gopkg.in/yaml.v3"

	"tocsin/httpapi/access"
	"tocsin/httpapi/admin"
)

// described is the part of an OpenAPI description that is looked at.
type described struct {
	Paths map[string]map[string]struct {
		OperationID string         `yaml:"operationId"`
		Role        string         `yaml:"x-tocsin-role"`
		Summary     string         `yaml:"summary"`
		Tags        []string       `yaml:"tags"`
		Parameters  []parameter    `yaml:"parameters"`
		Responses   map[string]any `yaml:"responses"`
	} `yaml:"paths"`
	Components struct {
		Parameters map[string]parameter `yaml:"parameters"`
	} `yaml:"components"`
	Tags []struct{ Name string } `yaml:"tags"`
}

type parameter struct {
	Ref  string `yaml:"$ref"`
	Name string `yaml:"name"`
	In   string `yaml:"in"`
}

func describedBy(t *testing.T, text []byte) described {
	t.Helper()
	var d described
	if err := yaml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func servedDescription(t *testing.T) (*node, []byte) {
	t.Helper()
	n := newNode(t)
	w := n.do("GET", "/openapi.yaml", "")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/yaml" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	return n, w.Body.Bytes()
}

// pathParam is echo's form of a parameter in a path.
var pathParam = regexp.MustCompile(`:([a-z_]+)`)

// echoParam is OpenAPI's form of one.
var echoParam = regexp.MustCompile(`\{([a-z_]+)\}`)

// TestEveryRouteIsDescribed compares what is served with what is described:
// nothing may be in one and not in the other.
func TestEveryRouteIsDescribed(t *testing.T) {
	n, text := servedDescription(t)
	served := make(map[string]bool)
	for _, r := range n.handler.(*echo.Echo).Routes() {
		path, ours := strings.CutPrefix(r.Path, admin.Path)
		if !ours || r.Method == echo.RouteNotFound {
			continue
		}
		served[strings.ToLower(r.Method)+" "+pathParam.ReplaceAllString(path, "{$1}")] = true
	}
	written := make(map[string]bool)
	for path, operations := range describedBy(t, text).Paths {
		for method := range operations {
			written[method+" "+path] = true
		}
	}
	for _, what := range slices.Sorted(maps.Keys(served)) {
		if !written[what] {
			t.Errorf("%s is served and not described in openapi.yaml", what)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(written)) {
		if !served[what] {
			t.Errorf("%s is described in openapi.yaml and not served", what)
		}
	}
	if len(served) < 10 {
		t.Errorf("only %d routes were found", len(served))
	}
}

// TestDescriptionIsComplete holds each operation to what readers need of it.
func TestDescriptionIsComplete(t *testing.T) {
	_, text := servedDescription(t)
	d := describedBy(t, text)
	tags := make(map[string]bool)
	for _, tag := range d.Tags {
		tags[tag.Name] = true
	}
	ids := make(map[string]string)
	for path, operations := range d.Paths {
		for method, op := range operations {
			what := method + " " + path
			if other := ids[op.OperationID]; op.OperationID == "" || other != "" {
				t.Errorf("%s: its operationId %q is missing, or is that of %s, too", what, op.OperationID, other)
			}
			ids[op.OperationID] = what
			if op.Summary == "" || len(op.Tags) != 1 || !tags[op.Tags[0]] {
				t.Errorf("%s needs a summary and one known tag", what)
			}
			need, _ := access.Need(strings.ToUpper(method), admin.Path+echoParam.ReplaceAllString(path, ":$1"))
			if op.Role != need.String() {
				t.Errorf("%s needs the role %v: write x-tocsin-role: %v below its operationId, it has %q", what, need, need, op.Role)
			}
			if len(op.Responses) == 0 || method != "get" && op.Responses["403"] == nil {
				t.Errorf("%s lacks answers, or the one for who may not: %v", what, op.Responses)
			}
			checkPathParameters(t, what, path, op.Parameters, d.Components.Parameters)
		}
	}
}

func checkPathParameters(t *testing.T, what, path string, given []parameter, known map[string]parameter) {
	t.Helper()
	var has []string
	for _, p := range given {
		if p.Ref != "" {
			p = known[p.Ref[strings.LastIndexByte(p.Ref, '/')+1:]]
		}
		if p.In == "path" {
			has = append(has, "{"+p.Name+"}")
		}
	}
	wanted := regexp.MustCompile(`\{[^}]*\}`).FindAllString(path, -1)
	slices.Sort(has)
	slices.Sort(wanted)
	if !slices.Equal(has, wanted) {
		t.Errorf("%s: parameters of the path %v, described %v", what, wanted, has)
	}
}

// TestDescriptionHasNoDeadReferences follows every $ref, and finds every
// component used.
func TestDescriptionHasNoDeadReferences(t *testing.T) {
	_, text := servedDescription(t)
	var root map[string]any
	if err := yaml.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	eachReference(root, func(ref string) { used[ref] = true })
	var known []string
	for kind, all := range root["components"].(map[string]any) {
		if kind == "securitySchemes" {
			continue // these are named without a reference
		}
		for name := range all.(map[string]any) {
			known = append(known, "#/components/"+kind+"/"+name)
		}
	}
	for ref := range used {
		if !slices.Contains(known, ref) {
			t.Errorf("%s is not there", ref)
		}
	}
	for _, name := range known {
		if !used[name] {
			t.Errorf("%s is not used", name)
		}
	}
}

func eachReference(v any, do func(string)) {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			do(ref)
		}
		for _, e := range v {
			eachReference(e, do)
		}
	case []any:
		for _, e := range v {
			eachReference(e, do)
		}
	}
}
