package cli_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/cmd/tocsin/cli"
)

var update = flag.Bool("update", false, "write the golden files anew")

// result is what a command did.
type result struct {
	code     int
	out, err string
}

// run runs a command line as main does.
func run(in string, args ...string) result {
	var out, errs bytes.Buffer
	code := cli.Main(args, cli.Streams{In: strings.NewReader(in), Out: &out, Err: &errs})
	return result{code, out.String(), errs.String()}
}

// node is a fake node: it answers from a table and keeps what it was sent.
type node struct {
	t       *testing.T
	answers map[string]answer // by "METHOD /path"
	asked   []asked
	*httptest.Server
}

type answer struct {
	code int
	body string
	head http.Header
}

type asked struct {
	what string
	body string
}

func newNode(t *testing.T, answers map[string]answer) *node {
	t.Helper()
	n := &node{t: t, answers: answers}
	n.Server = httptest.NewServer(http.HandlerFunc(n.serve))
	t.Cleanup(n.Close)
	return n
}

func (n *node) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		n.t.Error(err)
	}
	what := r.Method + " " + r.URL.Path
	n.asked = append(n.asked, asked{r.Method + " " + r.URL.RequestURI(), string(body)})
	a, ok := n.answers[what]
	if !ok {
		n.t.Errorf("nobody expected %s", what)
		http.NotFound(w, r)
		return
	}
	for name, values := range a.head {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/json")
	if a.code != 0 {
		w.WriteHeader(a.code)
	}
	io.WriteString(w, a.body)
}

// run runs a client command against the node.
func (n *node) run(args ...string) result {
	return run("", append(args, "--address", n.URL)...)
}

// golden compares got with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew), got\n%s", file, got)
	}
}

// sameJSON compares JSON texts by meaning.
func sameJSON(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	gb, _ := json.Marshal(g)
	wb, _ := json.Marshal(w)
	if !bytes.Equal(gb, wb) {
		t.Errorf("got JSON\n%s, want\n%s", gb, wb)
	}
}

func TestExitCodes(t *testing.T) {
	refusing := newNode(t, map[string]answer{
		"GET /api/v2/alerts": {code: 503, body: `{"message":"no quorum: nobody leads"}`, head: http.Header{"Retry-After": {"2"}}},
	})
	for _, c := range []struct {
		args []string
		code int
		err  string
	}{
		{[]string{"version"}, 0, ""},
		{[]string{"--version"}, 0, ""},
		{[]string{"server", "--version"}, 0, ""},
		{[]string{"server", "--help"}, 0, ""},
		{[]string{"alert"}, 0, ""},
		{[]string{"alrt"}, 2, `did you mean alert?`},
		{[]string{"silence", "ad"}, 2, `tocsin silence has no command "ad", did you mean add?`},
		{[]string{"status", "now"}, 2, `"now"`},
		{[]string{"alert", "query", "--no-such"}, 2, "unknown flag: --no-such"},
		{[]string{"alert", "query", "-o", "xml"}, 2, `--output must be table or json, not "xml"`},
		{[]string{"alert", "query", "--address", "ftp://x"}, 2, "--address"},
		{[]string{"alert", "query", "a=~("}, 2, "matcher"},
		{[]string{"alert", "add"}, 2, "needs labels"},
		{[]string{"silence", "add", "foo"}, 2, "a comment is needed: say why with -c"},
		{[]string{"silence", "add", "foo", "-c", "x", "-d", "soon"}, 2, `--duration "soon"`},
		{[]string{"alert", "query", "--address", refusing.URL}, 1, "no quorum: nobody leads: try again in 2 s; `tocsin status` shows what is missing"},
		{[]string{"alert", "query", "--address", "127.0.0.1:1"}, 1, "check that the node runs, or name another one with --address or TOCSIN_ADDRESS"},
		{[]string{"server", "--no-such"}, 1, "unknown flag: --no-such"},
		{[]string{"server", "here"}, 1, `takes no arguments, not "here"`},
		{[]string{"server", "--data.retention=0s"}, 1, "--data.retention must be greater than 0"},
		{[]string{"server", "--cluster.peer=a"}, 1, `--cluster.peer "a" is not host:port`},
		{[]string{"server", "--log.level=loud"}, 1, "unrecognized log level"},
	} {
		got := run("", c.args...)
		if got.code != c.code || !strings.Contains(got.err, c.err) {
			t.Errorf("tocsin %s: exit code %d, want %d, and said %q, want %q in it", strings.Join(c.args, " "), got.code, c.code, got.err, c.err)
		}
	}
}
