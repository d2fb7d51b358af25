package exchange

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"tocsin/cluster/rpc"
)

// serve answers a peer's question.
func (x *Exchange) serve(_ context.Context, kind uint8, body []byte) ([]byte, error) {
	x.metrics.received(kind, body)
	r := &reader{rest: body}
	if h := r.head(); r.err == nil {
		x.heardOf(h)
	}
	out := binary.LittleEndian.AppendUint64(nil, x.boot)
	switch kind {
	case kindPush:
		if records := r.records(); r.err == nil {
			x.receive(records)
		}
	case kindRefresh:
		out = x.serveRefresh(out, r)
	case kindCompare:
		out = x.serveCompare(out, r)
	case kindPull:
		out = x.servePull(out, r)
	default:
		return nil, &rpc.Refusal{Verdict: rpc.VerdictRefused, Text: "unknown kind of question"}
	}
	if r.err != nil {
		return nil, &rpc.Refusal{Verdict: rpc.VerdictRefused, Text: r.err.Error()}
	}
	x.metrics.sent(kind, out)
	return out, nil
}

// heardOf notes who asked. Of the nodes that it does not reach we fetch what they
// have, if we reach them, so that it gets it from us.
func (x *Exchange) heardOf(h head) {
	if l := x.link(h.from); l != nil {
		l.mu.Lock()
		l.heard = time.Now()
		l.mu.Unlock()
		l.answered(h.boot)
	}
	for _, id := range h.cut {
		if l := x.link(id); l != nil && l.isUp() {
			poke(l.again)
		}
	}
}

func (x *Exchange) serveRefresh(out []byte, r *reader) []byte {
	states := r.states()
	if r.err != nil {
		return out
	}
	var moves []State
	for _, s := range states {
		own, known := x.opts.Store.State(s.Hash)
		switch judge(own, known, s) {
		case move:
			moves = append(moves, s)
		case take:
			if !known || s.Updated >= own.Updated {
				out = binary.LittleEndian.AppendUint64(out, s.Hash)
			}
		}
	}
	x.move(moves)
	return out
}

func (x *Exchange) serveCompare(out []byte, r *reader) []byte {
	q := r.comparison()
	if r.err != nil {
		return out
	}
	own := sumsOf(x.opts.Store, q.horizon)
	var c contrast
	for b := q.from; b < buckets; b++ {
		if own[b] != q.sums[b] {
			c.differ.add(b)
		}
	}
	listing := c.differ.listing(x.opts.Store)
	for c.next = q.from; c.next < buckets; c.next++ {
		if len(c.entries)*entryBytes >= chunkListing {
			break
		}
		c.entries = append(c.entries, listing[c.next]...)
	}
	return c.append(out)
}

func (x *Exchange) servePull(out []byte, r *reader) []byte {
	hashes := r.hashes()
	done, at := 0, len(out)
	out = slices.Grow(out, min(chunk+chunk/8, 512*len(hashes)))
	out = binary.LittleEndian.AppendUint32(out, 0)
	for done < len(hashes) && len(out) < chunk {
		out = appendRecord(out, x.opts.Store, hashes[done])
		done++
	}
	binary.LittleEndian.PutUint32(out[at:], uint32(done))
	return out
}

// receive merges a peer's alerts. Where that makes something that neither of the
// two had, such as the newer state from an earlier start on, all are told.
func (x *Exchange) receive(records []record) {
	var bodies [][]byte
	var moves, before, told []State
	for i := range records {
		own, known := x.opts.Store.State(records[i].Hash)
		switch judge(own, known, records[i].State) {
		case take:
			bodies = append(bodies, records[i].body)
			before, told = append(before, own), append(told, records[i].State)
		case move:
			moves = append(moves, records[i].State)
		}
	}
	x.move(moves)
	if len(bodies) == 0 {
		return
	}
	if n := x.opts.Store.Take(bodies); n > 0 {
		x.metrics.refused.Add(float64(n))
	}
	x.metrics.taken.Add(float64(len(bodies)))
	var made []uint64
	for i, t := range told {
		own, known := x.opts.Store.State(t.Hash)
		if known && own != before[i] && own != t {
			made = append(made, t.Hash)
		}
	}
	x.Changed(made, nil, false)
}

func (x *Exchange) move(states []State) {
	if len(states) > 0 {
		x.opts.Store.Move(states)
		x.metrics.moved.Add(float64(len(states)))
	}
}
