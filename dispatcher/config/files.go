package config

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	amconfig "github.com/prometheus/alertmanager/config"
	commoncfg "github.com/prometheus/common/config"
)

// File is a file that the configuration names and that each node reads for
// itself, such as a password file.
type File struct {
	// Path is where it is read from.
	Path string
	// SHA256 is of its content; zero if it could not be read, see Err.
	SHA256 [32]byte
	Err    error
}

// localFiles are all files that a configuration names, ascending by path, each
// once.
func localFiles(c *amconfig.Config) []File {
	paths := make(map[string]struct{})
	collectFiles(reflect.ValueOf(c), "", paths)
	var out []File
	for p := range paths {
		out = append(out, readFile(p))
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out
}

func readFile(path string) File {
	content, err := os.ReadFile(path)
	if err != nil {
		return File{Path: path, Err: fmt.Errorf("read file: %w", err)}
	}
	return File{Path: path, SHA256: sha256.Sum256(content)}
}

// collectFiles adds the texts under keys that end with _file, and the lists
// under files.
func collectFiles(v reflect.Value, key string, paths map[string]struct{}) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			collectFiles(v.Elem(), key, paths)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
				collectFiles(v.Field(i), name, paths)
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			collectFiles(v.Index(i), key, paths)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			collectFiles(it.Value(), "", paths)
		}
	case reflect.String:
		if v.String() != "" && (strings.HasSuffix(key, "_file") || key == "files") {
			paths[v.String()] = struct{}{}
		}
	}
}

// setDirectory makes the relative paths of HTTP settings start from dir. As in
// Alertmanager that is all of them but incident.io's; the paths of other files
// start from where the program runs.
func setDirectory(c *amconfig.Config, dir string) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return
	}
	c.Global.HTTPConfig.SetDirectory(dir)
	for _, r := range c.Receivers {
		v := reflect.ValueOf(r)
		for i := range v.NumField() {
			key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			if name, ok := integrationKey(key); ok && name != "incidentio" {
				setDirectories(v.Field(i), dir)
			}
		}
	}
}

func setDirectories(list reflect.Value, dir string) {
	for i := range list.Len() {
		f := list.Index(i).Elem().FieldByName("HTTPConfig")
		if !f.IsValid() {
			continue
		}
		if h, ok := f.Interface().(*commoncfg.HTTPClientConfig); ok && h != nil {
			h.SetDirectory(dir)
		}
	}
}
