package exchange

import (
	"iter"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func TestMessagesKeepAll(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := head{
			from: rapid.StringN(0, 20, maxID).Draw(rt, "from"), boot: rapid.Uint64().Draw(rt, "boot"),
			cut: rapid.SliceOfN(rapid.StringN(0, 5, maxID), 0, maxCut).Draw(rt, "cut"),
		}
		q := comparison{horizon: rapid.Int64().Draw(rt, "horizon"), from: rapid.IntRange(0, buckets-1).Draw(rt, "from")}
		for i := q.from; i < buckets; i++ {
			q.sums[i] = uint64(i)
		}
		r := &reader{rest: q.append(h.append(nil))}
		if got := r.head(); got.from != h.from || got.boot != h.boot || len(got.cut) != len(h.cut) {
			rt.Fatalf("head %+v, read %+v", h, got)
		}
		if got := r.comparison(); r.err != nil || !reflect.DeepEqual(*got, q) {
			rt.Fatalf("comparison from %d, read from %d: %v", q.from, got.from, r.err)
		}
		c := contrast{next: rapid.IntRange(0, buckets).Draw(rt, "next")}
		for range rapid.IntRange(0, 5).Draw(rt, "entries") {
			e := Entry{State: State{rapid.Uint64().Draw(rt, "hash"), rapid.Int64().Draw(rt, "updated"), rapid.Int64().Draw(rt, "ends"), rapid.Uint64().Draw(rt, "sum")}, Offer: rapid.Bool().Draw(rt, "offer")}
			c.entries = append(c.entries, e)
			c.differ.add(bucketOf(e.Hash))
		}
		r = &reader{rest: c.append(nil)}
		got := r.contrast()
		if r.err != nil || got.next != c.next || got.differ != c.differ || len(got.entries) != len(c.entries) {
			rt.Fatalf("contrast %+v, read %+v: %v", c, got, r.err)
		}
		for i := range c.entries {
			if got.entries[i] != c.entries[i] || !got.differ.has(bucketOf(c.entries[i].Hash)) {
				rt.Fatalf("entry %+v, read %+v", c.entries[i], got.entries[i])
			}
		}
	})
}

// TestMixSeesEverything: sums of buckets differ whatever differs.
func TestMixSeesEverything(t *testing.T) {
	seen := map[uint64]State{}
	for i := range 10_000 {
		n := uint64(i)
		for _, s := range [...]State{{Hash: n}, {Hash: 1 << 60, Updated: int64(n + 1)}, {Hash: 1 << 60, Ends: int64(n + 1)}, {Hash: 1 << 60, Sum: n + 1}} {
			if o, ok := seen[mix(s)]; ok && o != s {
				t.Fatalf("%+v and %+v mix to the same", s, o)
			}
			seen[mix(s)] = s
		}
	}
}

func TestQueue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		q := queue{limit: rapid.IntRange(1, 5).Draw(rt, "limit")}
		var all, got []uint64
		var at, lost uint64
		for range rapid.IntRange(0, 30).Draw(rt, "steps") {
			if rapid.Bool().Draw(rt, "add") {
				n := rapid.IntRange(0, 12).Draw(rt, "n")
				for range n {
					all = append(all, uint64(len(all)))
				}
				q.add(all[len(all)-n:])
				continue
			}
			start := at
			out, next, missed := q.read(nil, at, rapid.IntRange(1, 4).Draw(rt, "read"))
			lost += missed
			if missed > 0 && uint64(len(all))-start-missed != uint64(q.limit) {
				rt.Fatalf("%d lost although there is room for %d", missed, q.limit)
			}
			for i, h := range out {
				if h != start+missed+uint64(i) {
					rt.Fatalf("read %d at %d", h, start+missed+uint64(i))
				}
			}
			got, at = append(got, out...), next
		}
		if uint64(len(got))+lost != at || len(q.hashes) > 2*q.limit {
			rt.Fatalf("read %d, lost %d, at %d; %d are kept", len(got), lost, at, len(q.hashes))
		}
	})
}

func FuzzServe(f *testing.F) {
	h := head{from: "a", cut: []string{"b"}}.append(nil)
	f.Add(kindPush, appendHashes(h, []uint64{1, 2, 3, 4, 5}))
	f.Add(kindCompare, (&comparison{}).append(h))
	f.Add(kindPull, appendHashes(h, []uint64{1}))
	f.Add(kindRefresh, appendState(h, State{Hash: 1}))
	x := New(Options{Store: nothing{}})
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		out, err := x.serve(t.Context(), kind, body)
		if (err == nil) != (len(out) > 0) {
			t.Fatalf("answered with %d bytes and %v", len(out), err)
		}
	})
}

// nothing is a Store without alerts.
type nothing struct{}

func (nothing) Entries() iter.Seq[Entry] { return func(func(Entry) bool) {} }

func (nothing) State(uint64) (State, bool) { return State{}, false }

func (nothing) AppendBody(dst []byte, _ uint64) ([]byte, State, bool) { return dst, State{}, false }
func (nothing) Take(bodies [][]byte) int                              { return len(bodies) }
func (nothing) Move([]State)                                          {}
