package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/fsm/command"
)

func TestLeaderDiesAndAnotherLeadsWithinThreeSeconds(t *testing.T) {
	bubble(t, func(r *rig) {
		var worst time.Duration
		nodes := r.trio()
		for range 10 {
			leader := leaderOf(nodes...)
			leader.put("s" + time.Now().String())
			r.sameState(nodes...)
			rest := others(nodes, leader)
			leader.kill()
			took := r.until(3*time.Second, "another leader (I12)", func() bool { return leaderOf(rest...) != nil })
			worst = max(worst, took)
			rest[0].put("t" + time.Now().String())
			r.net.Heal()
			again := r.start(leader.i, peers(1, 2, 3))
			<-again.Ready()
			nodes = append(rest, again)
			r.until(30*time.Second, "all alive again", func() bool {
				return nodes[0].Quorum().Reachable == 3 && nodes[1].Quorum().Reachable == 3 && nodes[2].Quorum().Reachable == 3
			})
		}
		r.Logf("longest of ten elections after the leader's death: %v", worst)
		r.sameState(nodes...)
		stopAll(nodes...)
	})
}

func TestCutOffLeaderStepsDownAndComesBack(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		old := leaderOf(nodes...)
		rest := others(nodes, old)
		r.net.Split([]string{ip(old.i)}, []string{ip(rest[0].i), ip(rest[1].i)})
		begin := time.Now()
		r.until(2*time.Second, "the old leader sees that it is cut off", func() bool { return !old.Quorum().Held })
		r.Logf("the old leader noticed after %v", time.Since(begin))
		r.until(3*time.Second, "a new leader", func() bool { return leaderOf(rest...) != nil })
		rest[0].put("majority")
		rest[1].put("majority2")
		if q := old.Quorum(); q.Held || q.LostAt.IsZero() || q.Voters != 3 {
			r.Errorf("the cut off node sees %+v", q)
		}
		r.until(30*time.Second, "gossip notices", func() bool { q := old.Quorum(); return q.Reachable == 1 && q.CutOff() })
		if rank, of := old.Rank(key("x")); rank != 0 || of != 1 {
			r.Errorf("rank %d of %d on a lonely node, want 0 of 1", rank, of)
		}
		// A write there is refused at once, with what a client needs.
		started := time.Now()
		_, err := old.Propose(context.Background(), silence("minority"))
		if !errors.Is(err, cluster.ErrNoQuorum) || time.Since(started) > 100*time.Millisecond {
			r.Errorf("a write without a quorum: %v after %v, want ErrNoQuorum at once", err, time.Since(started))
		}
		r.net.Heal()
		r.until(20*time.Second, "the old leader catches up", func() bool { return old.has("majority2") && old.Quorum().Held })
		if old.has("minority") {
			r.Error("a refused write was applied")
		}
		r.sameState(nodes...)
		stopAll(nodes...)
	})
}

func TestReturningNodeDoesNotDisturbTheLeader(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		leader := leaderOf(nodes...)
		cut := others(nodes, leader)[0]
		other := others(others(nodes, leader), cut)[0]
		term := leader.Status().Term
		r.net.Split([]string{ip(cut.i)}, []string{ip(leader.i), ip(other.i)})
		time.Sleep(time.Minute)
		r.net.Heal()
		r.until(30*time.Second, "the node is back", func() bool { return cut.Quorum().Held })
		time.Sleep(5 * time.Second)
		if s := leader.Status(); s.State != cluster.StateLeader || s.Term != term {
			r.Errorf("the leader is %s in term %d, was leader in %d; is pre-vote on?", s.State, s.Term, term)
		}
		stopAll(nodes...)
	})
}

func TestStopHandsLeadershipOver(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		leader := leaderOf(nodes...)
		rest := others(nodes, leader)
		begin := time.Now()
		leader.stop()
		took := time.Since(begin)
		if leaderOf(rest...) == nil {
			r.Error("nobody leads right after the leader has stopped in good order")
		}
		if !strings.Contains(r.log(leader.i), "leadership is handed over") {
			r.Error("leadership was not handed over")
		}
		r.Logf("stopping the leader took %v", took)
		rest[0].put("x")
		stopAll(rest...)
	})
}

func TestAsymmetricCutOfTheLeaderHeals(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		leader := leaderOf(nodes...)
		for _, n := range others(nodes, leader) {
			r.net.Cut(ip(n.i), ip(leader.i)) // it speaks but does not hear
		}
		r.until(20*time.Second, "another leader", func() bool { return leaderOf(others(nodes, leader)...) != nil })
		others(nodes, leader)[0].put("x")
		r.net.Heal()
		r.until(30*time.Second, "it catches up", func() bool { return leader.has("x") })
		r.sameState(nodes...)
		stopAll(nodes...)
	})
}

