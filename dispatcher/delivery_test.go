package dispatcher_test

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

const ms = time.Millisecond

// failsBefore refuses everything before a moment, counted from the rig's zero.
func failsBefore(r *rig, d time.Duration) func(context.Context, int, *notify.Message) notify.Result {
	return func(context.Context, int, *notify.Message) notify.Result {
		if time.Since(r.zero) < d {
			return notify.Result{Err: errRefused, Retryable: true, Reason: "other"}
		}
		return notify.Result{}
	}
}

// What Alertmanager's TestWebhookTimeout asks for: a receiver that is too slow
// is asked again half a second after its time is over.
func TestTimeoutThenRetry(t *testing.T) {
	inBubble(t, 1, simple("1s", "1m", "1m"), func(r *rig) {
		slow := sleeps(sec)
		r.answer = func(ctx context.Context, n int, m *notify.Message) notify.Result {
			if time.Since(r.zero) >= 3*sec {
				return notify.Result{}
			}
			ctx, cancel := context.WithTimeout(ctx, 500*ms)
			defer cancel()
			return slow(ctx, n, m)
		}
		r.until(sec)
		r.nodes[0].fire("a")
		r.until(10 * sec)
		r.wants("3s hook firing a")
		asked := r.moments()
		if len(asked) != 2 || asked[0] != 2*sec {
			t.Errorf("asked at %v", asked)
		}
	})
}

// Retries of one node grow apart, outlive the tick, stay within the group
// interval, and end when the receiver takes the message.
func TestRetryUntilDelivered(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		r.answer = failsBefore(r, 65*sec)
		r.nodes[0].fire("a")
		r.until(30 * sec)
		asked := r.moments()
		if n := len(asked); n < 6 || n > 16 {
			t.Errorf("asked %d times in 30s: %v", n, asked)
		}
		r.until(100 * sec)
		if len(r.tellings()) != 1 || r.tellings()[0].firing != "a" || r.tellings()[0].at > 75*sec {
			t.Errorf("told %v", r.tellings())
		}
		asked = r.moments()
		for i := 1; i < len(asked); i++ {
			if gap := asked[i] - asked[i-1]; gap > 10*sec {
				t.Errorf("%v without a try", gap)
			}
		}
		e := onlyEntry(t, r)
		if e.Attempt != 0 || len(e.Must) != 1 || len(e.Maybe) != 0 {
			t.Errorf("entry %+v", e)
		}
	})
}

func onlyEntry(t *testing.T, r *rig) model.Entry {
	t.Helper()
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	if len(r.ledger.entries) != 1 {
		t.Fatalf("%d entries, want 1", len(r.ledger.entries))
	}
	for _, e := range r.ledger.entries {
		return *e
	}
	panic("unreachable")
}

// Never delivered and then resolved is still told, as resolved.
func TestUndeliveredThenResolvedIsTold(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		r.answer = failsBefore(r, 25*sec)
		n := r.nodes[0]
		n.fire("a")
		r.until(5 * sec)
		n.resolve("a")
		r.until(60 * sec)
		if len(r.tellings()) != 1 || r.tellings()[0].resolved != "a" || r.tellings()[0].firing != "" {
			t.Errorf("told %v", r.tellings())
		}
		if len(n.Groups(groupsAll)) != 0 {
			t.Error("the group is still there")
		}
	})
}

