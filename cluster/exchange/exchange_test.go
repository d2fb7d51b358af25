package exchange_test

import (
	"testing"
	"time"

	"tocsin/cluster/exchange"
)

// TestPush: what is posted to one node is on all at once.
func TestPush(t *testing.T) {
	bubble(t, 3, nil, func(r *rig) {
		r.inStep()
		r.nodes[0].post(hashes(0, 10_000)...)
		r.nodes[1].post(hashes(20_000, 10)...)
		if took := r.until(time.Second, "all have the alerts", r.equal); took > 100*time.Millisecond {
			t.Errorf("it took %s", took)
		}
		if n := len(r.nodes[2].clone()); n != 10_010 {
			t.Errorf("a node has %d alerts", n)
		}
		if n := r.nodes[0].value(t, "tocsin_exchange_lag_seconds"); n == 0 {
			t.Error("the lag is not measured")
		}
	})
}

// TestRefresh: refreshes travel without bodies, within their round.
func TestRefresh(t *testing.T) {
	bubble(t, 3, nil, func(r *rig) {
		r.inStep()
		all := hashes(0, 1000)
		r.nodes[0].post(all...)
		r.until(time.Second, "all have the alerts", r.equal)
		time.Sleep(time.Minute)
		before := r.nodes[1].taken()
		r.nodes[0].refresh(all...)
		r.until(1100*time.Millisecond, "all are refreshed", r.equal)
		if n := r.nodes[1].taken() - before; n != 0 {
			t.Errorf("%d bodies were sent for refreshes", n)
		}
		time.Sleep(time.Second)
		r.nodes[0].move(all[:1]...)
		r.nodes[0].Changed(nil, all[:1], true)
		if took := r.until(time.Second, "all are refreshed", r.equal); took > 20*time.Millisecond {
			t.Errorf("an urgent refresh took %s", took)
		}
	})
}

// TestRefreshOfWhatAPeerLacks: the body is asked for.
func TestRefreshOfWhatAPeerLacks(t *testing.T) {
	bubble(t, 2, nil, func(r *rig) {
		r.inStep()
		r.nodes[0].put(toy{hash: 1, updated: 1, text: 1})
		r.nodes[1].put(toy{hash: 2, updated: 1, text: 1})
		r.nodes[0].put(toy{hash: 2, updated: 2, starts: -1, text: 2})
		r.nodes[0].Changed(nil, []uint64{1, 2}, false)
		r.until(1100*time.Millisecond, "the peer has the alerts", r.equal)
	})
}

// TestAllSourcesReachAllNodes: where every node is posted everything, nothing
// but states and sums goes between them.
func TestAllSourcesReachAllNodes(t *testing.T) {
	bubble(t, 3, nil, func(r *rig) {
		r.inStep()
		all := hashes(0, 600)
		for _, n := range r.nodes {
			n.post(all...)
		}
		r.until(time.Second, "all have the same", r.equal)
		time.Sleep(30 * time.Second)
		taken, bytes := r.nodes[1].taken(), r.nodes[1].value(t, "tocsin_exchange_bytes_total", "received")
		full := r.nodes[1].value(t, "tocsin_exchange_full_syncs_total")
		for range 60 {
			for i := range 60 {
				for _, n := range r.nodes {
					n.refresh(all[10*i : 10*i+10]...)
					time.Sleep(time.Millisecond)
				}
				time.Sleep(time.Second - 3*time.Millisecond)
			}
		}
		if n := r.nodes[1].taken() - taken; n != 0 {
			t.Errorf("%d bodies were sent", n)
		}
		bytes = r.nodes[1].value(t, "tocsin_exchange_bytes_total", "received") - bytes
		// Two peers refresh ten alerts a second each, and compare once a
		// minute, as this node does.
		if limit := 3600*2*(10*32+2*40) + 60*2*2*9000; bytes > float64(limit) {
			t.Errorf("%.0f bytes came in an hour, want %d at most", bytes, limit)
		}
		if n := r.nodes[1].value(t, "tocsin_exchange_full_syncs_total") - full; n != 0 {
			t.Errorf("%.0f full comparisons after that of the start", n)
		}
	})
}

// TestLateJoinerGetsAll: a node that starts with nothing has all before it says
// that it is in step.
func TestLateJoinerGetsAll(t *testing.T) {
	bubble(t, 3, nil, func(r *rig) {
		r.inStep()
		r.nodes[2].stop()
		all := hashes(0, 60_000)
		r.nodes[0].post(all...)
		time.Sleep(time.Second)
		r.nodes[2].toys = newToys()
		r.nodes[2].put(toy{hash: 3, updated: 1, text: 1})
		r.start(2)
		<-r.nodes[2].Synced()
		if n := len(r.nodes[2].clone()); n != 60_001 {
			t.Errorf("in step with %d alerts", n)
		}
		r.until(time.Second, "the others have its alerts", func() bool {
			_, a := r.nodes[0].State(3)
			_, b := r.nodes[1].State(3)
			return a && b
		})
	})
}

