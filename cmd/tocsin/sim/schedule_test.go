package sim_test

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// schedule is everything that a run is made of: what happens, and when. It is a
// plain value, so that a failing one can be printed, replayed and made smaller.
type schedule struct {
	// Seed decides what is drawn while the schedule runs: which packets are
	// lost, Raft's timeouts, the names of things.
	Seed uint64
	// Nodes is how many nodes the cluster has, 3 to 5.
	Nodes int
	Steps []step
}

// step is one thing that happens. What its fields mean is said by its op; those
// that an op does not use are ignored.
type step struct {
	// After is the time since the step before.
	After time.Duration
	Op    op
	// A and B are nodes, from 0. Alert is an alert, from 0.
	A, B, Alert int
	// N is how much of something, 0 to 3.
	N int
}

// op is what happens.
type op string

// The ops. "the source" of an alert is the one that tells of it.
const (
	opFire      op = "fire"       // Alert begins to fire, or goes on
	opResolve   op = "resolve"    // Alert is over
	opFlap      op = "flap"       // Alert changes twice within N+1 times 300 ms
	opMute      op = "source-off" // the source of Alert falls silent
	opUnmute    op = "source-on"  // it is back
	opReach     op = "reach"      // the source of Alert reaches node A alone from now on (N odd: A and B)
	opSilence   op = "silence"    // node A is asked to silence Alert
	opUnsilence op = "unsilence"  // node A is asked to expire the silence of Alert
	opHush      op = "hush"       // Alert begins to fire, and node A is asked to silence it N times 40 ms after it is about to be told
	opRecast    op = "recast"     // Alert begins to fire, and node A is given a new configuration N times 40 ms after it is about to be told
	opFell      op = "fell"       // Alert changes, and whoever tells of it is killed before it has an answer
	opSchism    op = "schism"     // all are alone for a while; one alert of a group fires on A only, another on B only
	opHermit    op = "hermit"     // A is cut off from all other nodes and from all sources, for half a minute
	opConfig    op = "config"     // node A is given a new configuration
	opReload    op = "reload"     // node A reloads the configuration that it has
	opTransfer  op = "transfer"   // node A is asked to make somebody else lead
	opCut       op = "cut"        // A is cut off from all other nodes
	opCutLeader op = "cut-leader" // whoever leads is cut off from all other nodes
	opSplit     op = "split"      // the nodes up to the lower of A and B are cut off from the others
	opPart      op = "part"       // A and B do not reach each other
	opOneWay    op = "one-way"    // nothing goes from A to B
	opAlone     op = "all-alone"  // every node is cut off from every other
	opFlutter   op = "flutter"    // A is cut off and back N+2 times, every 700 ms
	opBlock     op = "block"      // N even: no gossip between A and B; odd: nothing but gossip
	opLoss      op = "loss"       // N+1 times 15 % of what goes between A and B is lost
	opDelay     op = "delay"      // all between A and B takes N+1 times 60 ms each way
	opUnreach   op = "unreach"    // A does not reach the receivers
	opHeal      op = "heal"       // the network is whole again
	opPause     op = "pause"      // A stands still for N+1 times 4 s
	opCrash     op = "crash"      // A is killed
	opKillAll   op = "kill-all"   // every node is killed
	opStart     op = "start"      // A is started, if it was killed
	opStop      op = "stop"       // A is stopped in order
	opWipe      op = "wipe"       // A is killed and loses its data folder, once a run
	opClock     op = "clock"      // A's clock is set: N=0 right, 1 an hour ahead, 2 an hour behind, 3 two minutes ahead
	opRefuse    op = "answer-500" // the receivers answer 500
	opBusy      op = "answer-429" // the receivers answer 429 and ask for N+1 seconds
	opNoAnswer  op = "no-answer"  // the receivers take messages and close without an answer
	opSlow      op = "slow"       // the receivers take N+1 seconds before they take a message
	opLate      op = "late"       // the receivers take 3 times N+1 seconds to answer for what they took
	opWell      op = "answer-ok"  // the receivers are well
)

// faults are the ops that a schedule picks a few of: runs with few kinds of
// faults reach states that runs with all kinds rarely do. Three more are drawn
// only if -sim.menu names them, as they make a run long: fell, schism and hermit.
var faults = []op{
	opFlap, opMute, opReach, opSilence, opHush, opRecast, opConfig, opReload, opTransfer, opCut, opCutLeader, opSplit, opPart, opOneWay, opAlone, opFlutter,
	opBlock, opLoss, opDelay, opUnreach, opPause, opCrash, opKillAll, opStop, opWipe, opClock, opRefuse, opBusy, opNoAnswer, opSlow, opLate,
}