// An alert stays in its group until each integration was told of its end.
func TestResolvedIsKeptForEachIntegration(t *testing.T) {
	conf := replaceOnce(simple("1s", "10s", "4h"), "  - url: http://localhost/", "  - url: http://localhost/\n  - url: http://localhost/2")
	inBubble(t, 1, conf, func(r *rig) {
		n := r.nodes[0]
		n.fire("a", "b")
		r.until(5 * sec)
		r.forget()
		r.answer = func(ctx context.Context, k int, m *notify.Message) notify.Result {
			if time.Since(r.zero) < 25*sec && k%2 == 0 {
				return notify.Result{Err: errRefused}
			}
			return notify.Result{}
		}
		n.resolve("a")
		r.until(100 * sec)
		var got []string
		for _, m := range r.tellings() {
			got = append(got, m.receiver+" "+m.firing+" "+m.resolved)
		}
		slices.Sort(got)
		if want := []string{"hook b a", "hook/1 b a"}; !slices.Equal(got, want) {
			t.Errorf("told %v", got)
		}
		if gs := n.Groups(dispatcher.GroupFilter{Resolved: true}); len(gs) != 1 || len(gs[0].Alerts) != 1 {
			t.Errorf("groups %+v", gs)
		}
	})
}

// A resolved message that may have arrived, and the alert fires again: it pages.
func TestResolvedInDoubtThenRefirePages(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.fire("a")
		r.until(5 * sec)
		r.answer = failsBefore(r, 25*sec)
		n.resolve("a")
		r.until(15 * sec)
		n.fire("a")
		r.until(60 * sec)
		if len(r.tellings()) != 2 || r.tellings()[1].firing != "a" {
			t.Errorf("told %v", r.tellings())
		}
	})
}

func TestRetryAfterIsHeeded(t *testing.T) {
	inBubble(t, 3, simple("1s", "5m", "4h"), func(r *rig) {
		r.answer = func(_ context.Context, n int, _ *notify.Message) notify.Result {
			if n == 1 {
				return notify.Result{Err: errRefused, Retryable: true, RetryAfter: 40 * sec}
			}
			return notify.Result{}
		}
		r.fire("a")
		r.until(120 * sec)
		asked := r.moments()
		if len(asked) != 2 || asked[1]-asked[0] < 40*sec || asked[1]-asked[0] > 42*sec {
			t.Errorf("asked at %v", asked)
		}
	})
}

// What cannot be taken is not tried again before the next interval, but each
// node tries it once, because the fault may be its own.
func TestRefusalForGood(t *testing.T) {
	inBubble(t, 2, simple("1s", "1m", "4h"), func(r *rig) {
		r.answer = func(_ context.Context, n int, _ *notify.Message) notify.Result {
			if time.Since(r.zero) > 70*sec {
				return notify.Result{}
			}
			return notify.Result{Err: errRefused, Reason: "clientError"}
		}
		r.fire("a")
		r.until(30 * sec)
		asked := r.moments()
		if len(asked) != 2 || asked[1]-asked[0] > sec {
			t.Errorf("asked at %v", asked)
		}
		r.until(130 * sec)
		asked = r.moments()
		if len(asked) != 4 || asked[2]-asked[1] < 60*sec || asked[3]-asked[2] < 60*sec {
			t.Errorf("asked at %v", asked)
		}
		if len(r.tellings()) != 1 || len(r.ledger.tally().history) != 4 {
			t.Errorf("told %v, history %v", r.tellings(), r.ledger.tally().history)
		}
	})
}

// Failed on one node, delivered by the next at once.
func TestNextRankAfterFailure(t *testing.T) {
	inBubble(t, 3, simple("1s", "5m", "4h"), func(r *rig) {
		for _, n := range r.nodes {
			n.seat.mu.Lock()
			n.seat.latency = 5 * ms
			n.seat.mu.Unlock()
		}
		r.answer = func(_ context.Context, n int, _ *notify.Message) notify.Result {
			if n <= 2 {
				return notify.Result{Err: errRefused, Retryable: true}
			}
			return notify.Result{}
		}
		r.fire("a")
		r.until(10 * sec)
		if m := r.last(); len(r.tellings()) != 1 || m.node != "n1" || m.at > 1*sec+1500*ms {
			t.Errorf("told %v by %s", r.tellings(), m.node)
		}
	})
}

