package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/fsm/model"
)

// Bundle reads a configuration file and the templates that it names into a
// version: YAML, Templates and SHA256 are set, the rest is for whoever proposes
// it. Templates are named by their path from the file's folder, those outside of
// it by their whole path. A pattern that matches nothing is no error, as in
// Alertmanager. A file that cannot be parsed is bundled without templates: Check
// says what is wrong with it.
func Bundle(path string) (*model.ConfigVersion, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	v := &model.ConfigVersion{YAML: text}
	if d, _ := newDocument(path, text); d != nil {
		if v.Templates, err = readTemplates(filepath.Dir(path), globsOf(d.root)); err != nil {
			return nil, err
		}
	}
	v.SHA256 = v.Sum()
	return v, nil
}

// readTemplates reads all files that the globs match, each once, ascending by
// name.
func readTemplates(dir string, globs []string) ([]model.TemplateFile, error) {
	var files []model.TemplateFile
	seen := make(map[string]bool)
	for _, g := range globs {
		if !filepath.IsAbs(g) {
			g = filepath.Join(dir, g)
		}
		paths, err := filepath.Glob(g)
		if err != nil {
			return nil, fmt.Errorf("find templates %s: %w", g, err)
		}
		for _, p := range paths {
			name := templateName(dir, p)
			if seen[name] {
				continue
			}
			seen[name] = true
			text, err := os.ReadFile(p)
			if err != nil {
				return nil, fmt.Errorf("read template: %w", err)
			}
			files = append(files, model.TemplateFile{Name: name, Text: text})
		}
	}
	slices.SortFunc(files, func(a, b model.TemplateFile) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

// templateName is a path from dir on, or all of it where it leads elsewhere.
func templateName(dir, path string) string {
	rel, err := filepath.Rel(dir, path)
	if err != nil || !filepath.IsLocal(rel) {
		return filepath.ToSlash(filepath.Clean(path))
	}
	return filepath.ToSlash(rel)
}

// Export is a version's YAML as Alertmanager itself loads it, with the keys that
// it does not know turned into ones that it does. A text without such keys comes
// back as it is. The error is Problems if the version is not valid.
func Export(v *model.ConfigVersion) ([]byte, error) {
	c := newCheck(MainFile, v.YAML)
	if ps := c.result(); len(ps) > 0 {
		return nil, ps
	}
	return c.walker.doc.text, nil
}

// TemplateGlobs counts a version's patterns of templates, and lists those that
// find nothing from its file on.
func TemplateGlobs(path string, v *model.ConfigVersion) (count int, empty []string) {
	d, _ := newDocument(path, v.YAML)
	if d == nil {
		return 0, nil
	}
	globs := globsOf(d.root)
	for _, g := range globs {
		if found, err := readTemplates(filepath.Dir(path), []string{g}); err != nil || len(found) == 0 {
			empty = append(empty, g)
		}
	}
	return len(globs), empty
}
