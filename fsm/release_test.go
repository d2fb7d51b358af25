package fsm_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// The log and the snapshot that a release wrote make the same state in every
// later one. The files of a release are written once, with -update, and never
// again.
const (
	releaseLog      = "../testdata/logs/v1.txt"
	releaseSnapshot = "../testdata/snapshots/v1.snap"
)

func TestLogOfARelease(t *testing.T) {
	if *update {
		writeRelease(t)
	}
	text, err := os.ReadFile(releaseLog)
	if err != nil {
		t.Fatal(err)
	}
	r := newReplica(t)
	hash := ""
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if words[0] == "hash" {
			hash = words[1]
			continue
		}
		index, err := strconv.ParseUint(words[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		data, err := hex.DecodeString(words[1])
		if err != nil {
			t.Fatal(err)
		}
		r.apply(fsm.LogEntry{Index: index, Term: 1, Data: data})
	}
	if got := fmt.Sprintf("%016x", r.View().StateHash()); got != hash {
		t.Errorf("the log of version 1 makes the hash %s, want %s", got, hash)
	}
	snap, err := os.ReadFile(releaseSnapshot)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.dump(), snap) {
		t.Error("the log of version 1 does not make its snapshot")
	}
	from := newReplica(t)
	if err := from.Restore(bytes.NewReader(snap)); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%016x", from.View().StateHash()); got != hash {
		t.Errorf("the snapshot of version 1 has the hash %s, want %s", got, hash)
	}
}

func writeRelease(t *testing.T) {
	t.Helper()
	r := newReplica(t)
	for i, c := range releaseCommands() {
		r.ok(model.Millis(1000*(i+1)), c)
	}
	var b strings.Builder
	for _, e := range r.log {
		fmt.Fprintf(&b, "%d %s\n", e.Index, hex.EncodeToString(e.Data))
	}
	fmt.Fprintf(&b, "hash %016x\n", r.View().StateHash())
	for name, content := range map[string][]byte{releaseLog: []byte(b.String()), releaseSnapshot: r.dump()} {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// releaseCommands leave something of every kind in the state.
func releaseCommands() []command.Command {
	claim := func(tok string, base uint64, firing, resolved string) command.Command {
		return command.Claim{ClaimRequest: model.ClaimRequest{
			Key: theKey, Token: token(tok), Node: "n1", BaseRev: base, ConfigRev: 1,
			Firing: alerts(firing), Resolved: alerts(resolved), Reason: model.ReasonFirst,
		}}
	}
	settle := func(tok, firing, resolved string) command.Command {
		return command.Settle{Settlement: model.Settlement{
			Key: theKey, Token: token(tok), Node: "n1", Firing: alerts(firing), Resolved: alerts(resolved), Data: data("ts=1.5"),
			Delivery: model.Delivery{ID: "id", Tries: 1, Took: 20, Outcome: model.OutcomeSent},
		}}
	}
	return []command.Command{
		command.FoundCluster{ID: "c1"},
		command.PutNode{Node: model.Node{ID: "n1", Name: "one", API: "h:9093", Version: "0.1", Commands: 1}},
		command.PutNode{Node: model.Node{ID: "n2"}},
		configOf("route: {receiver: team}\n", "config"),
		command.PutSilence{Silence: silenceOf("s1", 10, 20, "disk")},
		command.PutSilence{Silence: silenceOf("s2", 10, 9000, "net")},
		command.ExpireSilence{ID: "s2", At: 7000},
		claim("t1", 0, "ab", ""), settle("t1", "ab", ""),
		claim("t2", 2, "bc", "a"),
		command.Expire{Expiry: model.Expiry{Key: theKey, Token: token("t2")}},
		claim("t3", 4, "bc", "a"), settle("t2", "bc", "a"), settle("t3", "b", "a"),
		claim("t4", 7, "b", ""),
		command.Release{Release: model.Release{
			Key: theKey, Token: token("t4"), Node: "n1", Failed: true, NotBefore: 99_000, Delivery: model.Delivery{ID: "id", Error: "no"},
		}},
		command.MergeOverlay{Overlay: model.Overlay{
			Key: theKey, Origin: "n2", Epoch: 1, Seq: 1, BaseRev: 7, Stamp: 5000, Must: alerts("b"), Maybe: alerts("c"), Data: data("ts=2"),
			Delivery: model.Delivery{ID: "id", Firing: 1, Outcome: model.OutcomeSent},
		}},
		command.MergeOverlay{Overlay: model.Overlay{Key: model.DeliveryKey{Group: "g"}, Origin: "n2", Epoch: 1, Seq: 2}},
		command.GC{SilencesBefore: 21, EntriesBefore: 19_000, HistoryMax: 6},
		claim("t5", 10, "bd", ""),
		command.RemoveNode{ID: "n2"},
		command.SetMinVersion{Version: 1},
	}
}
