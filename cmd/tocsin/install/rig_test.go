package install_test

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tocsin/cmd/tocsin/install"
)

// root is a machine's root folder with the account, and programs that only
// write down how they are called.
type root struct {
	t *testing.T
	install.Machine
	called []string
	// fails makes calls with these words fail; says are their outputs.
	fails string
	says  map[string]string
}

var errExit = errors.New("exit status 1")

func newRoot(t *testing.T) *root {
	t.Helper()
	r := &root{t: t, says: map[string]string{}}
	r.Root, r.Exec = t.TempDir(), r.exec
	r.write("/etc/passwd", "root:x:0:0::/:\n")
	r.write("/etc/group", "root:x:0:\n")
	return r
}

func (r *root) write(path, text string) {
	r.t.Helper()
	to := filepath.Join(r.Root, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, []byte(text), 0o644)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *root) read(path string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.Root, path))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// exec plays the programs of the machine.
func (r *root) exec(_ context.Context, name string, args ...string) (string, error) {
	line := strings.Join(append([]string{name}, args...), " ")
	r.called = append(r.called, line)
	if r.fails != "" && strings.Contains(line, r.fails) {
		return "", errExit
	}
	switch name {
	case "systemd-sysusers":
		r.write("/etc/passwd", "root:x:0:0::/:\ntocsin:x:990:991::/:\n")
		r.write("/etc/group", "root:x:0:\ntocsin:x:991:\n")
	case "userdel":
		r.write("/etc/passwd", "root:x:0:0::/:\n")
		r.write("/etc/group", "root:x:0:\n")
	}
	return r.says[line], nil
}

// tree is all that is below the root, with modes and contents.
func (r *root) tree() map[string]string {
	r.t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(r.Root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := ""
		if !d.IsDir() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = string(b)
		}
		out[strings.TrimPrefix(path, r.Root)] = info.Mode().String() + " " + text
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// outcomes collects what is reported.
type outcomes []install.Outcome

func (o *outcomes) report(_ install.Step, what install.Outcome, _ error) { *o = append(*o, what) }

func (o outcomes) count(what install.Outcome) int {
	return len(slices.DeleteFunc(slices.Clone(o), func(x install.Outcome) bool { return x != what }))
}

var docs = []install.Doc{
	{Kind: install.ManPage, Name: "tocsin.1", Text: []byte(".TH TOCSIN 1\n")},
	{Kind: install.ZshCompletion, Name: "_tocsin", Text: []byte("#compdef tocsin\n")},
}

// three are facts of the second of three machines.
func three() install.Facts {
	facts := install.Facts{Layout: install.Local(), Resolved: map[string][]netip.Addr{}}
	for name, ip := range map[string]string{"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.3"} {
		facts.Resolved[name] = []netip.Addr{netip.MustParseAddr(ip)}
	}
	facts.Addresses = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.0.0.2")}
	return facts
}
