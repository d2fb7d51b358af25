package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/alertmanager/silence/silencepb"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tocsin/dispatcher/config"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

const heritageYAML = "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://a.example/'}]}]\n"

// oldFolder is a data folder of an Alertmanager, with one silence and one
// notification, both of the given time.
func oldFolder(t *testing.T, at time.Time, comment string, firing ...uint64) string {
	t.Helper()
	dir := t.TempDir()
	stamp := timestamppb.New(at)
	later := timestamppb.New(at.Add(24 * time.Hour))
	writeRecords(t, filepath.Join(dir, oldSilences), &silencepb.MeshSilence{Silence: &silencepb.Silence{
		Id: "s1", Matchers: []*silencepb.Matcher{{Name: "a", Pattern: "b"}}, StartsAt: stamp, EndsAt: later, UpdatedAt: stamp, CreatedBy: "anna", Comment: comment,
	}})
	writeRecords(t, filepath.Join(dir, oldLog), &nflogpb.MeshEntry{ExpiresAt: later, Entry: &nflogpb.Entry{
		GroupKey: []byte("{}:{}"), Receiver: &nflogpb.Receiver{GroupName: "a", Integration: "webhook"}, Timestamp: stamp, FiringAlerts: firing,
	}}, &nflogpb.MeshEntry{ExpiresAt: later, Entry: &nflogpb.Entry{
		GroupKey: []byte("{}:{}"), Receiver: &nflogpb.Receiver{GroupName: "gone", Integration: "webhook"}, Timestamp: stamp,
	}})
	return dir
}

func writeRecords(t *testing.T, path string, records ...proto.Message) {
	t.Helper()
	var b bytes.Buffer
	for _, r := range records {
		if _, err := protodelim.MarshalTo(&b, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// takeoverOf takes a folder over into the bench's cluster.
func (b *bench) takeoverOf(dir string, log *bytes.Buffer) *takeover {
	ready := make(chan struct{})
	close(ready)
	return &takeover{
		dir: dir, retention: time.Hour, machine: b.machine, propose: b.propose, ready: ready,
		book: func() (*model.ConfigVersion, error) { return config.Bundle(b.file) },
		load: config.Options{BaseDir: dir}, now: time.Now,
		log: slog.New(slog.NewTextHandler(log, nil)),
	}
}

func (b *bench) expectInherited(comment string, firing model.AlertSet) {
	b.t.Helper()
	v := b.machine.View()
	s, ok := v.Silence("s1")
	if !ok || s.Comment != comment || v.SilenceCount() != 1 {
		b.t.Errorf("the silence is %+v, want one of %q", s, comment)
	}
	n := 0
	for e := range v.Entries() {
		n++
		if e.Key.Group != "{}:{}" || e.Key.Receiver != "a" || !strings.HasPrefix(e.Key.Integration, "webhook/") || !e.Must.Equal(firing) || len(e.Maybe) > 0 {
			b.t.Errorf("the ledger has %+v, want %v firing", e, firing)
		}
	}
	if n != 1 {
		b.t.Errorf("the ledger has %d entries", n)
	}
}

// TestTakeover takes the folders of two Alertmanagers over, in both orders and
// repeatedly; the files stay as they are.
func TestTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		time.Sleep(time.Hour)
		older, younger := oldFolder(t, start, "before", 1, 2), oldFolder(t, start.Add(time.Minute), "after", 2, 3)
		for _, order := range [][]string{{older, younger}, {younger, older}} {
			b := newBench(t, heritageYAML)
			var log bytes.Buffer
			for _, dir := range order {
				for range 2 { // the second time there is nothing to do
					before, err := os.ReadFile(filepath.Join(dir, oldLog))
					if err != nil {
						t.Fatal(err)
					}
					at := b.machine.View().Index()
					first := !b.takeoverOf(dir, &log).noted(mustFiles(t, b.takeoverOf(dir, &log)))
					<-b.takeoverOf(dir, &log).begin(t.Context())
					if moved := b.machine.View().Index() > at; moved && !first {
						t.Error("a folder was taken over twice")
					}
					after, err := os.ReadFile(filepath.Join(dir, oldLog))
					if err != nil || !bytes.Equal(before, after) {
						t.Errorf("the file was touched: %v", err)
					}
				}
			}
			b.expectInherited("after", model.AlertSet{2, 3})
			for _, want := range []string{`notifications=1 left_out=1`, `what="{}:{} of gone/webhook[0]"`} {
				if !strings.Contains(log.String(), want) {
					t.Errorf("the log lacks %s:\n%s", want, &log)
				}
			}
			for _, dir := range order {
				note := filepath.Join(dir, heritageDone)
				if info, err := os.Stat(note); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("the note: %v, %v", info, err)
				}
				if err := os.Remove(note); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func mustFiles(t *testing.T, o *takeover) map[string][]byte {
	t.Helper()
	files, err := o.files()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestTakeoverWaitsForTheCluster repeats what the cluster did not take, and holds
// a node that has no configuration yet back until then; one that has goes on.
func TestTakeoverWaitsForTheCluster(t *testing.T) {
	for _, running := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			file := "{" // nothing that could be the first version
			if running {
				file = heritageYAML
			}
			b := newBench(t, file)
			var log bytes.Buffer
			o := b.takeoverOf(oldFolder(t, time.Now(), "why", 1), &log)
			o.book = func() (*model.ConfigVersion, error) { return &model.ConfigVersion{YAML: []byte(heritageYAML)}, nil }
			healed := time.Now().Add(2 * time.Minute)
			o.propose = func(ctx context.Context, cmds ...command.Command) ([]command.Result, error) {
				if time.Now().Before(healed) {
					return nil, errors.New("no quorum")
				}
				return b.propose(ctx, cmds...)
			}
			began := time.Now()
			ended := o.begin(t.Context())
			waited := time.Since(began)
			if running && waited != heritageWithin || !running && waited < 2*time.Minute {
				t.Errorf("with a configuration %v: it waited %v", running, waited)
			}
			<-ended
			b.expectInherited("why", model.AlertSet{1})
		})
	}
}

// TestTakeoverOfDamagedFiles takes what can be read, and says what not.
func TestTakeoverOfDamagedFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, heritageYAML)
		dir := oldFolder(t, time.Now(), "why", 1)
		f, err := os.OpenFile(filepath.Join(dir, oldSilences), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("\x50half a record"); err != nil || f.Close() != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		<-b.takeoverOf(dir, &log).begin(t.Context())
		b.expectInherited("why", model.AlertSet{1})
		if !strings.Contains(log.String(), `what="the end of the file silences" why="the rest of the file cannot be read`) {
			t.Errorf("the log does not say it:\n%s", &log)
		}
	})
}
