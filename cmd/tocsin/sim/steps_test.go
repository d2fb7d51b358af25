package sim_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"tocsin/cmd/tocsin/app"
)

// trouble is a fault that a node suffers from.
type trouble string

const (
	troubleNet   trouble = "network"
	troublePause trouble = "pause"
	troubleDown  trouble = "down"
	troubleReach trouble = "receivers out of reach"
	troubleClock trouble = "clock"
)

// perform does a step.
func (w *world) perform(x step) {
	w.note("STEP %s", x)
	if !slices.Contains([]op{opFire, opResolve, opFlap, opMute}, x.Op) {
		defer w.disturb()
	}
	a, b, s := w.members[x.A], w.members[x.B], (*source)(nil)
	if len(w.alerts) > 0 {
		s = w.alerts[x.Alert]
	}
	if do, ok := w.steps()[x.Op]; ok {
		do(x, a, b, s)
		return
	}
	panic("BUG: no such op: " + string(x.Op))
}

type action func(x step, a, b *member, s *source)

// steps are what the ops do.
func (w *world) steps() map[op]action {
	return map[op]action{
		opFire:    func(_ step, _, _ *member, s *source) { s.set(true) },
		opResolve: func(_ step, _, _ *member, s *source) { s.set(false) },
		opFlap: func(x step, _, _ *member, s *source) {
			was := s.truth().firing
			s.set(!was)
			w.tasks.Go(func() { time.Sleep(time.Duration(x.N+1) * 300 * time.Millisecond); s.set(was) })
		},
		opMute:      func(_ step, _, _ *member, s *source) { s.setOn(false) },
		opUnmute:    func(_ step, _, _ *member, s *source) { s.reachAll(); s.setOn(true) },
		opReach:     w.doReach,
		opSilence:   w.doSilence,
		opUnsilence: w.doUnsilence,
		opHush: func(x step, a, b *member, s *source) {
			w.whenTold(x, s, func() { w.doSilence(x, a, b, s) })
		},
		opRecast: func(x step, a, _ *member, s *source) {
			w.whenTold(x, s, func() { w.versions.Add(1); a.writeConfig(int(w.versions.Load())); w.reload(a) })
		},
		opConfig: func(_ step, a, _ *member, _ *source) {
			w.versions.Add(1)
			a.writeConfig(int(w.versions.Load()))
			w.reload(a)
		},
		opReload:   func(_ step, a, _ *member, _ *source) { w.reload(a) },
		opTransfer: w.doTransfer,
		opCut:      func(_ step, a, _ *member, _ *source) { w.cutOff(a) },
		opCutLeader: func(_ step, _, _ *member, _ *source) {
			if l := w.leader(); l != nil {
				w.cutOff(l)
			}
		},
		opSplit: func(_ step, a, b *member, _ *source) {
			for i, m := range w.members {
				for j, o := range w.members {
					if (i <= min(a.i, b.i)) != (j <= min(a.i, b.i)) {
						w.cut(m, o)
					}
				}
			}
		},
		opPart:   func(_ step, a, b *member, _ *source) { w.cut(a, b); w.cut(b, a) },
		opOneWay: func(_ step, a, b *member, _ *source) { w.cut(a, b) },
		opAlone: func(step, *member, *member, *source) {
			for _, m := range w.members {
				w.cutOff(m)
			}
		},
		opFlutter: w.doFlutter,
		opBlock:   w.doBlock,
		opLoss: func(x step, a, b *member, _ *source) {
			w.estrange(a, b)
			w.net.Loss(a.ip, b.ip, 0.15*float64(x.N+1))
			w.suffer(troubleNet, a, b)
		},
		opDelay: func(x step, a, b *member, _ *source) {
			w.estrange(a, b)
			w.net.Delay(a.ip, b.ip, time.Duration(x.N+1)*60*time.Millisecond)
			w.suffer(troubleNet, a, b)
		},
		opUnreach: func(_ step, a, _ *member, _ *source) {
			for _, r := range w.receivers {
				w.net.Split([]string{a.ip}, []string{r.ip})
			}
			w.suffer(troubleReach, a)
		},
		opHeal:  func(step, *member, *member, *source) { w.heal() },
		opPause: w.doPause,
		opCrash: func(_ step, a, _ *member, _ *source) { a.kill() },
		opKillAll: func(step, *member, *member, *source) {
			w.falls()
			for _, m := range w.members {
				m.kill()
			}
		},
		opFell:   w.doFell,
		opSchism: w.doSchism,
		opHermit: w.doHermit,
		opStart: func(_ step, a, _ *member, _ *source) {
			if node, _ := a.process(); node == nil {
				a.start()
				w.relieve(troubleDown, a)
			}
		},
		opStop: func(_ step, a, _ *member, _ *source) { a.stop() },
		opWipe: func(_ step, a, _ *member, _ *source) {
			if !w.wiped {
				w.wiped = true
				a.wipe()
			}
		},
		opClock:  w.doClock,
		opRefuse: func(step, *member, *member, *source) { w.answer(mode{status: http.StatusInternalServerError}) },
		opBusy: func(x step, _, _ *member, _ *source) {
			w.answer(mode{status: http.StatusTooManyRequests, retryAfter: x.N + 1})
		},
		opNoAnswer: func(step, *member, *member, *source) { w.answer(mode{drop: true}) },
		opSlow:     func(x step, _, _ *member, _ *source) { w.answer(mode{before: time.Duration(x.N+1) * time.Second}) },
		opLate:     func(x step, _, _ *member, _ *source) { w.answer(mode{after: time.Duration(x.N+1) * 3 * time.Second}) },
		opWell:     func(step, *member, *member, *source) { w.answer(mode{}) },
	}
}