// I12: the first rank is dead. The next sends within 1.5 s of the tick, the one
// after it if that is dead too.
func TestDeadFirstRank(t *testing.T) {
	for dead := 1; dead <= 2; dead++ {
		inBubble(t, 3, simple("1s", "5m", "4h"), func(r *rig) {
			for _, n := range r.nodes {
				n.seat.mu.Lock()
				n.seat.latency = 10 * ms
				n.seat.mu.Unlock()
			}
			for _, n := range r.nodes[dead:] {
				n.fire("a")
			}
			r.until(60 * sec)
			if m := r.last(); len(r.tellings()) != 1 || m.at > 1*sec+1500*ms || m.at < 1*sec+time.Duration(dead)*500*ms {
				t.Errorf("%d dead: told %v", dead, r.tellings())
			}
		})
	}
}

// I2: all nodes at once, with answers of the ledger slower than the stagger.
func TestOneSendUnderQuorum(t *testing.T) {
	inBubble(t, 3, simple("1s", "10s", "4h"), func(r *rig) {
		for _, n := range r.nodes {
			n.seat.mu.Lock()
			n.seat.latency, n.seat.rank = 700*ms, 0
			n.seat.mu.Unlock()
		}
		r.fire("a", "b")
		r.until(9 * sec)
		if len(r.tellings()) != 1 {
			t.Fatalf("told %v", r.tellings())
		}
		r.resolve("a")
		r.until(60 * sec)
		if len(r.tellings()) != 2 || r.tellings()[1].resolved != "a" {
			t.Errorf("told %v", r.tellings())
		}
	})
}

// I7: a silence that is acknowledged before the grant is honoured by the message.
func TestSilenceBeforeGrantIsHonoured(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.seat.mu.Lock()
		n.seat.latency = 200 * ms
		n.seat.mu.Unlock()
		n.fire("a", "b")
		r.until(1100 * ms)
		r.sils.put("s", "a", time.Now(), time.Now().Add(time.Hour))
		r.until(60 * sec)
		r.wants("1.2s hook firing b")
		if e := onlyEntry(t, r); len(e.Must) != 1 || e.Claim != nil {
			t.Errorf("entry %+v", e)
		}
	})
}

// The same where it leaves nothing: the claim is given back and nothing is sent.
func TestSilenceOfEverythingReleases(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.seat.mu.Lock()
		n.seat.latency = 200 * ms
		n.seat.mu.Unlock()
		n.fire("a")
		r.until(1100 * ms)
		r.sils.put("s", "a", time.Now(), time.Now().Add(30*sec))
		r.until(20 * sec)
		r.wants()
		if e := onlyEntry(t, r); e.Claim != nil || len(e.Must)+len(e.Maybe) != 0 || r.ledger.tally().grants != 1 {
			t.Errorf("entry %+v after %d grants", e, r.ledger.tally().grants)
		}
		if n.Pending() != 0 {
			t.Errorf("%d deliveries pending", n.Pending())
		}
		r.until(60 * sec)
		r.wants("41.2s hook firing a")
	})
}

// A resolved alert that fires again while its message is claimed is not told as
// resolved.
func TestRefireBeforeGrant(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.fire("a", "b")
		r.until(5 * sec)
		n.seat.mu.Lock()
		n.seat.latency = 200 * ms
		n.seat.mu.Unlock()
		n.resolve("a")
		r.until(11*sec + 100*ms)
		n.fire("a")
		r.until(100 * sec)
		r.wants("1s hook firing a,b")
	})
}

// I13: a claim that is granted as the configuration changes is given back.
func TestReloadBetweenClaimAndGrant(t *testing.T) {
	conf := simple("1s", "10s", "4h")
	inBubble(t, 1, conf, func(r *rig) {
		n := r.nodes[0]
		n.seat.mu.Lock()
		n.seat.latency = 200 * ms
		n.seat.mu.Unlock()
		n.fire("a")
		r.until(1100 * ms)
		n.use(1, conf)
		r.until(60 * sec)
		if len(r.tellings()) != 1 || r.ledger.tally().grants != 2 {
			t.Errorf("told %v after %d grants", r.tellings(), r.ledger.tally().grants)
		}
	})
}

