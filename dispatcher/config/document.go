package config

import (
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// document is the YAML of a configuration as a tree with positions. Aliases and
// merges are resolved in it, and keys of ours are turned into Alertmanager's, so
// what walks it sees plain mappings, sequences and scalars.
type document struct {
	name string
	// text is what Alertmanager's parser is given: the original, unless keys
	// of ours were in it.
	text []byte
	// root is the top-level mapping.
	root *yaml.Node
	// explicit are the keys that stand in the text, not merged in from
	// elsewhere.
	explicit map[*yaml.Node]bool
}

// maxAliased bounds how many nodes aliases may add: a few lines of aliases to
// aliases can otherwise grow to fill the memory. maxDepth bounds how deep they
// may nest; no configuration that people write comes near it.
const (
	maxAliased = 1 << 16
	maxDepth   = 100
)

// misplaced is what is wrong with an alias or a merge, and where.
type misplaced struct {
	at      *yaml.Node
	message string
}

// newDocument reads the text. The problems are those because of which there is no
// document, or keys of ours that contradict others.
func newDocument(name string, text []byte) (*document, Problems) {
	var tree yaml.Node
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, Problems{syntaxProblem(name, err)}
	}
	if tree.Kind == 0 || len(tree.Content) == 0 || isNull(tree.Content[0]) {
		return nil, Problems{{File: name, Line: 1, Column: 1, Message: "the file is empty; at least route and receivers are needed"}}
	}
	d := &document{name: name, text: text, explicit: make(map[*yaml.Node]bool)}
	root, wrong := (&resolver{explicit: d.explicit}).resolve(tree.Content[0])
	if wrong != nil {
		return nil, Problems{d.problem(wrong.at, wrong.message)}
	}
	if root.Kind != yaml.MappingNode {
		return nil, Problems{d.problem(root, "the file has to be keys with values, such as route: and receivers:")}
	}
	d.root = root
	lifted, problems := d.lift()
	if lifted {
		text, err := encode(root)
		if err != nil {
			return nil, append(problems, d.problem(root, err.Error()))
		}
		d.text = text
	}
	return d, problems
}

func (d *document) problem(at *yaml.Node, message string) Problem {
	return Problem{File: d.name, Line: at.Line, Column: at.Column, Message: message}
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntaxProblem is a parser's complaint with its line taken out of the text.
func syntaxProblem(name string, err error) Problem {
	p := Problem{File: name, Line: 1, Message: err.Error()}
	m := syntaxLine.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
	if m == nil {
		return p
	}
	if line, err := strconv.Atoi(m[1]); err == nil {
		p.Line = line
	}
	p.Message = "not valid YAML: " + m[2]
	return p
}

// resolver copies a tree without aliases and merges.
type resolver struct {
	// aliased counts the nodes that aliases added, depth the mappings and
	// lists that are open. open are the anchors that are being copied, outer
	// is the alias in the text that began it.
	aliased  int
	depth    int
	open     []*yaml.Node
	outer    *yaml.Node
	explicit map[*yaml.Node]bool
}

func (r *resolver) resolve(n *yaml.Node) (*yaml.Node, *misplaced) {
	if n.Kind == yaml.AliasNode {
		for _, o := range r.open {
			if o == n.Alias {
				return nil, &misplaced{n, "this alias leads back to itself; write the value out"}
			}
		}
		if len(r.open) == 0 {
			r.outer = n
		}
		r.open = append(r.open, n.Alias)
		defer func() { r.open = r.open[:len(r.open)-1] }()
		return r.resolve(n.Alias)
	}
	if r.depth++; r.depth > maxDepth {
		return nil, &misplaced{n, "this is nested too deep"}
	}
	defer func() { r.depth-- }()
	if len(r.open) > 0 {
		r.aliased++
	}
	if r.aliased > maxAliased {
		return nil, &misplaced{r.outer, "this alias makes the text too large; write the values out"}
	}
	out := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value, Line: n.Line, Column: n.Column}
	if n.Kind == yaml.MappingNode {
		return out, r.mapping(n, out)
	}
	for _, c := range n.Content {
		child, err := r.resolve(c)
		if err != nil {
			return nil, err
		}
		out.Content = append(out.Content, child)
	}
	return out, nil
}

// mapping copies the pairs of n, those merged in included. As in Alertmanager's
// parser a later value takes the place of an earlier one. A key that stands
// twice in the text is kept twice, so that it can be complained about.
func (r *resolver) mapping(n, out *yaml.Node) *misplaced {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(n.Content[i]) {
			if err := r.merge(n.Content[i+1], out); err != nil {
				return err
			}
			continue
		}
		key, err := r.resolve(n.Content[i])
		if err != nil {
			return err
		}
		value, err := r.resolve(n.Content[i+1])
		if err != nil {
			return err
		}
		if at := indexOf(out, key.Value); at >= 0 && !r.explicit[out.Content[at]] {
			out.Content[at], out.Content[at+1] = key, value
		} else {
			out.Content = append(out.Content, key, value)
		}
		r.explicit[key] = true
	}
	return nil
}

func (r *resolver) merge(from, out *yaml.Node) *misplaced {
	source, err := r.resolve(from)
	if err != nil {
		return err
	}
	sources := []*yaml.Node{source}
	if source.Kind == yaml.SequenceNode {
		sources = source.Content
	}
	for i := len(sources) - 1; i >= 0; i-- {
		if sources[i].Kind != yaml.MappingNode {
			return &misplaced{from, "<< takes keys with values, or a list of such"}
		}
		for j := 0; j+1 < len(sources[i].Content); j += 2 {
			delete(r.explicit, sources[i].Content[j])
			setValue(out, sources[i].Content[j], sources[i].Content[j+1])
		}
	}
	return nil
}

func isMerge(key *yaml.Node) bool {
	return key.Value == "<<" && (key.Tag == "" || key.Tag == "!" || key.ShortTag() == "!!merge")
}