func (w *world) answer(m mode) {
	for _, r := range w.receivers {
		r.set(m)
	}
	w.receiversChanged(m == mode{})
}

func (w *world) cut(from, to *member) {
	if from == to {
		return
	}
	w.net.Cut(from.ip, to.ip)
	w.estrange(from, to)
	w.suffer(troubleNet, from, to)
}

func (w *world) cutOff(m *member) {
	w.mu.Lock()
	if w.cutOffAt[m].IsZero() {
		w.cutOffAt[m] = time.Now()
	}
	w.mu.Unlock()
	for _, o := range w.members {
		w.cut(m, o)
		w.cut(o, m)
	}
}

func (w *world) heal() {
	w.net.Heal()
	w.reconcile()
	w.relieve(troubleNet, w.members...)
	w.relieve(troubleReach, w.members...)
}

func (w *world) doReach(x step, a, b *member, s *source) {
	if x.N%2 == 0 {
		s.reachOnly(a.i)
	} else {
		s.reachOnly(a.i, b.i)
	}
}

func (w *world) doFlutter(x step, a, _ *member, _ *source) {
	w.tasks.Go(func() {
		for range x.N + 2 {
			w.cutOff(a)
			time.Sleep(700 * time.Millisecond)
			w.disturb()
			for _, o := range w.members {
				w.net.Mend(a.ip, o.ip)
				w.net.Mend(o.ip, a.ip)
			}
			time.Sleep(700 * time.Millisecond)
			w.disturb()
		}
		w.reconcile()
		w.relieve(troubleNet, w.members...)
	})
}

func (w *world) doBlock(x step, a, b *member, _ *source) {
	if a == b {
		return
	}
	port := gossipPort
	if x.N%2 == 1 {
		port = raftPort
	}
	w.estrange(a, b)
	w.net.Block(a.ip, b.ip, port)
	w.suffer(troubleNet, a, b)
}

func (w *world) doPause(x step, a, _ *member, _ *source) {
	d := time.Duration(x.N+1) * 4 * time.Second
	a.mu.Lock()
	a.paused = time.Now().Add(d)
	a.mu.Unlock()
	w.suffer(troublePause, a)
	w.net.Freeze(a.ip)
	w.tasks.Go(func() {
		time.Sleep(d)
		a.mu.Lock()
		over := !time.Now().Before(a.paused)
		a.mu.Unlock()
		if over {
			w.net.Thaw(a.ip)
			w.relieve(troublePause, a)
			w.note("%s goes on", a.name)
		}
	})
}

