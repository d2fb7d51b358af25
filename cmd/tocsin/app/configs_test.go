package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tocsin/cluster"
	"tocsin/dispatcher/config"
	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/store"
)

const (
	firstYAML  = "route: {receiver: a}\nreceivers: [{name: a}]\n"
	secondYAML = "route: {receiver: b}\nreceivers: [{name: b}]\n"
)

// bench is a configs over a real state machine whose log is this test.
type bench struct {
	*configs
	t       *testing.T
	file    string
	machine *fsm.Machine
	index   uint64
	applied []uint64 // the revs that the dispatcher was given
	told    uint64
	before  func() // runs before the next proposal
	down    error
	// objection is what another voter says of a version.
	objection error
}

// newBench runs a configs over the given file inside of the bubble.
func newBench(t *testing.T, yaml string) *bench {
	t.Helper()
	dir := t.TempDir()
	state, err := store.OpenState(filepath.Join(dir, "state.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	machine, err := fsm.Open(fsm.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, machine: machine, file: filepath.Join(dir, "alertmanager.yml")}
	b.write(yaml)
	if _, err := b.propose(t.Context(), command.FoundCluster{ID: "bench"}); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	close(ready)
	b.configs = newConfigs(configOptions{
		File: b.file, Machine: machine, Propose: b.propose, Ready: ready,
		Ballot: func(context.Context, *model.ConfigVersion) error { return b.objection },
		Apply:  func(c *config.Config) error { b.applied = append(b.applied, c.Rev); return nil },
		Tell:   func(rev uint64) { b.told = rev },
		Load:   config.Options{BaseDir: dir},
		Author: "test",
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}, newConfigMetrics(prometheus.NewRegistry()))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		machine.Close()
		state.Close()
	})
	synctest.Wait()
	return b
}

func (b *bench) write(yaml string) {
	if err := os.WriteFile(b.file, []byte(yaml), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// propose applies commands at once, as a cluster of one does.
func (b *bench) propose(_ context.Context, cmds ...command.Command) ([]command.Result, error) {
	if b.down != nil {
		return nil, b.down
	}
	if before := b.before; before != nil {
		b.before = nil
		before()
	}
	e := command.Envelope{Version: command.Version, Stamp: model.Millis(time.Now().UnixMilli()), Proposer: "test", Commands: cmds}
	data, err := command.Encode(e)
	if err != nil {
		return nil, err
	}
	b.index++
	results, err := b.machine.ApplyBatch([]fsm.LogEntry{{Index: b.index, Term: 1, Data: data}})
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// put applies somebody else's version.
func (b *bench) put(yaml string) {
	b.t.Helper()
	v := model.ConfigVersion{YAML: []byte(yaml)}
	v.SHA256 = v.Sum()
	results, err := b.propose(b.t.Context(), command.PutConfig{Token: newToken(), Version: v})
	if err != nil || results[0].Code != command.CodeOK {
		b.t.Fatal(results, err)
	}
}

func (b *bench) wantApplied(revs ...uint64) {
	b.t.Helper()
	synctest.Wait()
	if len(b.applied) != len(revs) {
		b.t.Fatalf("the dispatcher was given versions %v, want %v", b.applied, revs)
	}
	for i := range revs {
		if b.applied[i] != revs[i] {
			b.t.Fatalf("the dispatcher was given versions %v, want %v", b.applied, revs)
		}
	}
}

func (b *bench) wantDiffers(want float64) {
	b.t.Helper()
	if got := testutil.ToFloat64(b.metrics.differs); got != want {
		b.t.Errorf("tocsin_config_file_differs is %v, want %v", got, want)
	}
}

func TestFirstConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, firstYAML)
		b.wantApplied(1)
		b.wantDiffers(0)
		if got := b.machine.View().Config(); got.Author != "test" || string(got.YAML) != firstYAML || b.told != 1 {
			t.Errorf("first version %+v, told %d", got, b.told)
		}
		if shown := b.shown.Load(); shown.Rev != 1 || len(shown.Receivers) != 1 || shown.ResolveTimeout != 5*time.Minute {
			t.Errorf("the API shows %+v", shown)
		}
	})
}

func TestFirstConfigurationIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "route: {}")
		time.Sleep(10 * time.Second)
		b.wantApplied()
		b.write(firstYAML)
		time.Sleep(10 * time.Second)
		b.wantApplied(1)
	})
}

func TestFileThatDiffersChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, firstYAML)
		b.write(secondYAML)
		time.Sleep(10 * time.Minute)
		b.wantApplied(1)
		b.wantDiffers(1)
		b.write(firstYAML)
		time.Sleep(2 * time.Minute)
		b.wantDiffers(0)
	})
}

func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, firstYAML)
		if err := b.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.wantApplied(1, 1) // the same once more: timers restart
		b.write(secondYAML)
		if err := b.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.wantApplied(1, 1, 2)
		if rev := b.machine.View().Config().Rev; rev != 2 {
			t.Errorf("version %d is active", rev)
		}
	})
}

func TestReloadMeetsOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, firstYAML)
		b.write(secondYAML)
		b.before = func() { b.put("# by somebody else\n" + firstYAML) }
		if err := b.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.machine.View().Config(); got.Rev != 3 || string(got.YAML) != secondYAML {
			t.Errorf("active is %d:\n%s", got.Rev, got.YAML)
		}
		// The same file on another node: nothing is left to propose.
		b.before = func() { t.Error("a reload of what runs already proposed it") }
		if err := b.Reload(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestReloadFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, firstYAML)
		b.write("route:\n  receiver: a\n  group_wait: soon\nreceivers: [{nam: a}]\n")
		err := b.Reload(t.Context())
		if err == nil || !strings.Contains(err.Error(), b.file+":3:") || !strings.Contains(err.Error(), b.file+":4:") {
			t.Errorf("a bad file: %v", err)
		}
		if got := testutil.ToFloat64(b.metrics.success); got != 0 {
			t.Errorf("alertmanager_config_last_reload_successful is %v after a failed reload", got)
		}
		b.write(secondYAML)
		b.down = errors.New("nobody leads")
		if err := b.Reload(t.Context()); !errors.Is(err, b.down) {
			t.Errorf("without a cluster: %v", err)
		}
		b.wantApplied(1)
		b.down = nil
		if err := b.Reload(t.Context()); err != nil {
			t.Error(err)
		}
		if got := testutil.ToFloat64(b.metrics.success); got != 1 {
			t.Errorf("alertmanager_config_last_reload_successful is %v after a good reload", got)
		}
	})
}

func TestVersionThatThisNodeCannotLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, firstYAML)
		b.put("route: {receiver: nobody}\n")
		b.wantApplied(1)
		if b.told != 1 {
			t.Errorf("told the cluster that it runs %d", b.told)
		}
		if err := b.waitLoaded(t.Context(), 2); err == nil {
			t.Error("waiting for a version that cannot be loaded ended well")
		}
		b.put(secondYAML)
		b.wantApplied(1, 3)
	})
}

// A node whose own state is behind sees no configuration, and still must not
// put its old file over the one that the cluster has.
func TestSeedDoesNotReplaceAVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "route: {}")
		synctest.Wait()
		b.before = func() { b.put(secondYAML) }
		b.write(firstYAML)
		// Not at the moment of a try.
		time.Sleep(time.Minute + seedEvery/2)
		synctest.Wait()
		if b.before != nil {
			t.Fatal("the node did not try to seed")
		}
		b.wantApplied(1)
		if got := string(b.machine.View().Config().YAML); got != secondYAML {
			t.Errorf("the active version is\n%s\nwant the one that was there first", got)
		}
	})
}

// TestVersionThatAnotherNodeCannotLoad: a version is refused before it is
// proposed if another voter objects, with that node's name and reason (I13).
func TestVersionThatAnotherNodeCannotLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, firstYAML)
		synctest.Wait()
		b.objection = invalidFor([]cluster.Objection{{Name: "node3", Text: `[{"file":"alertmanager.yml","line":4,"column":2,"message":"ca.pem is not there"}]`}})
		b.write(secondYAML)
		err := b.Reload(t.Context())
		if err == nil || !strings.Contains(err.Error(), "node3 cannot load") || !strings.Contains(err.Error(), "alertmanager.yml:4:2: ca.pem is not there") {
			t.Errorf("reload says %v", err)
		}
		if rev := b.machine.View().Config().Rev; rev != 1 {
			t.Errorf("version %d runs although a voter cannot load it", rev)
		}
		b.objection = nil
		if err := b.Reload(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