// TestForwardedWritesSurviveElections writes through all nodes while the leader
// is cut off again and again. Every acknowledged write must be there, once.
func TestForwardedWritesSurviveElections(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		stop := make(chan struct{})
		var mu sync.Mutex
		acked := make(map[string]bool)
		unknown, refused := 0, 0
		var wg sync.WaitGroup
		for _, n := range nodes {
			for w := range 2 {
				wg.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-stop:
							return
						default:
						}
						id := fmt.Sprintf("n%d-w%d-%d", n.i, w, i)
						ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
						rs, err := n.Propose(ctx, silence(id))
						cancel()
						mu.Lock()
						switch {
						case err == nil && rs[0].Done():
							acked[id] = true
							if !n.has(id) {
								r.Errorf("node %d does not see %s (I14)", n.i, id)
							}
						case errors.Is(err, cluster.ErrOutcomeUnknown), errors.Is(err, cluster.ErrBehind):
							unknown++
						case errors.Is(err, cluster.ErrNoQuorum):
							refused++
						default:
							r.Errorf("%s: %v %v", id, rs, err)
						}
						mu.Unlock()
						time.Sleep(100 * time.Millisecond)
					}
				})
			}
		}
		for range 4 {
			time.Sleep(4 * time.Second)
			if leader := leaderOf(nodes...); leader != nil {
				rest := others(nodes, leader)
				r.net.Split([]string{ip(leader.i)}, []string{ip(rest[0].i), ip(rest[1].i)})
			}
			time.Sleep(9 * time.Second)
			r.net.Heal()
		}
		close(stop)
		wg.Wait()
		time.Sleep(20 * time.Second)
		r.sameState(nodes...)
		for id := range acked {
			for _, n := range nodes {
				if !n.has(id) {
					r.Fatalf("acknowledged write %s is missing on node %d (I14)", id, n.i)
				}
			}
		}
		r.Logf("%d acknowledged, %d unknown, %d refused", len(acked), unknown, refused)
		if len(acked) < 200 {
			r.Errorf("only %d writes got through", len(acked))
		}
		stopAll(nodes...)
	})
}

// TestUnknownOutcomeIsProposedAgainWithoutASecondEffect loses the answer of the
// leader, not the question.
func TestUnknownOutcomeIsProposedAgainWithoutASecondEffect(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		leader := leaderOf(nodes...)
		asker := others(nodes, leader)[0]
		asker.put("warm") // the connection stands
		r.net.Cut(ip(leader.i), ip(asker.i))
		done := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
			defer cancel()
			rs, err := asker.Propose(ctx, silence("once"))
			if err == nil && !rs[0].Done() {
				err = fmt.Errorf("answered %v %s", rs[0].Code, rs[0].Detail)
			}
			done <- err
		}()
		r.until(5*time.Second, "the leader applies", func() bool { return leader.has("once") })
		time.Sleep(15 * time.Second) // the attempt runs out of time
		rev := func() uint64 { s, _ := leader.machine.View().Silence("once"); return s.Rev }
		first := rev()
		r.net.Heal()
		if err := <-done; err != nil {
			r.Errorf("proposed again: %v", err)
		}
		if got := rev(); got != first {
			r.Errorf("the silence was changed twice: revision %d, then %d", first, got)
		}
		stopAll(nodes...)
	})
}

func TestBatchesShareEntries(t *testing.T) {
	bubble(t, func(r *rig) {
		n := r.start(1)
		<-n.Ready()
		n.put("first")
		before := n.Status().LastIndex
		var wg sync.WaitGroup
		const writes = 500
		for i := range writes {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				rs, err := n.Propose(ctx, silence(fmt.Sprintf("a%d", i)), silence(fmt.Sprintf("b%d", i)))
				if err != nil || !rs[0].Done() || !rs[1].Done() || rs[0].Index != rs[1].Index {
					r.Errorf("write %d: %v %v", i, rs, err)
				}
			})
		}
		wg.Wait()
		if used := n.Status().LastIndex - before; used > writes/4 {
			r.Errorf("%d writes at a time took %d log entries; they are not batched", writes, used)
		} else {
			r.Logf("%d writes at a time took %d log entries", writes, used)
		}
		n.stop()
	})
}

func TestOversizedProposalIsRefused(t *testing.T) {
	bubble(t, func(r *rig) {
		n := r.start(1)
		<-n.Ready()
		s := silence("big").(command.PutSilence)
		s.Silence.Comment = strings.Repeat("x", command.MaxSilenceBytes+1)
		if _, err := n.Propose(context.Background(), s); !errors.Is(err, cluster.ErrTooLarge) {
			r.Errorf("got %v, want ErrTooLarge", err)
		}
		n.stop()
	})
}
