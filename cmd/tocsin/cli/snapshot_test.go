package cli_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/fsm"
	"tocsin/fsm/archive"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/store"
)

// aBackup is a small backup.
func aBackup(t *testing.T, more ...command.Command) []byte {
	t.Helper()
	state, err := store.OpenState(filepath.Join(t.TempDir(), "state.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	m, err := fsm.Open(fsm.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	data, err := command.Encode(command.Envelope{Stamp: 1, Proposer: "n1", Commands: append([]command.Command{
		command.FoundCluster{ID: "c1"},
		command.PutNode{Node: model.Node{ID: "n1", Name: "node1"}},
		command.PutSilence{Silence: model.Silence{ID: "s1", StartsAt: 1, EndsAt: 2}},
	}, more...)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.ApplyBatch([]fsm.LogEntry{{Index: 7, Term: 2, Data: data}}); err != nil {
		t.Fatal(err)
	}
	held, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	var b bytes.Buffer
	if _, err := archive.Write(&b, held, archive.About{Version: "1.2.3", Node: "node1", Created: time.Unix(1_800_000_000, 0)}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSnapshotFiles: what is no whole backup is refused with the reason and the
// next step, and touches nothing.
func TestSnapshotFiles(t *testing.T) {
	dir, backup := t.TempDir(), aBackup(t)
	file := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	whole, cut, text := file("whole", backup), file("cut", backup[:len(backup)/2]), file("text", []byte("route:\n"))
	altered := bytes.Clone(backup)
	altered[len(altered)/2] ^= 4
	bad, pass := file("altered", altered), file("pass", []byte("secret\n"))
	golden(t, "snapshot_inspect.txt", run("", "snapshot", "inspect", whole).out)
	n := newNode(t, nil)
	for _, c := range []struct{ path, want string }{
		{cut, "it is cut off: use another backup"}, {text, "not a backup made by tocsin"}, {bad, "the backup is damaged"}, {dir + "/none", "no such file"},
	} {
		for _, args := range [][]string{{"inspect", c.path}, {"restore", c.path, "--address", n.URL}, {"restore", c.path, "--storage.path", dir + "/data"}} {
			if got := run("", append([]string{"snapshot"}, args...)...); got.code != 1 || !strings.Contains(got.err, c.want) {
				t.Errorf("%v: %+v, want %q", args, got, c.want)
			}
		}
	}
	if _, err := os.Stat(dir + "/data"); err == nil {
		t.Error("a folder was made of a bad backup")
	}
	if got := run("", "snapshot", "inspect", whole, "--passphrase-file", dir+"/none"); got.code != 2 {
		t.Error(got)
	}
	if got := run("", "snapshot", "save", whole, "--passphrase-file", pass, "--recipient", "age1x"); got.code != 2 || !strings.Contains(got.err, "not both") {
		t.Error(got)
	}
	if got := run("", "snapshot", "restore", whole, "--storage.path", dir+"/data"); got.code != 0 || !strings.Contains(got.out, "founded in") {
		t.Error(got)
	}
	if got := run("", "snapshot", "restore", whole, "--storage.path", dir+"/data"); got.code != 1 || !strings.Contains(got.err, "give an empty folder") {
		t.Error(got)
	}
}

// TestNoSecondClusterIsFounded: a backup founds no cluster beside the one that it
// is of, as long as one of its nodes says that it lives.
func TestNoSecondClusterIsFounded(t *testing.T) {
	n := newNode(t, map[string]answer{
		"GET /api/tocsin/v1/status": {body: `{"cluster":{"id":"c1","quorum":{"held":true,"reachable":2,"voters":3}}}`},
	})
	dir := t.TempDir()
	file := filepath.Join(dir, "backup")
	living := command.PutNode{Node: model.Node{ID: "n2", Name: "node2", API: strings.TrimPrefix(n.URL, "http://")}}
	if err := os.WriteFile(file, aBackup(t, living), 0o600); err != nil {
		t.Fatal(err)
	}
	got := run("", "snapshot", "restore", file, "--storage.path", dir+"/data")
	if got.code != 1 || !strings.Contains(got.err, "the cluster has a quorum: node node2") || !strings.Contains(got.err, "--cluster.peer") {
		t.Error(got)
	}
	if left, err := os.ReadDir(dir + "/data"); err != nil || len(left) > 0 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
	n.answers["GET /api/tocsin/v1/status"] = answer{body: `{"cluster":{"id":"c1","quorum":{"held":false,"reachable":1,"voters":3}}}`}
	if got := run("", "snapshot", "restore", file, "--storage.path", dir+"/data"); got.code != 0 || !strings.Contains(got.err, "runs without a quorum") {
		t.Error(got)
	}
}

func TestSnapshotAtANode(t *testing.T) {
	backup := aBackup(t)
	dir := t.TempDir()
	n := newNode(t, map[string]answer{
		"GET /api/tocsin/v1/snapshot": {body: string(backup)},
		"POST /api/tocsin/v1/snapshot/restore": {body: `{"cluster_id":"c1","index":7,"created":"2027-01-15T08:00:00Z","config_from":2,"config_rev":5,
			"silences_created":1,"silences_changed":0,"silences_expired":2,"doubted":0,"settings":1,"tokens":["ci"],"changes":5}`},
		"PUT /api/tocsin/v1/snapshot/schedule": {body: `{"every_seconds":3600,"keep":24,"dir":"backups","last":{}}`},
	})
	if got := n.run("snapshot", "save", dir+"/b"); got.code != 0 || !strings.Contains(got.out, "read back and whole") {
		t.Error(got)
	}
	if b, err := os.ReadFile(dir + "/b"); err != nil || !bytes.Equal(b, backup) {
		t.Error("the file is not what the node sent", err)
	}
	golden(t, "snapshot_restore.txt", n.run("snapshot", "restore", dir+"/b", "--force").out)
	if last := n.asked[len(n.asked)-1]; last.what != "POST /api/tocsin/v1/snapshot/restore?force=true" || last.body != string(backup) {
		t.Errorf("asked %s", last.what)
	}
	if got := n.run("snapshot", "schedule", "--every", "1h"); got.code != 0 || !strings.Contains(got.out, "none yet") {
		t.Error(got)
	}
	sameJSON(t, n.asked[len(n.asked)-1].body, `{"every_seconds":3600,"keep":24,"dir":"backups"}`)
	broken := newNode(t, map[string]answer{"GET /api/tocsin/v1/snapshot": {body: string(backup[:len(backup)-9])}})
	if got := broken.run("snapshot", "save", dir+"/b"); got.code != 1 || !strings.Contains(got.err, "cut off") {
		t.Error(got)
	}
	if b, _ := os.ReadFile(dir + "/b"); !bytes.Equal(b, backup) {
		t.Error("a broken backup took the place of a whole one")
	}
}

// TestRecover: it shows what a node has, wants the cluster's ID typed, and does
// nothing where there is nothing to do.
func TestRecover(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if got := run("", "raft", "recover", "--storage.path", dir); got.code != 1 || !strings.Contains(got.err, "name the node's data folder with --storage.path") {
		t.Error(got)
	}
	_, err := archive.Read(bytes.NewReader(aBackup(t)), archive.Key{}, func(_ archive.Manifest, in io.Reader) error {
		_, err := cluster.Folder{Dir: dir}.Found(in)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := run("", "raft", "recover", "--storage.path", dir); got.code != 0 || !strings.Contains(got.out, "nothing to recover") || !strings.Contains(got.out, "c1") {
		t.Error(got)
	}
	if got := run("", "raft", "recover", "--lead", "--storage.path", dir); got.code != 0 || !strings.Contains(got.out, "already: nothing to do") {
		t.Error(got)
	}
	for in, want := range map[string]string{"": "was not typed", "c2\n": `the cluster is c1, not "c2"`} {
		if got := run(in, "raft", "recover", "--rejoin", "--storage.path", dir); got.code != 1 || !strings.Contains(got.err, want) {
			t.Errorf("typed %q: %+v", in, got)
		}
	}
	if got := run("c1\n", "raft", "recover", "--rejoin", "--storage.path", dir); got.code != 0 || !strings.Contains(got.out, "kept in") {
		t.Error(got)
	}
	if got := run("", "raft", "recover", "--rejoin", "--storage.path", dir); got.code != 0 || !strings.Contains(got.out, "nothing to do") {
		t.Error(got)
	}
}
