package config

import (
	"cmp"
	"fmt"
	htmltemplate "html/template"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	texttemplate "text/template"
	"text/template/parse"

	"github.com/prometheus/alertmanager/template"
	"gopkg.in/yaml.v3"

	"tocsin/fsm/model"
)

// templates are Alertmanager's own templates with those of a version.
type templates struct {
	set  *template.Template
	text *texttemplate.Template
	html *htmltemplate.Template
}

// newTemplates has Alertmanager's templates only.
func newTemplates() (*templates, error) {
	t := &templates{}
	set, err := template.FromGlobs(nil, func(text *texttemplate.Template, html *htmltemplate.Template) {
		t.text, t.html = text, html
	})
	if err != nil {
		return nil, fmt.Errorf("read Alertmanager's templates: %w", err)
	}
	t.set = set
	return t, nil
}

// add parses one template file. As when Alertmanager reads files, the file's own
// text becomes a template by its name without folders, and what is defined later
// takes the place of what was defined before.
func (t *templates) add(f model.TemplateFile) error {
	name := path.Base(f.Name)
	if _, err := t.text.New(name).Parse(string(f.Text)); err != nil {
		return fmt.Errorf("parse template: %w", err)
	}
	if _, err := t.html.New(name).Parse(string(f.Text)); err != nil {
		return fmt.Errorf("parse template: %w", err)
	}
	return nil
}

// names are the templates that are defined.
func (t *templates) names() []string {
	var out []string
	for _, d := range t.text.Templates() {
		out = append(out, d.Name())
	}
	return out
}

// call is a template's name with the line that it is called in.
type call struct {
	name string
	line int
}

// undefined are the calls in a text of templates that neither it nor the set
// defines, in the order of the text.
func (t *templates) undefined(text string) ([]call, error) {
	parsed, err := texttemplate.New("text").Funcs(texttemplate.FuncMap(template.DefaultFuncs)).Parse(text)
	if err != nil {
		return nil, err
	}
	var missing []call
	for _, d := range parsed.Templates() {
		if d.Tree == nil {
			continue
		}
		for _, c := range calls(d.Root) {
			if parsed.Lookup(c.name) == nil && t.text.Lookup(c.name) == nil {
				missing = append(missing, c)
			}
		}
	}
	slices.SortFunc(missing, func(a, b call) int { return cmp.Or(a.line-b.line, strings.Compare(a.name, b.name)) })
	return slices.Compact(missing), nil
}

// calls are the templates that a parsed text calls.
func calls(n parse.Node) []call {
	switch n := n.(type) {
	case *parse.TemplateNode:
		return []call{{name: n.Name, line: n.Line}}
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		var out []call
		for _, child := range n.Nodes {
			out = append(out, calls(child)...)
		}
		return out
	case *parse.IfNode:
		return append(calls(n.List), calls(n.ElseList)...)
	case *parse.RangeNode:
		return append(calls(n.List), calls(n.ElseList)...)
	case *parse.WithNode:
		return append(calls(n.List), calls(n.ElseList)...)
	default:
		return nil
	}
}

// order puts template files into the order in which Alertmanager would read
// them: glob by glob, and within a glob by name. Files that no glob names come
// last.
func order(files []model.TemplateFile, globs []string) []model.TemplateFile {
	rank := func(f model.TemplateFile) int {
		for i, g := range globs {
			if named := matchesGlob(g, f.Name); named {
				return i
			}
		}
		return len(globs)
	}
	out := slices.Clone(files)
	slices.SortStableFunc(out, func(a, b model.TemplateFile) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// matchesGlob reports whether a file may have come from a glob. Names are
// relative to a folder that is not known here, so only as many last parts of the
// path are compared as both have.
func matchesGlob(glob, name string) bool {
	g, n := strings.Split(path.Clean(glob), "/"), strings.Split(path.Clean(name), "/")
	last := min(len(g), len(n))
	ok, err := path.Match(strings.Join(g[len(g)-last:], "/"), strings.Join(n[len(n)-last:], "/"))
	return ok && err == nil
}

// checkFiles parses the template files of a version, and then looks for what
// they call.
func (w *walker) checkFiles(t *templates, files []model.TemplateFile) {
	var parsed []model.TemplateFile
	for _, f := range order(files, globsOf(w.doc.root)) {
		if err := t.add(f); err != nil {
			line, column, message := templateError(err)
			w.problems = append(w.problems, Problem{File: f.Name, Line: line, Column: column, Message: message})
			continue
		}
		parsed = append(parsed, f)
	}
	if len(parsed) < len(files) {
		return
	}
	for _, f := range parsed {
		// It was parsed a moment ago, so this cannot fail.
		missing, _ := t.undefined(string(f.Text))
		for _, c := range missing {
			w.problems = append(w.problems, Problem{File: f.Name, Line: c.line, Message: t.noTemplate(c.name)})
		}
	}
}

func (t *templates) noTemplate(name string) string {
	return fmt.Sprintf("there is no template %q%s", name, didYouMean(name, t.names()))
}

// checkTexts parses the templates that stand in the YAML. complete says whether
// all template files are in t; otherwise a template that is not may be in a file
// that was not looked at.
func (w *walker) checkTexts(t *templates, complete bool) {
	for _, n := range w.templates {
		if w.failed[n] {
			continue
		}
		missing, err := t.undefined(n.Value)
		if err != nil {
			line, _, message := templateError(err)
			w.inText(n, line, message)
			continue
		}
		if !complete {
			continue
		}
		for _, c := range missing {
			w.inText(n, c.line, t.noTemplate(c.name))
		}
	}
}

// inText complains about a line of a text: at that line where the text is a
// block, otherwise at its beginning.
func (w *walker) inText(n *yaml.Node, line int, message string) {
	p := w.doc.problem(n, message)
	if n.Style&yaml.LiteralStyle != 0 && line > 0 {
		p.Line, p.Column = n.Line+line, 0
	}
	w.problems = append(w.problems, p)
}

var templatePlace = regexp.MustCompile(`(?s)template: [^:]*:(\d+)(?::(\d+))?: (.*)$`)

// templateError takes the place out of an error of the template packages.
func templateError(err error) (line, column int, message string) {
	m := templatePlace.FindStringSubmatch(err.Error())
	if m == nil {
		return 0, 0, "bad template: " + err.Error()
	}
	// The expression lets through digits only, and few of them.
	line, _ = strconv.Atoi(m[1])
	column, _ = strconv.Atoi(m[2])
	return line, column, "bad template: " + m[3]
}

// globsOf are the entries of templates.
func globsOf(root *yaml.Node) []string {
	var out []string
	for _, n := range elements(lookup(root, "templates")) {
		if n.Kind == yaml.ScalarNode && !isNull(n) {
			out = append(out, n.Value)
		}
	}
	return out
}