// I12: killed while it holds a claim, the next node sends with the same ID.
func TestKilledHolder(t *testing.T) {
	inBubble(t, 2, simple("1s", "5m", "4h"), func(r *rig) {
		dead := make(chan struct{})
		defer close(dead)
		r.answer = func(ctx context.Context, n int, m *notify.Message) notify.Result {
			if n == 1 {
				// Nothing is heard of the node any more.
				r.nodes[0].seat.mu.Lock()
				r.nodes[0].seat.deaf = true
				r.nodes[0].seat.mu.Unlock()
				<-dead
				return notify.Result{Err: errRefused}
			}
			return notify.Result{}
		}
		r.fire("a")
		r.until(14 * sec)
		m := r.last()
		if len(r.tellings()) != 1 || m.node != "n1" || m.at > 13*sec || m.reason != model.ReasonFirst {
			t.Errorf("told %v by %s, %s", r.tellings(), m.node, m.reason)
		}
		if r.ledger.tally().expiries != 1 {
			t.Errorf("%d claims expired", r.ledger.tally().expiries)
		}
	})
}

// An alert that resolves while another node holds a claim for its firing stays
// until the claim has ended: the message may have arrived, and then its receiver
// has to hear of the end.
func TestResolvedUnderAnothersClaimIsKept(t *testing.T) {
	inBubble(t, 2, simple("1s", "5s", "4h"), func(r *rig) {
		r.answer = func(_ context.Context, k int, _ *notify.Message) notify.Result { return notify.Result{} }
		dead, other := r.nodes[0], r.nodes[1]
		dead.answer = func(context.Context, int, *notify.Message) notify.Result {
			dead.gone.Store(true)
			dead.mouth.mu.Lock()
			dead.mouth.gone = true
			dead.mouth.mu.Unlock()
			dead.seat.mu.Lock()
			defer dead.seat.mu.Unlock()
			dead.seat.deaf = true
			return notify.Result{}
		}
		r.fire("a")
		r.until(2 * sec)
		r.wants("1s hook firing a")
		other.resolve("a")
		r.until(20 * sec)
		r.wants("11s hook resolved a")
	})
}

// The lease ends while the receiver hangs: the send is given up before another
// node may begin (I9).
func TestLeaseBoundsTheSend(t *testing.T) {
	inBubble(t, 1, simple("1s", "5m", "4h"), func(r *rig) {
		n := r.nodes[0]
		var ended time.Duration
		r.answer = func(ctx context.Context, k int, _ *notify.Message) notify.Result {
			if k > 1 {
				return notify.Result{}
			}
			n.lose()
			<-ctx.Done()
			ended = time.Since(r.zero)
			return notify.Result{Err: ctx.Err(), Retryable: true}
		}
		n.fire("a")
		r.until(8 * sec)
		if ended != 6*sec {
			t.Errorf("the send was given up at %v", ended)
		}
	})
}

// A wall clock that jumps ends the lease too: the machine may have slept.
func TestLeaseEndsByTheWallClock(t *testing.T) {
	inBubble(t, 1, simple("1s", "5m", "4h"), func(r *rig) {
		n := r.nodes[0]
		var ended time.Duration
		r.answer = func(ctx context.Context, k int, _ *notify.Message) notify.Result {
			if k > 1 {
				return notify.Result{}
			}
			n.shift.Store(int64(time.Hour))
			<-ctx.Done()
			ended = time.Since(r.zero)
			return notify.Result{Err: ctx.Err(), Retryable: true}
		}
		n.Post([]alert.Alert{make1("a", time.Now(), time.Now().Add(9*time.Hour), time.Now())})
		r.until(8 * sec)
		if ended == 0 || ended > 3*sec {
			t.Errorf("the send was given up at %v", ended)
		}
		r.until(60 * sec)
		if len(r.tellings()) != 1 {
			t.Errorf("told %v", r.tellings())
		}
	})
}

