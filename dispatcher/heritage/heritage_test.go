package heritage_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/alertmanager/silence/silencepb"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tocsin/dispatcher/config"
	"tocsin/dispatcher/heritage"
	"tocsin/fsm/model"
)

const (
	now  = model.Millis(1_800_000_000_000)
	hour = model.Millis(3_600_000)
)

func at(m model.Millis) *timestamppb.Timestamp {
	return timestamppb.New(time.UnixMilli(int64(m)))
}

// file writes records as an Alertmanager does.
func file[M proto.Message](t *testing.T, records ...M) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, r := range records {
		if _, err := protodelim.MarshalTo(&b, r); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func oldSilence(id string, change func(*silencepb.Silence)) *silencepb.MeshSilence {
	s := &silencepb.Silence{
		Id: id, CreatedBy: "anna", Comment: "why", StartsAt: at(now - hour), EndsAt: at(now + hour), UpdatedAt: at(now - hour),
		Matchers: []*silencepb.Matcher{{Type: silencepb.Matcher_REGEXP, Name: "a", Pattern: "b.*"}},
	}
	if change != nil {
		change(s)
	}
	return &silencepb.MeshSilence{Silence: s, ExpiresAt: at(now + 2*hour)}
}

func TestSilences(t *testing.T) {
	text := file(t,
		oldSilence("plain", nil),
		oldSilence("expired", func(s *silencepb.Silence) { s.EndsAt = at(now - hour/2) }),
		oldSilence("forgotten", func(s *silencepb.Silence) { s.EndsAt = at(now - 3*hour); s.StartsAt = at(now - 4*hour) }),
		oldSilence("sets", func(s *silencepb.Silence) {
			s.MatcherSets = []*silencepb.MatcherSet{
				{Matchers: []*silencepb.Matcher{{Type: silencepb.Matcher_NOT_EQUAL, Name: "x", Pattern: "1"}}},
				{Matchers: []*silencepb.Matcher{{Type: silencepb.Matcher_NOT_REGEXP, Name: "y", Pattern: "2"}}},
			}
			s.Annotations = map[string]string{"b": "2", "a": "1"}
		}),
		oldSilence("old", func(s *silencepb.Silence) {
			s.Comments = []*silencepb.Comment{{Author: "ben", Comment: "long ago"}}
		}),
		oldSilence("receivers", func(s *silencepb.Silence) {
			s.ReceiverMatcherSets = []*silencepb.MatcherSet{{Matchers: []*silencepb.Matcher{{Name: "name", Pattern: "x"}}}}
		}),
		oldSilence("all", func(s *silencepb.Silence) { s.Matchers[0].Pattern = ".*" }),
		oldSilence("", nil), &silencepb.MeshSilence{},
	)
	got, left, err := heritage.Silences(bytes.NewReader(text), now, 2*hour)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, s := range got {
		ids = append(ids, s.ID)
	}
	if strings.Join(ids, " ") != "expired old plain sets" {
		t.Fatalf("read %v", ids)
	}
	want := model.Silence{
		ID: "plain", CreatedBy: "anna", Comment: "why", StartsAt: now - hour, EndsAt: now + hour, UpdatedAt: now - hour,
		MatcherSets: [][]model.Matcher{{{Type: model.MatchRegexp, Name: "a", Value: "b.*"}}},
	}
	if !reflect.DeepEqual(got[2], want) {
		t.Errorf("got  %+v\nwant %+v", got[2], want)
	}
	if got[1].CreatedBy != "ben" || got[1].Comment != "long ago" {
		t.Errorf("of an old version: %+v", got[1])
	}
	sets := [][]model.Matcher{{{Type: model.MatchNotEqual, Name: "x", Value: "1"}}, {{Type: model.MatchNotRegexp, Name: "y", Value: "2"}}}
	if !reflect.DeepEqual(got[3].MatcherSets, sets) || !reflect.DeepEqual(got[3].Annotations, []model.Pair{{Name: "a", Value: "1"}, {Name: "b", Value: "2"}}) {
		t.Errorf("with sets: %+v", got[3])
	}
	if len(left) != 4 || left[0].What != "receivers" || left[1].What != "all" || left[2].Why != "it has no ID" {
		t.Errorf("left out: %+v", left)
	}
}

// TestDamage takes what stands before the damage.
func TestDamage(t *testing.T) {
	text := file(t, oldSilence("a", nil), oldSilence("b", nil))
	for _, cut := range []int{1, 3, 40} {
		got, _, err := heritage.Silences(bytes.NewReader(text[:len(text)-cut]), now, hour)
		if !errors.Is(err, heritage.ErrDamaged) || len(got) != 1 {
			t.Errorf("%d bytes short: %d silences, %v", cut, len(got), err)
		}
	}
	if _, _, err := heritage.Silences(strings.NewReader("what is this?"), now, hour); !errors.Is(err, heritage.ErrDamaged) {
		t.Errorf("another file: %v", err)
	}
	long := append([]byte{0xff, 0xff, 0xff, 0xff, 0x0f}, text...)
	if _, _, err := heritage.Silences(bytes.NewReader(long), now, hour); !errors.Is(err, heritage.ErrDamaged) {
		t.Errorf("a record without end: %v", err)
	}
}

func book(t *testing.T) heritage.Book {
	t.Helper()
	tree, err := config.Routes(&model.ConfigVersion{YAML: []byte(`
route:
  receiver: all
  routes:
    - {matchers: [team=db], receiver: db, mute_time_intervals: [night], continue: true}
    - {matchers: [team=db], receiver: db}
receivers: [{name: all}, {name: db}]
time_intervals: [{name: night, time_intervals: [{times: [{start_time: "00:00", end_time: "06:00"}]}]}]
`)})
	if err != nil {
		t.Fatal(err)
	}
	return heritage.Book{Routes: tree, Identity: func(receiver, typ string, idx int) (string, bool) {
		return receiver + "-" + typ, typ == "webhook" && idx == 1
	}}
}

func oldEntry(group, receiver string, change func(*nflogpb.MeshEntry)) *nflogpb.MeshEntry {
	e := &nflogpb.MeshEntry{ExpiresAt: at(now + hour), Entry: &nflogpb.Entry{
		GroupKey: []byte(group), Receiver: &nflogpb.Receiver{GroupName: receiver, Integration: "webhook", Idx: 1},
		Timestamp: at(now - hour), FiringAlerts: []uint64{3, 1}, ResolvedAlerts: []uint64{3, 2},
	}}
	if change != nil {
		change(e)
	}
	return e
}

func TestLog(t *testing.T) {
	text := file(t,
		oldEntry(`{}:{a="1"}`, "all", func(e *nflogpb.MeshEntry) {
			e.Entry.ReceiverData = map[string]*nflogpb.ReceiverDataValue{
				"threadTs": {Value: &nflogpb.ReceiverDataValue_StrVal{StrVal: "12.5"}},
				"n":        {Value: &nflogpb.ReceiverDataValue_IntVal{IntVal: 7}},
				"x":        {Value: &nflogpb.ReceiverDataValue_DoubleVal{DoubleVal: 0.5}},
			}
		}),
		oldEntry(`{}:{a="1"}`, "all", func(e *nflogpb.MeshEntry) { e.Entry.Timestamp = at(now - 2*hour) }),
		oldEntry(`{}/{team="db"}:{}`, "db", nil),
		oldEntry(`{}:{a="old"}`, "all", func(e *nflogpb.MeshEntry) { e.ExpiresAt = at(now - 1) }),
		oldEntry(`{}/{gone="x"}:{}`, "all", nil),
		oldEntry(`{}:{}`, "db", nil),
		oldEntry(`{}:{}`, "all", func(e *nflogpb.MeshEntry) { e.Entry.Receiver.Idx = 0 }),
		oldEntry(`{}:{}`, "all", func(e *nflogpb.MeshEntry) { e.Entry.Timestamp = nil }),
		&nflogpb.MeshEntry{},
	)
	got, left, err := heritage.Log(bytes.NewReader(text), book(t), now)
	if err != nil {
		t.Fatal(err)
	}
	key := func(group, receiver string) model.DeliveryKey {
		return model.DeliveryKey{Group: group, Receiver: receiver, Integration: receiver + "-webhook"}
	}
	base := heritage.Told{At: now - hour, Firing: model.AlertSet{1, 3}, Resolved: model.AlertSet{2}}
	first, second, third := base, base, base
	first.Key, second.Key, third.Key = key(`{}/{team="db"}:{}`, "db"), key(`{}/{team="db"}:{}#2`, "db"), key(`{}:{a="1"}`, "all")
	third.Data = model.Data{
		{Key: "n", Kind: model.DatumInt, Int: 7}, {Key: "threadTs", Kind: model.DatumStr, Str: "12.5"}, {Key: "x", Kind: model.DatumFloat, Float: 0.5},
	}
	if want := []heritage.Told{first, second, third}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if len(left) != 5 || !strings.Contains(left[0].Why, "no route") || left[0].What != `{}/{gone="x"}:{} of all/webhook[1]` {
		t.Errorf("left out: %+v", left)
	}
}

func FuzzFiles(f *testing.F) {
	f.Add([]byte("x"))
	f.Add([]byte{0})
	f.Add([]byte{2, 10, 0})
	f.Fuzz(func(t *testing.T, text []byte) {
		for range 2 {
			_, _, _ = heritage.Silences(bytes.NewReader(text), now, hour)
			_, _, _ = heritage.Log(bytes.NewReader(text), book(t), now)
		}
	})
}
