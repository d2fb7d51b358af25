package config

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"gopkg.in/yaml.v3"

	"tocsin/fsm/model"
)

// Diff is how one version differs from another.
type Diff struct {
	// Text is a unified diff of the YAML as it was written, without comments,
	// aliases written out and secrets masked, and of the templates. Empty if
	// there is nothing to see.
	Text string
	// Secrets are the places of secrets that differ, which Text cannot show.
	Secrets []string
	// Silent: the texts differ, but neither in what they say nor in a secret:
	// in comments or in layout.
	Silent bool
}

// Empty reports whether the two say the same.
func (d *Diff) Empty() bool { return d.Text == "" && len(d.Secrets) == 0 }

// diffContext is how many lines around a change are shown.
const diffContext = 3

// Compare shows what changes from one version to another; either may be nil,
// which is an empty one. It never gives a secret away, comments included, since
// many a password is commented out instead of removed. Error: Problems, if one
// of the texts is no YAML.
func Compare(from, to *model.ConfigVersion) (Diff, error) {
	a, err := writtenOf(from)
	if err != nil {
		return Diff{}, err
	}
	b, err := writtenOf(to)
	if err != nil {
		return Diff{}, err
	}
	var d Diff
	for _, name := range slices.Sorted(maps.Keys(union(a.files, b.files))) {
		text, err := unified(name, a, b)
		if err != nil {
			return Diff{}, err
		}
		d.Text += text
	}
	for _, place := range slices.Sorted(maps.Keys(union(a.secrets, b.secrets))) {
		if a.secrets[place] != b.secrets[place] {
			d.Secrets = append(d.Secrets, place)
		}
	}
	d.Silent = d.Empty() && from != nil && to != nil && !bytes.Equal(from.YAML, to.YAML)
	return d, nil
}

func union[V any](a, b map[string]V) map[string]V {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func unified(name string, a, b written) (string, error) {
	side := func(w written) string {
		if _, ok := w.files[name]; !ok {
			return "/dev/null"
		}
		return w.label + "/" + name
	}
	text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: linesOf(a.files[name]), FromFile: side(a),
		B: linesOf(b.files[name]), ToFile: side(b), Context: diffContext,
	})
	if err != nil {
		return "", fmt.Errorf("compare %s: %w", name, err)
	}
	return text, nil
}

// linesOf is a text's lines, each with its end. A last line without one says so,
// as diff does.
func linesOf(text string) []string {
	if text == "" {
		return nil
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n\\ No newline at end of file\n"
	}
	lines := strings.SplitAfter(text, "\n")
	return lines[:len(lines)-1]
}

// written is a version as it may be shown.
type written struct {
	label string
	// files are the texts by name.
	files map[string]string
	// secrets are what is masked, by place.
	secrets map[string]string
}

// MainFile stands for the name of the configuration file, which versions do not
// keep.
const MainFile = "alertmanager.yml"

func writtenOf(v *model.ConfigVersion) (written, error) {
	w := written{label: "nothing", files: make(map[string]string), secrets: make(map[string]string)}
	if v == nil {
		return w, nil
	}
	if w.label = "new"; v.Rev != 0 {
		w.label = "version " + strconv.FormatUint(v.Rev, 10)
	}
	c := newCheck(MainFile, v.YAML)
	if c.walker == nil {
		return w, c.early
	}
	root := c.walker.doc.root
	text, err := encode(maskedNode(root, configType))
	if err != nil {
		return w, err
	}
	// Nothing that is a secret in one place may show in another.
	w.files[MainFile] = c.walker.masked(string(text))
	for _, t := range v.Templates {
		w.files[t.Name] = c.walker.masked(string(t.Text))
	}
	collectSecrets(root, configType, "", w.secrets)
	return w, nil
}

// collectSecrets notes the secrets at and below a node by their place, in which
// elements of lists are known by their name where they have one, so that a new
// receiver does not make all later ones look changed.
func collectSecrets(n *yaml.Node, typ reflect.Type, at string, into map[string]string) {
	if isSecret(typ) && n.Kind == yaml.ScalarNode {
		into[at] = n.Value
		return
	}
	t := base(typ)
	switch s := shapeOf(t); {
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for i, e := range n.Content {
			name := strconv.Itoa(i)
			if named := lookup(e, "name"); named != nil {
				name = cmp.Or(named.Value, name)
			}
			collectSecrets(e, t.Elem(), at+"["+name+"]", into)
		}
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Map:
		for i := 0; i+1 < len(n.Content); i += 2 {
			collectSecrets(n.Content[i+1], t.Elem(), below(at, n.Content[i].Value), into)
		}
	case n.Kind == yaml.MappingNode && s != nil:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if inner := s.typeOf(n.Content[i].Value); inner != nil {
				collectSecrets(n.Content[i+1], inner, below(at, n.Content[i].Value), into)
			}
		}
	}
}

func below(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}