// undo are the ops that end a fault; they come with it.
var undo = map[op]op{
	opMute: opUnmute, opReach: opUnmute, opSilence: opUnsilence, opHush: opUnsilence, opCut: opHeal, opCutLeader: opHeal, opSplit: opHeal, opPart: opHeal, opOneWay: opHeal,
	opAlone: opHeal, opBlock: opHeal, opLoss: opHeal, opDelay: opHeal, opUnreach: opHeal, opCrash: opStart, opFell: opStart, opSchism: opHeal, opHermit: opHeal,
	opKillAll: opStart, opStop: opStart, opWipe: opStart, opRefuse: opWell, opBusy: opWell, opNoAnswer: opWell, opSlow: opWell, opLate: opWell,
}

// drawSchedule draws a schedule with some of the faults for that many nodes; 0
// draws that number, too.
func drawSchedule(t *rapid.T, nodes int, faults []op) schedule {
	s := schedule{Seed: uint64(draw(t, 1<<30)), Nodes: nodes}
	if nodes == 0 {
		s.Nodes = []int{3, 3, 3, 3, 3, 3, 4, 5}[draw(t, 8)]
	}
	menu := []op{opFire, opResolve}
	for range 1 + draw(t, 4) {
		f := faults[draw(t, len(faults))]
		menu = append(menu, f, f)
		if u, ok := undo[f]; ok {
			menu = append(menu, u)
		}
	}
	for range 5 + draw(t, 12) {
		s.Steps = append(s.Steps, step{
			After: time.Duration(pauses[draw(t, len(pauses))]) * time.Millisecond,
			Op:    menu[draw(t, len(menu))],
			A:     draw(t, s.Nodes), B: draw(t, s.Nodes), Alert: draw(t, len(alertNames)), N: draw(t, 4),
		})
	}
	return s
}

// draw is one of n numbers, each as likely as the others: rapid's own integers
// are mostly small ones, and here the first of a list is not the simplest.
func draw(t *rapid.T, n int) int {
	v := 0
	for bound := 1; bound < 4*n; bound *= 2 {
		v *= 2
		if rapid.Bool().Draw(t, "bit") {
			v++
		}
	}
	return v % n
}

// pauses are the milliseconds between steps: now and then none, mostly about
// what the product's own timers take.
var pauses = []int{0, 10, 60, 300, 700, 1000, 1500, 2100, 3000, 4200, 5000, 5600, 7000, 10400, 16000}

func (s schedule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d nodes, seed %#x\n", s.Nodes, s.Seed)
	at := time.Duration(0)
	for _, x := range s.Steps {
		at += x.After
		fmt.Fprintf(&b, "  %8v  %s\n", at, x)
	}
	return b.String()
}

func (x step) String() string {
	return fmt.Sprintf("%-10s A=n%d B=n%d alert=%s N=%d", x.Op, x.A+1, x.B+1, alertNames[x.Alert], x.N)
}

// GoString is the schedule as a Go value.
func (s schedule) GoString() string {
	var b strings.Builder
	fmt.Fprintf(&b, "schedule{Seed: %#x, Nodes: %d, Steps: []step{\n", s.Seed, s.Nodes)
	for _, x := range s.Steps {
		fmt.Fprintf(&b, "\t{%d * time.Millisecond, %q, %d, %d, %d, %d},\n", x.After.Milliseconds(), x.Op, x.A, x.B, x.Alert, x.N)
	}
	b.WriteString("}}")
	return b.String()
}

// smaller is a schedule that has as few steps as can be and fails still.
func (s schedule) smaller(fails func(schedule) bool, tries int) schedule {
	for size := (len(s.Steps) + 1) / 2; size > 0; {
		shrunk := false
		for at := 0; at < len(s.Steps) && tries > 0; tries-- {
			t := s
			end := min(at+size, len(s.Steps))
			t.Steps = append(append([]step(nil), s.Steps[:at]...), s.Steps[end:]...)
			// The times of what is left stay as they were.
			if end < len(s.Steps) {
				for _, gone := range s.Steps[at:end] {
					t.Steps[at].After += gone.After
				}
			}
			if fails(t) {
				s, shrunk = t, true
			} else {
				at = end
			}
		}
		if tries == 0 {
			break
		}
		if !shrunk || size > len(s.Steps) {
			size /= 2
		}
	}
	return s
}
