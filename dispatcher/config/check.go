package config

import (
	"path/filepath"
	"strings"

	amconfig "github.com/prometheus/alertmanager/config"
	"gopkg.in/yaml.v3"

	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

// Check finds everything that is wrong with a configuration, as far as its text
// alone shows it: template files are not looked at. name is the file's name in
// the problems. It never panics and touches no file.
func Check(name string, yaml []byte) Problems {
	c := newCheck(name, yaml)
	c.texts(nil, false)
	return c.result()
}

// CheckVersion is Check for a version with its templates. It builds every
// receiver, also those that no route names, which reads the files that HTTP and
// TLS settings name.
func CheckVersion(name string, v *model.ConfigVersion, o Options) Problems {
	c := newCheck(name, v.YAML)
	c.texts(v.Templates, true)
	if len(c.problems()) == 0 {
		c.build(v, o)
	}
	return c.result()
}

// check is one look at one configuration.
type check struct {
	name string
	// walker is nil if the text is no document at all.
	walker *walker
	early  Problems
	// upstream is what Alertmanager's parser made of the text, if it is valid.
	upstream *amconfig.Config
}

func newCheck(name string, text []byte) *check {
	c := &check{name: name}
	d, problems := newDocument(name, text)
	c.early = problems
	if d == nil {
		return c
	}
	w := newWalker(d)
	c.walker = w
	w.visit(place{node: d.root, typ: configType})
	w.globs()
	w.references()
	w.pieces()
	if len(c.problems()) == 0 {
		c.upstream = w.whole()
	}
	return c
}

// problems are those found so far, in the order of finding.
func (c *check) problems() Problems {
	if c.walker == nil {
		return c.early
	}
	return append(c.early[:len(c.early):len(c.early)], c.walker.problems...)
}

// result is all problems in the order of the text, without secrets.
func (c *check) result() Problems {
	ps := c.problems()
	if c.walker != nil {
		for i := range ps {
			ps[i].Message = c.walker.masked(ps[i].Message)
		}
	}
	return ps.sorted(c.name)
}

// texts checks the template files and the templates in the YAML.
func (c *check) texts(files []model.TemplateFile, complete bool) {
	if c.walker == nil {
		return
	}
	t, err := newTemplates()
	if err != nil {
		c.walker.complain(c.walker.doc.root, "%v", err)
		return
	}
	c.walker.checkFiles(t, files)
	c.walker.checkTexts(t, complete || len(globsOf(c.walker.doc.root)) == 0)
}

// build builds every receiver alone, for the problems that only show then.
func (c *check) build(v *model.ConfigVersion, o Options) {
	l := loader{version: v, options: o, check: c}
	if err := l.prepare(); err != nil {
		c.walker.complain(c.walker.doc.root, "%v", err)
		return
	}
	receivers := elements(lookup(c.walker.doc.root, "receivers"))
	for i, rc := range l.config.Upstream.Receivers {
		if _, err := notify.Build(rc, l.buildOptions(rc.Name)); err != nil && i < len(receivers) {
			c.walker.complain(receivers[i], "%v", err)
		}
	}
	if o.NeedFiles && len(c.walker.problems) == 0 {
		c.walker.needFiles(localFiles(l.config.Upstream))
	}
}

// needFiles complains of the files that cannot be read, each where it is first
// named.
func (w *walker) needFiles(files []File) {
	for _, f := range files {
		if f.Err == nil {
			continue
		}
		at := naming(w.doc.root, f.Path)
		if at == nil {
			at = w.doc.root
		}
		w.complain(at, "%v: put it there on every node first, readable by the user that tocsin runs as", f.Err)
	}
}

// naming is the first scalar that names the file at path, which is its text or
// ends with it where a relative path starts from a folder.
func naming(n *yaml.Node, path string) *yaml.Node {
	if n.Kind == yaml.ScalarNode {
		if n.Value == path || n.Value != "" && strings.HasSuffix(path, "/"+filepath.Clean(n.Value)) {
			return n
		}
		return nil
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue // a key
		}
		if at := naming(child, path); at != nil {
			return at
		}
	}
	return nil
}

// whole is Alertmanager's last word. Whatever it refuses that nothing before it
// found is said at the line that it names, or at the beginning.
func (w *walker) whole() *amconfig.Config {
	cfg, err := load(w.doc.text)
	if err == nil {
		return cfg
	}
	at := blameFor(w.doc.root, func(n *yaml.Node) error {
		text, err := encode(n)
		if err == nil {
			_, err = load(text)
		}
		return err
	})
	w.complain(at, "%s", explain(err, place{}))
	return nil
}

// globs checks the patterns of templates.
func (w *walker) globs() {
	for _, n := range elements(lookup(w.doc.root, "templates")) {
		if _, err := filepath.Match(n.Value, ""); err != nil {
			w.complain(n, "bad pattern %q: %v", n.Value, err)
		}
	}
}