// doClock sets a clock; only a minority of the clocks is ever wrong.
func (w *world) doClock(x step, a, _ *member, _ *source) {
	skew := []time.Duration{0, time.Hour, -time.Hour, 2 * time.Minute}[x.N]
	for _, m := range w.members {
		if m != a && m.skew.Load() != 0 {
			return
		}
	}
	a.skew.Store(int64(skew))
	if skew == 0 {
		w.relieve(troubleClock, a)
	} else {
		w.suffer(troubleClock, a)
	}
}

// with does something with a node's process, beside the steps that follow,
// because it may take its time. It is not done if the process does not run.
func (w *world) with(m *member, f func(node *app.Node)) {
	node, up := m.up()
	if !up {
		return
	}
	w.tasks.Go(func() { f(node); w.disturb() })
}

func (w *world) reload(m *member) {
	w.with(m, func(node *app.Node) {
		err := node.Reload(context.Background())
		w.note("%s reloaded: %v", m.name, err)
	})
}

func (w *world) doTransfer(_ step, a, _ *member, _ *source) {
	w.with(a, func(node *app.Node) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err := node.Cluster().TransferLeadership(ctx, "")
		w.note("%s asked for another leader: %v", a.name, err)
	})
}

// doSchism has two nodes tell different things of one group.
func (w *world) doSchism(_ step, a, b *member, _ *source) {
	for _, m := range w.members {
		w.cutOff(m)
	}
	time.Sleep(time.Second)
	for i, m := range []*member{a, b} {
		w.alerts[i].reachOnly(m.i)
		w.alerts[i].set(true)
	}
	time.Sleep(peerTimeout + healTime + groupWait + slack)
	w.heal()
	for _, s := range w.alerts[:2] {
		s.reachAll()
	}
}

// doHermit leaves a node without anybody to hear.
func (w *world) doHermit(_ step, a, _ *member, _ *source) {
	w.cutOff(a)
	var others []int
	for _, m := range w.members {
		if m != a {
			others = append(others, m.i)
		}
	}
	for _, s := range w.alerts {
		s.reachOnly(others...)
	}
	time.Sleep(validFor + groupInterval + lonelyAfter/2)
	w.heal()
	for _, s := range w.alerts {
		s.reachAll()
	}
}

// doFell waits until somebody tells of the alert's change, and kills it.
func (w *world) doFell(_ step, _, _ *member, s *source) {
	r := w.receiverOf(s)
	r.mu.Lock()
	trap := make(chan *member, 1)
	r.trap = trap
	r.mu.Unlock()
	s.set(!s.truth().firing)
	select {
	case m := <-trap:
		m.kill()
		w.note("%s fell", m.name)
	case <-time.After(3 * groupInterval):
	}
	r.mu.Lock()
	r.trap = nil
	r.mu.Unlock()
}

// whenTold makes an alert fire, and does something when the nodes are about to
// tell of it.
func (w *world) whenTold(x step, s *source, do func()) {
	s.set(true)
	w.tasks.Go(func() {
		time.Sleep(groupWait + time.Duration(x.N)*40*time.Millisecond)
		do()
		w.disturb()
	})
}

func (w *world) doSilence(_ step, a, _ *member, s *source) {
	w.with(a, func(node *app.Node) {
		now := time.Now()
		body := fmt.Sprintf(`{"matchers":[{"name":"alertname","value":%q,"isRegex":false}],"startsAt":%q,"endsAt":%q,"createdBy":"sim","comment":"sim"}`,
			s.name, now.Add(-2*time.Hour).Format(time.RFC3339Nano), now.Add(48*time.Hour).Format(time.RFC3339Nano))
		answer := ask(node, http.MethodPost, "/api/v2/silences", body)
		w.silenced(a, node, s, answer.Code, answer.Body.Bytes())
	})
}

func (w *world) doUnsilence(_ step, a, _ *member, s *source) {
	w.with(a, func(node *app.Node) {
		for _, id := range w.silencesOf(s.name) {
			answer := ask(node, http.MethodDelete, "/api/v2/silence/"+id, "")
			w.note("%s expires the silence of %s: %d", a.name, s.name, answer.Code)
		}
	})
}
