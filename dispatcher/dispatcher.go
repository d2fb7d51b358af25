package dispatcher

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/config"
	"tocsin/dispatcher/inhibit"
	"tocsin/dispatcher/notify"
)

// Dispatcher takes alerts in, groups them, and sees to it that their receivers
// are told. All methods may be called from several goroutines.
type Dispatcher struct {
	opts     Options
	metrics  *metrics
	schedule *schedule
	lanes    *lanes
	cut      *cut
	tokens   *tokens
	solo     *solo
	outbox   *outbox
	restart  *restart
	hearing  *hearing
	// overlays numbers the overlays of this process, writes counts those that
	// are being written, pending deliveries with something to tell.
	overlays        atomic.Uint64
	writes, pending atomic.Int64

	// life ends when nothing new is begun any more, hard when what is under
	// way is given up too.
	life, hard   context.Context
	end, endHard context.CancelFunc

	current atomic.Pointer[epoch]
	// applying is held while the current epoch is replaced.
	applying sync.Mutex

	// work is deliveries and what they begin, disk is writes of overlays.
	work, disk sync.WaitGroup
	mu         sync.Mutex // guards closed, and work against being waited for too early
	// closed: work is waited for, so nobody but work itself may begin more.
	closed bool
}

// New makes a Dispatcher that has no configuration yet: it takes alerts in, but
// groups none before the first Apply and sends nothing before Run.
func New(opts Options) *Dispatcher {
	opts.fill()
	gate := time.Now().Add(opts.StartDelay - opts.Now().Sub(opts.Started))
	d := &Dispatcher{
		opts: opts, schedule: newSchedule(gate), lanes: newLanes(opts.MaxSends), tokens: newTokens(), solo: newSolo(),
		cut: &cut{peerTimeout: opts.PeerTimeout, now: opts.Now, logger: opts.Logger},
	}
	d.life, d.end = context.WithCancel(context.Background())
	d.hard, d.endHard = context.WithCancel(context.Background())
	d.metrics = newMetrics(d)
	d.outbox = newOutbox(opts.Outbox)
	d.hearing = newHearing(opts.InStep, opts.Started)
	d.restart = newRestart(d)
	return d
}

// sweepEvery is how often sources of inhibition that are over are forgotten.
const sweepEvery = 5 * time.Minute

// Run sends what is due until ctx ends or Stop is called. Then nothing new is
// begun; call Stop to wait for what is under way.
func (d *Dispatcher) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, d.end)
	defer stop()
	due := make(chan *slot)
	var own sync.WaitGroup
	own.Go(func() { d.schedule.run(d.life, due) })
	own.Go(func() { d.restart.run(d.life) })
	for range max(2, runtime.GOMAXPROCS(0)) {
		own.Go(func() {
			for {
				select {
				case s := <-due:
					s.fire()
				case <-d.life.Done():
					return
				}
			}
		})
	}
	d.watch()
	own.Wait()
	return nil
}

// watch looks at the quorum every second, so that the log and the metrics tell
// of a cut when nothing is to be sent, and sweeps now and then.
func (d *Dispatcher) watch() {
	swept := time.Now()
	for sleep(d.life, lookAgain) {
		d.mode()
		if e := d.current.Load(); e != nil && time.Since(swept) >= sweepEvery {
			swept = time.Now()
			e.inhibitor.Sweep(d.opts.Now())
		}
	}
}

// Stop ends Run, lets sends under way finish until ctx ends, gives back claims
// that nothing was sent on, and waits for all goroutines but writes to a disk
// that hangs. It returns ctx's error if something had to be given up.
func (d *Dispatcher) Stop(ctx context.Context) error {
	d.end()
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	worked, written := make(chan struct{}), make(chan struct{})
	go func() {
		d.work.Wait()
		close(worked)
		d.disk.Wait()
		close(written)
	}()
	var err error
	select {
	case <-written:
	case <-ctx.Done():
		err = ctx.Err()
	}
	d.endHard()
	<-worked
	return err
}

// begin runs f in a goroutine that Stop waits for; false once it does.
func (d *Dispatcher) begin(f func()) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.work.Go(f)
	return true
}

// Apply runs a configuration from now on. Groups are formed anew and their
// timers start again, as with Alertmanager's reload; what is being sent is
// finished under the old one. It returns when all alerts are grouped. Metrics
// counts notifications and may be nil. The error says which inhibition rule is
// not valid; the old configuration runs on then.
func (d *Dispatcher) Apply(c *config.Config, metrics *notify.Metrics) error {
	return d.Use(SetupOf(c, metrics))
}

// Use is Apply for a setup.
func (d *Dispatcher) Use(s Setup) error {
	ih, err := inhibit.New(s.InhibitRules)
	if err != nil {
		return err
	}
	d.applying.Lock()
	defer d.applying.Unlock()
	if d.life.Err() != nil {
		return errors.New("dispatcher is stopped")
	}
	old := d.current.Load()
	if old != nil {
		// Its waits end first, so that it does not send what the new one
		// would not.
		old.end()
	}
	fresh := newEpoch(d, s, ih)
	fresh.first = old == nil
	d.current.Store(fresh)
	if old != nil {
		old.close()
	}
	fresh.fill(d.opts.Store)
	d.metrics.rules.Set(float64(ih.Len()))
	return nil
}

// Post takes in alerts that were posted to this node. They are grouped, and
// inhibit others, when it returns. A refresh of alerts that are known touches
// nothing but the store.
func (d *Dispatcher) Post(alerts []alert.Alert) alert.PutResult {
	now := d.opts.Now()
	d.hearing.heard(now)
	return d.take(d.opts.Store.Put(now, alerts))
}

// Merge takes in alerts as another node, or this one before a restart, had
// them.
func (d *Dispatcher) Merge(alerts []alert.Alert) alert.PutResult {
	return d.take(d.opts.Store.Merge(d.opts.Now(), alerts))
}

// take groups what changed. If a new epoch began meanwhile it may have gone
// through the store before the changes were there, so it is told too.
func (d *Dispatcher) take(res alert.PutResult) alert.PutResult {
	if len(res.Changes) == 0 {
		return res
	}
	began := time.Now()
	for e := d.current.Load(); e != nil; {
		e.take(res.Changes)
		now := d.current.Load()
		if now == e {
			break
		}
		e = now
	}
	d.metrics.processing.Observe(time.Since(began).Seconds())
	return res
}

// mode is how notifications are sent now.
func (d *Dispatcher) mode() mode {
	q := d.opts.Peers.Quorum()
	// Others that have a quorum can tell only what they know of.
	q.Elsewhere = q.Elsewhere && d.opts.InStep()
	return d.cut.mode(q, time.Now())
}

// Degraded reports whether notifications are sent without a quorum.
func (d *Dispatcher) Degraded() bool { return !d.DegradedSince().IsZero() }

// DegradedSince is since when notifications have been sent without a quorum, by
// this node's wall clock; zero if they are not. A leader that is known but does
// not answer is no quorum.
func (d *Dispatcher) DegradedSince() time.Time { return d.cut.degradedSince() }

// Pending counts the deliveries that have something to tell and have not done
// so.
func (d *Dispatcher) Pending() int { return int(d.pending.Load()) }