// TestNotOfferedIsNotGiven: an alert that is over and told stays where it is,
// but a node that has an older state of it is told the end.
func TestNotOfferedIsNotGiven(t *testing.T) {
	bubble(t, 2, func(o *exchange.Options) { o.CompareEvery = 10 * time.Second }, func(r *rig) {
		r.inStep()
		a, b := r.nodes[0], r.nodes[1]
		a.mu.Lock()
		a.alerts[1], a.over[1] = toy{hash: 1, updated: 5}, true
		a.alerts[2], a.over[2] = toy{hash: 2, updated: 5, ends: 4}, true
		a.mu.Unlock()
		b.put(toy{hash: 2, updated: 3, ends: 9})
		time.Sleep(20 * time.Second)
		if _, known := b.State(1); known {
			t.Error("an alert that is not offered was given")
		}
		if s, _ := b.State(2); s.Ends != 4 {
			t.Errorf("the end is not known: %+v", s)
		}
	})
}

// TestHeal: what a cut kept apart is exchanged within seconds after it, in both
// directions, and meanwhile the node says that it is not in step.
func TestHeal(t *testing.T) {
	for _, length := range []time.Duration{2 * time.Second, time.Minute} {
		bubble(t, 3, nil, func(r *rig) {
			r.inStep()
			r.nodes[0].post(hashes(0, 100)...)
			r.until(time.Second, "all have the alerts", r.equal)
			r.net.Split([]string{r.nodes[0].ip}, []string{r.nodes[1].ip, r.nodes[2].ip})
			r.nodes[0].post(hashes(1000, 100)...)
			r.nodes[1].post(hashes(2000, 100)...)
			r.nodes[1].refresh(hashes(0, 100)...)
			time.Sleep(length)
			if length > 10*time.Second && (r.nodes[0].InStep() || !r.nodes[1].InStep()) {
				t.Error("in step are not those that hear each other")
			}
			r.net.Heal()
			r.until(3*time.Second, "all have the same", r.equal)
			r.inStep()
		})
	}
}

// TestThirdNodeHelps: two nodes that do not reach each other get each other's
// alerts through the third.
func TestThirdNodeHelps(t *testing.T) {
	bubble(t, 3, nil, func(r *rig) {
		r.inStep()
		r.net.Split([]string{r.nodes[0].ip}, []string{r.nodes[1].ip})
		time.Sleep(10 * time.Second)
		for i := range 5 {
			r.nodes[i%2].post(hashes(100*i, 10)...)
			r.until(5*time.Second, "all have the same", r.equal)
		}
	})
}

// TestOverflow: a peer that was slow loses nothing.
func TestOverflow(t *testing.T) {
	bubble(t, 2, func(o *exchange.Options) { o.Queue = 50 }, func(r *rig) {
		r.inStep()
		r.nodes[0].post(hashes(0, 1000)...)
		r.until(5*time.Second, "the peer has all", r.equal)
		if n := r.nodes[0].value(t, "tocsin_exchange_transitions_overflowed_total"); n != 950 {
			t.Errorf("%.0f transitions overflowed, want 950", n)
		}
		r.nodes[0].refresh(hashes(0, 1000)...)
		r.until(5*time.Second, "the peer has all", r.equal)
		if n := r.nodes[0].value(t, "tocsin_exchange_refreshes_shed_total"); n != 950 {
			t.Errorf("%.0f refreshes were shed, want 950", n)
		}
	})
}

// TestSlowPeerHoldsNobodyUp: one peer that hangs, one that does not.
func TestSlowPeerHoldsNobodyUp(t *testing.T) {
	bubble(t, 3, nil, func(r *rig) {
		r.inStep()
		r.net.Split([]string{r.nodes[2].ip}, []string{r.nodes[0].ip, r.nodes[1].ip})
		for i := range 100 {
			r.nodes[0].post(hashes(i, 1)...)
			r.until(100*time.Millisecond, "the other peer has it", func() bool {
				_, ok := r.nodes[1].State(hashes(i, 1)[0])
				return ok
			})
			time.Sleep(100 * time.Millisecond)
		}
		if r.nodes[0].value(t, "tocsin_exchange_peers_behind") != 1 {
			t.Error("the peer that hangs does not count as behind")
		}
	})
}

// TestRestartOfAPeer: it gets all again although nobody saw it go.
func TestRestartOfAPeer(t *testing.T) {
	bubble(t, 2, nil, func(r *rig) {
		r.inStep()
		r.nodes[0].post(hashes(0, 10)...)
		r.until(time.Second, "the peer has all", r.equal)
		r.nodes[1].stop()
		r.nodes[1].toys = newToys()
		r.start(1)
		r.until(3*time.Second, "the peer has all", r.equal)
	})
}

// TestStopTellsWhatIsLeft: an alert that was taken in just before the stop.
func TestStopTellsWhatIsLeft(t *testing.T) {
	bubble(t, 2, nil, func(r *rig) {
		r.inStep()
		r.nodes[0].post(1)
		r.nodes[0].cancel()
		<-r.nodes[0].done
		if _, ok := r.nodes[1].State(1); !ok {
			t.Error("the peer was not told")
		}
	})
}

func TestSynced(t *testing.T) {
	t.Run("nobody to ask", func(t *testing.T) {
		bubble(t, 1, nil, func(r *rig) {
			began := time.Now()
			<-r.nodes[0].Synced()
			if time.Since(began) != 0 || !r.nodes[0].InStep() {
				t.Errorf("a node without others waited %s", time.Since(began))
			}
		})
	})
	t.Run("nobody answers", func(t *testing.T) {
		bubble(t, 1, func(o *exchange.Options) { o.Expected = true }, func(r *rig) {
			began := time.Now()
			<-r.nodes[0].Synced()
			if took := time.Since(began); took < 5*time.Second || took > 6*time.Second || r.nodes[0].InStep() {
				t.Errorf("waited %s", took)
			}
		})
	})
}
