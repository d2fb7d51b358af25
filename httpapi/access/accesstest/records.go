// Package accesstest has records in memory for tests of what needs API tokens.
package accesstest

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"

	"tocsin/fsm/model"
	"tocsin/httpapi/access"
	"tocsin/httpapi/refusal"
)

// Records are records that nobody replicates. The zero value has none. They are
// safe for concurrent use.
type Records struct {
	mu  sync.Mutex
	rev uint64
	all []model.Record
	// said is what the audit would have.
	said []string
	// Fail is what every change ends with, if it is set.
	Fail error
}

// RecordRev counts the changes.
func (r *Records) RecordRev() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rev
}

// Record finds a record.
func (r *Records) Record(k model.RecordKind, name string) (model.Record, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := r.index(k, name); i >= 0 {
		return r.all[i], true
	}
	return model.Record{}, false
}

func (r *Records) index(k model.RecordKind, name string) int {
	return slices.IndexFunc(r.all, func(x model.Record) bool { return x.Kind == k && x.Name == name })
}

// Records are those of a kind.
func (r *Records) Records(k model.RecordKind) iter.Seq[model.Record] {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.all)
	return func(yield func(model.Record) bool) {
		for _, x := range all {
			if x.Kind == k && !yield(x) {
				return
			}
		}
	}
}

// PutRecord changes a record as the state machine would.
func (r *Records) PutRecord(ctx context.Context, rec model.Record, words access.Words) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Fail != nil {
		return r.Fail
	}
	i := r.index(rec.Kind, rec.Name)
	if i < 0 && rec.Rev != 0 || i >= 0 && r.all[i].Rev != rec.Rev {
		return refusal.ErrConflict
	}
	r.rev++
	rec.Rev = r.rev
	if i < 0 {
		r.all = append(r.all, rec)
	} else {
		r.all[i] = rec
	}
	r.say(ctx, rec, words)
	return nil
}

// DropRecord drops a record as the state machine would.
func (r *Records) DropRecord(ctx context.Context, rec model.Record, words access.Words) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Fail != nil {
		return r.Fail
	}
	if i := r.index(rec.Kind, rec.Name); i >= 0 {
		r.all = slices.Delete(r.all, i, i+1)
	}
	r.rev++
	r.say(ctx, rec, words)
	return nil
}

func (r *Records) say(ctx context.Context, rec model.Record, words access.Words) {
	line := []string{access.Actor(ctx).Name, words.Action, rec.Name, words.Detail}
	r.said = append(r.said, strings.TrimSpace(strings.Join(line, " ")))
}

// Said is what the audit would have, a line for each change.
func (r *Records) Said() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.said)
}

// Plant puts a record there, whatever its body.
func (r *Records) Plant(k model.RecordKind, name, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rev++
	r.all = append(r.all, model.Record{Kind: k, Name: name, Rev: r.rev, Body: []byte(body)})
}
