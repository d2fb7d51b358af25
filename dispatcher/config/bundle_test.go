package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tocsin/dispatcher/config"
	"tocsin/fsm/model"
)

// write makes files below a new folder and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestBundle(t *testing.T) {
	outside := write(t, map[string]string{"far.tmpl": `{{ define "far" }}far{{ end }}`})
	dir := write(t, map[string]string{
		"am.yml": "templates: ['z/*.tmpl', 'a/*.tmpl', 'a/x.tmpl', 'none/*.tmpl', '" + outside + "/*.tmpl']\n" +
			"route: {receiver: r}\nreceivers: [{name: r}]\n",
		"a/x.tmpl": `{{ define "who" }}a{{ end }}`,
		"z/x.tmpl": `{{ define "who" }}z{{ end }}{{ define "only" }}z{{ end }}`,
		"z/y.tmpl": "whole file",
	})
	v, err := config.Bundle(filepath.Join(dir, "am.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range v.Templates {
		names = append(names, f.Name)
	}
	want := []string{filepath.ToSlash(filepath.Join(outside, "far.tmpl")), "a/x.tmpl", "z/x.tmpl", "z/y.tmpl"}
	if !slices.Equal(names, want) {
		t.Errorf("templates are %q, want %q", names, want)
	}
	if v.SHA256 != v.Sum() || v.SHA256 == [32]byte{} {
		t.Error("the sum is not that of the version")
	}
	c, err := config.Load(v, config.Options{BaseDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	// z is read before a, as the configuration says, so a's definition holds.
	got, err := c.Template.ExecuteTextString(`{{ template "who" }} {{ template "only" }} {{ template "far" }} {{ template "y.tmpl" }}`, nil)
	if err != nil || got != "a z far whole file" {
		t.Errorf("templates render %q, %v", got, err)
	}
	html, err := c.Template.ExecuteHTMLString(`{{ template "who" }} {{ template "y.tmpl" }}`, nil)
	if err != nil || html != "a whole file" {
		t.Errorf("HTML templates render %q, %v", html, err)
	}
}

func TestBundleErrors(t *testing.T) {
	if _, err := config.Bundle(filepath.Join(t.TempDir(), "none.yml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file says %v", err)
	}
	dir := write(t, map[string]string{"am.yml": "templates: ['[']\nroute: 1"})
	if _, err := config.Bundle(filepath.Join(dir, "am.yml")); !errors.Is(err, filepath.ErrBadPattern) {
		t.Errorf("a bad pattern says %v", err)
	}
	dir = write(t, map[string]string{"am.yml": "\t"})
	v, err := config.Bundle(filepath.Join(dir, "am.yml"))
	if err != nil || string(v.YAML) != "\t" {
		t.Errorf("a text that is no YAML is not bundled: %v", err)
	}
}

// TestTemplateProblems: problems in template files have the file's name and
// line.
func TestTemplateProblems(t *testing.T) {
	yaml := "templates: ['*.tmpl']\nroute: {receiver: r}\nreceivers: [{name: r, slack_configs: [{api_url: 'http://x.example', title: '{{ template \"mine\" . }}'}]}]\n"
	for _, tc := range []struct{ file, want string }{
		{`{{ define "mine" }}{{ end }}`, ""},
		{"\n\n{{ define \"mine\" }}{{ if }}{{ end }}{{ end }}", "a.tmpl:3: bad template: missing value for if"},
		{"\n{{ define \"mine\" }}{{ .Status | uppercase }}{{ end }}", `a.tmpl:2: bad template: function "uppercase" not defined`},
		{"\n{{ define \"mine\" }}{{ template \"your\" }}{{ end }}", `a.tmpl:2: there is no template "your"`},
		{`{{ define "mime" }}{{ end }}`, `x.yml:3:76: there is no template "mine"; did you mean mime?`},
	} {
		v := &model.ConfigVersion{YAML: []byte(yaml), Templates: []model.TemplateFile{{Name: "a.tmpl", Text: []byte(tc.file)}}}
		got := config.CheckVersion("x.yml", v, config.Options{}).Error()
		first, _, _ := strings.Cut(got, "\n")
		if got != tc.want && (tc.want == "" || !strings.Contains(got, tc.want)) {
			t.Errorf("%q: problems are %q, want %q", tc.file, first, tc.want)
		}
	}
	// Without the files nobody can say whether the template is there.
	if ps := config.Check("x.yml", []byte(yaml)); len(ps) > 0 {
		t.Errorf("Check finds %v", ps)
	}
}
