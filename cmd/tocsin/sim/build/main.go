// Command build compiles the simulation's test binary in a form in which a seed
// gives the same run every time: see exact.go. With -mutant it breaks a rule of
// the product first: see mutants.go.
//
// Neither changes a file of the tree or of Go: the compiler is given changed
// copies in their place (go build -overlay).
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	out := flag.String("o", "bin/sim.test", "the binary to write")
	name := flag.String("mutant", "", "the mutant to build; none if empty")
	list := flag.Bool("list", false, "print the names of all mutants, and the faults and the number of nodes that bring them to light")
	race := flag.Bool("race", false, "build with the race detector")
	trace := flag.Bool("steps", false, "have -sim.steps write what the scheduler ran")
	flag.Parse()
	if *list {
		for _, m := range mutants {
			fmt.Println(m.name, m.menu, m.nodes)
		}
		return
	}
	if err := build(*out, *name, *race, *trace); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// build writes the test binary.
func build(out, name string, race, trace bool) error {
	changes := exact
	if name != "" {
		m, ok := mutantOf(name)
		if !ok {
			return fmt.Errorf("there is no mutant %q", name)
		}
		changes = append(append([]change(nil), changes...), m.changes...)
	}
	tags := "exact"
	if trace {
		changes, tags = append(append([]change(nil), changes...), steps...), "exact,steps"
	}
	dir, err := os.MkdirTemp("", "simbuild")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	overlay, err := writeOverlay(dir, changes)
	if err != nil {
		return err
	}
	args := []string{"test", "-c", "-tags", tags, "-overlay", overlay, "-o", out}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "tocsin/cmd/tocsin/sim")...)
	if !race {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// change puts text in the place of other text, which must be in the file once.
type change struct {
	// file is a path below the tree, or below Go's own source with "go/" before.
	file     string
	old, new string
}

// writeOverlay makes the changes in copies of the files, and returns the file
// that names the copies to the compiler.
func writeOverlay(dir string, changes []change) (string, error) {
	roots, err := goEnv("GOROOT", "GOMOD")
	if err != nil {
		return "", err
	}
	texts := make(map[string]string)
	for _, c := range changes {
		path := filepath.Join(filepath.Dir(roots[1]), c.file)
		if rest, ok := strings.CutPrefix(c.file, "go/"); ok {
			path = filepath.Join(roots[0], "src", rest)
		}
		if _, ok := texts[path]; !ok {
			b, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			texts[path] = string(b)
		}
		if n := strings.Count(texts[path], c.old); n != 1 {
			return "", fmt.Errorf("%s has %d times %q: the change no longer fits", path, n, c.old)
		}
		texts[path] = strings.Replace(texts[path], c.old, c.new, 1)
	}
	replace := make(map[string]string)
	for path, text := range texts {
		to := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[path] = to
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, b, 0o600)
}

func goEnv(names ...string) ([]string, error) {
	b, err := exec.Command("go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n"), nil
}