// A settlement that gets no answer is kept, reported later, and nothing is sent
// twice meanwhile.
func TestUnansweredSettlement(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		r.answer = func(context.Context, int, *notify.Message) notify.Result {
			n.lose()
			return notify.Result{}
		}
		n.fire("a")
		r.until(60 * sec)
		r.wants("1s hook firing a")
		n.seat.back()
		r.until(64 * sec)
		if len(r.ledger.tally().history) != 1 {
			t.Errorf("history %v", r.ledger.tally().history)
		}
		n.mouth.drain(r.ledger)
		r.until(200 * sec)
		r.wants()
		if e := onlyEntry(t, r); len(e.Must) != 1 || len(e.Maybe) != 0 {
			t.Errorf("entry %+v", e)
		}
	})
}

// The same where a leader is known but answers nothing: at worst the message
// goes out once more, because its claim has expired unsettled.
func TestDeafLedger(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		r.answer = func(context.Context, int, *notify.Message) notify.Result {
			n.seat.mu.Lock()
			defer n.seat.mu.Unlock()
			n.seat.deaf = true
			return notify.Result{}
		}
		n.fire("a")
		r.until(100 * sec)
		if len(r.tellings()) > 2 || r.tellings()[0].at != sec {
			t.Errorf("told %v", r.tellings())
		}
		r.forget()
		n.fire("b")
		r.until(120 * sec)
		if len(r.tellings()) != 1 || r.tellings()[0].firing != "a,b" || !r.tellings()[0].degraded {
			t.Errorf("told %v", r.tellings())
		}
	})
}

func TestTimeIntervals(t *testing.T) {
	// The bubble begins at midnight, UTC, of a Saturday.
	conf := simple("1s", "10m", "4h") + `
time_intervals:
- name: night
  time_intervals: [{times: [{start_time: "00:00", end_time: "01:00"}]}]
- name: day
  time_intervals: [{times: [{start_time: "01:00", end_time: "24:00"}]}]
`
	muted := replaceOnce(conf, "  group_by", "  routes:\n  - receiver: hook\n    matchers: [job = m]\n    mute_time_intervals: [night]\n  - receiver: hook\n    matchers: [job = a]\n    active_time_intervals: [day]\n  group_by")
	inBubble(t, 1, muted, func(r *rig) {
		n := r.nodes[0]
		for _, s := range []string{"muted job=m", "active job=a"} {
			n.Post([]alert.Alert{make1(s, time.Now(), time.Now().Add(9*time.Hour), time.Now())})
		}
		r.until(30 * time.Minute)
		r.wants()
		for _, g := range n.Groups(groupsAll) {
			want := "night"
			if g.Labels.Get("job") == "a" {
				want = "day"
			}
			if len(g.MutedBy) != 1 || g.MutedBy[0] != want || g.Alerts[0].Status.State != "suppressed" {
				t.Errorf("group %+v", g)
			}
		}
		r.until(70 * time.Minute)
		r.sort()
		if len(r.tellings()) != 2 || r.tellings()[0].at != 60*time.Minute+sec {
			t.Errorf("told %v", r.tellings())
		}
	})
}

// I18: goroutines come back to where they were.
func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	inBubble(t, 3, simple("1s", "10s", "4h"), func(r *rig) {
		synctest.Wait()
		quiet := runtime.NumGoroutine()
		r.answer = failsBefore(r, 30*sec)
		for i := range 50 {
			r.fire("a job=j" + string(rune('0'+i)))
		}
		r.until(120 * sec)
		synctest.Wait() // what begins at this moment ends in it
		if now := runtime.NumGoroutine(); now > quiet {
			t.Errorf("%d goroutines, %d before", now, quiet)
		}
		if len(r.tellings()) != 50 {
			t.Errorf("%d told", len(r.tellings()))
		}
	})
	// The runtime counts the last ones for a moment after the bubble's end.
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before+1; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}
