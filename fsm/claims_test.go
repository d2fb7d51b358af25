package fsm_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// The transcripts in testdata/claims are the ledger's rules told by example. A
// line that is not indented is a command in words, with its time before it; the
// indented lines below are the answer and the entry that results. Alerts are
// single letters. Run with -update to write what the rules say now, and read
// the difference.
func TestClaimTranscripts(t *testing.T) {
	files, err := filepath.Glob("../testdata/claims/*.txt")
	if err != nil || len(files) < 5 {
		t.Fatalf("found %d transcripts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newTranscript(t).run(string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(want) {
				t.Errorf("%s is not what happens. It is:\n%s", file, got)
			}
		})
	}
}

var theKey = model.DeliveryKey{Group: "{}:{}", Receiver: "team", Integration: "webhook"}

// transcript runs one file.
type transcript struct {
	*replica
}

func newTranscript(t *testing.T) *transcript {
	s := &transcript{newReplica(t)}
	for _, n := range []model.NodeID{"n1", "n2", "n3"} {
		s.ok(0, command.PutNode{Node: model.Node{ID: n}})
	}
	s.ok(0, configOf("route: {}", "config 1"))
	return s
}

func (s *transcript) run(text string) string {
	s.t.Helper()
	var out strings.Builder
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "    "):
			continue
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
			out.WriteString(line)
		default:
			out.WriteString(line)
			for _, l := range s.line(strings.TrimSpace(line)) {
				out.WriteString("    " + l + "\n")
			}
		}
	}
	return out.String()
}

// line runs "TIME WORDS: PART | PART" and says what came of it.
func (s *transcript) line(line string) []string {
	s.t.Helper()
	head, tail, _ := strings.Cut(line, ": ")
	words := strings.Fields(head)
	stamp := millis(s.t, words[0])
	words = words[1:]
	parts := map[string]string{}
	for p := range strings.SplitSeq(tail, "|") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), " ")
		parts[name] = value
	}
	if words[0] == "history" {
		return s.history()
	}
	c := s.command(words, parts)
	return []string{answer(s.do(stamp, c)[0]), describe(s.View(), theKey)}
}

func (s *transcript) command(words []string, parts map[string]string) command.Command {
	s.t.Helper()
	number := func(text string) uint64 {
		n, err := strconv.ParseUint(text, 10, 64)
		if text != "" && err != nil {
			s.t.Fatal(err)
		}
		return n
	}
	part := func(name string) model.AlertSet { return alerts(parts[name]) }
	_, quiet := parts["quiet"]
	row := model.Delivery{ID: "id", Outcome: model.OutcomeSent}
	if quiet {
		row = model.Delivery{}
	}
	switch verb := words[1]; verb {
	case "applies": // n1 applies config 2
		return configOf("route: {}", "config "+words[3])
	case "claims": // n1 claims t1 on rev 0
		config := uint64(1)
		if c, ok := parts["config"]; ok {
			config = number(c)
		}
		return command.Claim{ClaimRequest: model.ClaimRequest{
			Key: theKey, Token: token(words[2]), Node: model.NodeID(words[0]), BaseRev: number(words[5]), ConfigRev: config,
			Firing: part("firing"), Resolved: part("resolved"), MinGap: int64(millis(s.t, parts["gap"])),
		}}
	case "settles": // n1 settles t1
		return command.Settle{Settlement: model.Settlement{
			Key: theKey, Token: token(words[2]), Node: model.NodeID(words[0]), Firing: part("firing"), Resolved: part("resolved"),
			Data: data(parts["data"]), Delivery: row,
		}}
	case "releases": // n1 releases t1
		failed, ok := parts["failed"]
		return command.Release{Release: model.Release{
			Key: theKey, Token: token(words[2]), Node: model.NodeID(words[0]), Failed: ok,
			NotBefore: millis(s.t, strings.TrimPrefix(failed, "until ")), Delivery: model.Delivery{ID: "id", Error: "no answer"},
		}}
	case "expires": // t1 expires
		return command.Expire{Expiry: model.Expiry{Key: theKey, Token: token(words[0])}}
	case "merges": // n3 merges 1.2 on rev 4
		if of, ok := parts["of"]; ok {
			row.Token = token(of)
		}
		epoch, seq, _ := strings.Cut(words[2], ".")
		return command.MergeOverlay{Overlay: model.Overlay{
			Key: theKey, Origin: model.NodeID(words[0]), Epoch: number(epoch), Seq: number(seq), BaseRev: number(words[5]),
			Must: part("must"), Maybe: part("maybe"), Resolved: part("resolved"), Data: data(parts["data"]),
			Stamp: millis(s.t, parts["stamp"]), Delivery: row,
		}}
	case "collects": // n1 collects entries before 300s
		return command.GC{EntriesBefore: millis(s.t, words[4])}
	default:
		s.t.Fatalf("no command %q", verb)
		return nil
	}
}

