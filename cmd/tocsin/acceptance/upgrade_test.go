package acceptance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// newerBuild compiles the program as its next release may be: it knows one command
// version more, and one of its commands (dropping a record) needs that. The
// sources stay as they are: go build overlays them.
func newerBuild(t *testing.T) string {
	t.Helper()
	mod, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("find the module: %v", err)
	}
	root, dir := filepath.Dir(strings.TrimSpace(string(mod))), t.TempDir()
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for file, change := range map[string][2]string{
		"fsm/command/envelope.go": {"const Version = 2\n", "const Version = 3\n"},
		"fsm/command/command.go": {
			"func (k Kind) Since() uint32 {\n", "func (k Kind) Since() uint32 {\n\tif k == KindDropRecord {\n\t\treturn 3\n\t}\n",
		},
	} {
		b, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(b), change[0], change[1], 1)
		if text == string(b) {
			t.Fatalf("%s has no %q any more: mend this test", file, change[0])
		}
		copied := filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(root, file)] = copied
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	list, program := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "tocsin")
	if err := os.WriteFile(list, b, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", list, "-o", program,
		"-ldflags", "-X github.com/prometheus/common/version.Version=9.9.9", "./cmd/tocsin")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the newer program: %v\n%s", err, out)
	}
	return program
}

const adminAPI = "/api/tocsin/v1"

// TestRollingUpgrade rolls three nodes from one build to the next under alerts:
// everything is told once, the mixed cluster takes silences, what only the newer
// build knows is refused by the name of a node that is too old, and works at every
// node when all of them are new.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "upgrading")
	newer := newerBuild(t)
	// The newer program takes the older one's place on the same command line.
	wrap := []string{"sh", "-c", `shift; exec "$NEWER" "$@"`, "sh"}
	r := &replacing{t: t, hook: rig.NewSink(t, "hook"), alerts: make(map[string]rig.APIAlert)}
	for i := range r.hosts {
		r.hosts[i], r.dirs[i] = rig.Loopback(), t.TempDir()
	}
	for i := range r.hosts {
		r.start(i, rig.NodeOptions{Flags: r.flags(i, []int{0, 1, 2}[:i])})
	}
	stop := make(chan struct{})
	var posting sync.WaitGroup
	posting.Go(func() { r.source(stop) })
	t.Cleanup(func() { close(stop); posting.Wait() })
	r.fire("before")
	r.told("firing", "before")
	if got := r.nodes[0].Do(http.MethodPost, adminAPI+"/tokens", `{"name":"ci","role":"viewer"}`, jsonBody); got.Code/100 != 2 {
		t.Fatalf("make a token: %v", got)
	}
	for step, i := range []int{2, 1, 0} {
		r.stop(i)
		r.fire(fmt.Sprintf("while %d is away", i))
		r.told("firing", fmt.Sprintf("while %d is away", i))
		others := slices.DeleteFunc([]int{0, 1, 2}, func(j int) bool { return j == i })
		r.start(i, rig.NodeOptions{Flags: r.flags(i, others), Wrap: wrap, Env: []string{"NEWER=" + newer}})
		if step == 2 {
			break
		}
		r.mixed(i)
	}
	for i := range r.nodes {
		ok := rig.Eventually(20*time.Second, 200*time.Millisecond, func() bool {
			return r.nodes[i].Do(http.MethodDelete, adminAPI+"/tokens/ci", "", nil).Code/100 == 2 || r.gone(i, "ci")
		})
		if !ok {
			t.Errorf("node %d still refuses the newer command: %v", i, r.nodes[i].Do(http.MethodDelete, adminAPI+"/tokens/ci", "", nil))
		}
	}
	r.end("before")
	r.told("resolved", "before")
	time.Sleep(3 * time.Second)
	got := r.all()
	slices.Sort(got)
	want := []string{"firing before", "firing while 0 is away", "firing while 1 is away", "firing while 2 is away", "resolved before"}
	if !slices.Equal(got, want) {
		t.Errorf("told %v\nwant %v, each once", got, want)
	}
}

var jsonBody = http.Header{"Content-Type": {"application/json"}}

// mixed looks at a cluster in which node i is new and others are old.
func (r *replacing) mixed(i int) {
	r.t.Helper()
	for _, n := range r.nodes {
		id := n.MustSilence(r.t, rig.Mute("alertname", "nobody", time.Hour))
		if got := n.DeleteSilence(id); got.Code != http.StatusOK {
			r.t.Errorf("%s: end a silence: %v", n.Name, got)
		}
	}
	got := r.nodes[i].Do(http.MethodDelete, adminAPI+"/tokens/ci", "", nil)
	if got.Code/100 != 4 || !strings.Contains(got.Body, "not every node of the cluster knows this yet") || !strings.Contains(got.Body, "upgrade it") {
		r.t.Errorf("a command that only the new one knows: %v", got)
	}
	if r.gone(i, "ci") {
		r.t.Error("the refused command was applied")
	}
}

// gone reports whether a node does not know an API token any more.
func (r *replacing) gone(i int, token string) bool {
	got := r.nodes[i].Do(http.MethodGet, adminAPI+"/tokens", "", nil)
	return got.Code == http.StatusOK && !strings.Contains(got.Body, `"`+token+`"`)
}
