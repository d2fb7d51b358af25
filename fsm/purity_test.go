package fsm_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What applies the log must be the same on every node and in every year. So it
// has no clock, no chance, no environment, and nothing whose meaning may change
// with a library: I5.
func TestPurity(t *testing.T) {
	banned := []string{
		"time", "math/rand", "math/rand/v2", "crypto/rand", "os", "net", "regexp", "text/template", "runtime",
		"encoding/json", "encoding/gob", "gopkg.in/yaml.v3", "github.com/google/uuid", "hash/maphash", "unique",
	}
	// The vocabulary says since when there is no quorum; nothing that is applied
	// holds it.
	allowed := map[string]string{"model/quorum.go": "time"}
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		// Backups are made and read beside the log: what they lead to is commands.
		if strings.HasPrefix(path, "archive/") || strings.HasPrefix(path, "restore/") {
			return nil
		}
		files++
		f, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if slices.Contains(banned, name) && allowed[path] != name {
				t.Errorf("%s imports %s", path, name)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s starts a goroutine at byte %d", path, g.Pos())
			}
			if s, ok := n.(*ast.SelectorExpr); ok && path == "model/quorum.go" && s.Sel.Name == "Now" {
				t.Errorf("%s looks at the clock", path)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("only %d files were looked at", files)
	}
}