func (s *transcript) history() []string {
	s.t.Helper()
	rows, err := s.History(fsm.HistoryQuery{})
	if err != nil {
		s.t.Fatal(err)
	}
	var lines []string
	for _, d := range rows {
		line := fmt.Sprintf("%d: at %s %s %s by %s, %d firing, %d resolved",
			d.Seq, clock(d.Stamp), name(d.Token), d.Outcome, d.Node, d.Firing, d.Resolved)
		if d.Degraded {
			line += ", degraded"
		}
		lines = append(lines, line)
	}
	return lines
}

func answer(r command.Result) string {
	switch {
	case r.Code == command.CodeDenied && r.Grant.RetryAfter > 0:
		return fmt.Sprintf("denied: %s, retry after %s", r.Grant.Denied, clock(model.Millis(r.Grant.RetryAfter)))
	case r.Code == command.CodeDenied:
		return fmt.Sprintf("denied: %s", r.Grant.Denied)
	case r.Grant.Index != 0:
		return fmt.Sprintf("granted at index %d", r.Grant.Index)
	default:
		return r.Code.String()
	}
}

// describe is the entry of a key in one line.
func describe(v *fsm.View, k model.DeliveryKey) string {
	e, ok := v.Entry(k)
	if !ok {
		return "no entry"
	}
	parts := []string{fmt.Sprintf("rev %d gen %d", e.Rev, e.Gen)}
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if e.Stamp != 0 {
		add("told at %s", clock(e.Stamp))
	}
	for _, s := range []struct {
		name string
		set  model.AlertSet
	}{{"must", e.Must}, {"maybe", e.Maybe}, {"resolved", e.Resolved}} {
		if len(s.set) > 0 {
			add("%s %s", s.name, letters(s.set))
		}
	}
	for _, d := range e.Data {
		add("data %s=%s", d.Key, d.Str)
	}
	if e.Attempt > 0 {
		add("attempt %d, next not before %s", e.Attempt, clock(e.NotBefore))
	}
	if c := e.Claim; c != nil {
		add("claim %s of %s on rev %d", name(c.Token), c.Node, c.BaseRev)
	}
	for _, c := range e.Lapsed {
		add("lapsed %s", name(c.Token))
	}
	for _, m := range e.Merged {
		add("merged %s %d.%d", m.Origin, m.Epoch, m.Seq)
	}
	for _, l := range e.Strands {
		origin := l.Origin
		if origin == "" {
			origin = "ledger"
		}
		add("line of %s", origin)
	}
	return strings.Join(parts, " | ")
}

func alerts(text string) model.AlertSet {
	var hs []model.AlertHash
	for _, r := range strings.ReplaceAll(text, " ", "") {
		hs = append(hs, model.AlertHash(r))
	}
	return model.NewAlertSet(hs...)
}

func letters(s model.AlertSet) string {
	var b strings.Builder
	for i, h := range s {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(rune(h))
	}
	return b.String()
}

func data(text string) model.Data {
	k, v, ok := strings.Cut(text, "=")
	if !ok {
		return nil
	}
	return model.Data{{Key: k, Str: v}}
}

func name(t model.Token) string { return strings.TrimRight(string(t[:]), "\x00") }

func millis(t testing.TB, text string) model.Millis {
	t.Helper()
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return model.Millis(d.Milliseconds())
}

func clock(m model.Millis) string { return (time.Duration(m) * time.Millisecond).String() }
