package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/fsm/model"
)

// outbox brings the records of sends under claims into the local file, from a
// goroutine of its own. What comes while a write is under way goes with the
// next, and a record that is dropped before it was written never is. A disk that hangs or is full holds up the file and
// nothing else (I15).
type outbox struct {
	file sendFile
	log  *slog.Logger
	kick chan struct{}
	left []model.Send

	lost, failed prometheus.Counter

	mu sync.Mutex // guards the rest
	// puts are records to write. drops are tokens whose record is in the file,
	// or may be, and is not wanted; written those whose record is and is.
	puts    map[model.Token]model.Send
	drops   map[model.Token]struct{}
	written map[model.Token]struct{}
	// due is when to write next, zero if there is nothing to; held is before
	// when not, because the last write failed.
	due, held time.Time
}

// sendFile is what an outbox asks of the local file.
type sendFile interface {
	WriteSends(put []model.Send, drop []model.Token) error
	Sends() ([]model.Send, error)
}

const (
	// outboxRecords bounds the records in memory. What is beyond is not
	// recorded, and counted.
	outboxRecords = 16_384
	// How long records wait for others, or for their own end, before they are
	// written. What the receiver has taken is worth the most: it is told twice
	// if it is forgotten. That a send was begun only says how long to wait
	// after a crash, and a record that is not wanted does no harm at all.
	doneLinger  = 5 * time.Millisecond
	begunLinger = 50 * time.Millisecond
	dropLinger  = time.Second
	// outboxRetry is when what the disk did not take is tried again.
	outboxRetry = 5 * time.Second
)

// openOutbox reads what the process before has left. A file that cannot be read
// is told and taken for empty: then a claim of before is put in doubt.
func openOutbox(file sendFile, log *slog.Logger, reg prometheus.Registerer) *outbox {
	o := &outbox{
		file: file, log: log, kick: make(chan struct{}, 1),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tocsin_outbox_records_lost_total", Help: "Sends that were not recorded in the local file because too many waited for it.",
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tocsin_outbox_writes_failed_total", Help: "Writes of records of sends to the local file that failed; they are tried again.",
		}),
		puts: make(map[model.Token]model.Send), drops: make(map[model.Token]struct{}), written: make(map[model.Token]struct{}),
	}
	if reg != nil {
		reg.MustRegister(o.lost, o.failed)
	}
	var err error
	if o.left, err = file.Sends(); err != nil {
		log.Error("the records of earlier sends cannot be read; what was under way may be sent twice", "err", err)
	}
	for _, s := range o.left {
		o.written[s.Token] = struct{}{}
	}
	return o
}

// Put implements dispatcher.Outbox.
func (o *outbox) Put(s model.Send) {
	o.mu.Lock()
	_, known := o.puts[s.Token]
	_, kept := o.written[s.Token]
	full := !known && !kept && len(o.puts)+len(o.written) >= outboxRecords
	if !full {
		o.puts[s.Token] = s
		o.within(linger(s.Phase))
	}
	o.mu.Unlock()
	if full {
		o.lost.Inc()
	}
}

func linger(p model.SendPhase) time.Duration {
	if p == model.SendDone {
		return doneLinger
	}
	return begunLinger
}

// Drop implements dispatcher.Outbox.
func (o *outbox) Drop(t model.Token) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.puts, t)
	if _, kept := o.written[t]; kept {
		delete(o.written, t)
		o.drops[t] = struct{}{}
		o.within(dropLinger)
	}
}

// Left implements dispatcher.Outbox.
func (o *outbox) Left() []model.Send { return o.left }

// within has the file written in that time. o.mu is held.
func (o *outbox) within(d time.Duration) {
	at := time.Now().Add(d)
	if at.Before(o.held) {
		at = o.held
	}
	if !o.due.IsZero() && !at.Before(o.due) {
		return
	}
	o.due = at
	select {
	case o.kick <- struct{}{}:
	default:
	}
}

// run writes until ctx ends, and then once more.
func (o *outbox) run(ctx context.Context) {
	for {
		timer := time.NewTimer(o.wait())
		select {
		case <-ctx.Done():
			timer.Stop()
			o.write()
			return
		case <-o.kick:
			timer.Stop()
		case <-timer.C:
			o.write()
		}
	}
}

// wait is how long until there is something to write, at most an hour.
func (o *outbox) wait() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.due.IsZero() {
		return time.Hour
	}
	return time.Until(o.due)
}

// write brings the file up to date with one transaction.
func (o *outbox) write() {
	puts, drops := o.batch()
	if len(puts)+len(drops) == 0 {
		return
	}
	err := o.file.WriteSends(puts, drops)
	if err == nil {
		return
	}
	o.failed.Inc()
	o.log.Warn("records of sends could not be written; sends go on, and the records are tried again", "records", len(puts), "err", err)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range puts {
		// Unless it was dropped or overtaken meanwhile.
		_, wanted := o.written[s.Token]
		if _, newer := o.puts[s.Token]; wanted && !newer {
			o.puts[s.Token] = s
		}
	}
	for _, t := range drops {
		o.drops[t] = struct{}{}
	}
	o.held = time.Now().Add(outboxRetry)
	o.due = time.Time{}
	o.within(outboxRetry)
}

// batch takes what there is to do. What is being written counts as written: if
// it is dropped meanwhile, the file has to hear of it.
func (o *outbox) batch() (puts []model.Send, drops []model.Token) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for t, s := range o.puts {
		puts = append(puts, s)
		o.written[t] = struct{}{}
	}
	for t := range o.drops {
		drops = append(drops, t)
	}
	clear(o.puts)
	clear(o.drops)
	o.due = time.Time{}
	return puts, drops
}
