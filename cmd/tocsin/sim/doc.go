// Package sim has no code of its own: its tests run whole nodes of Tocsin in
// virtual time, with everything going wrong that a schedule drawn by chance has
// go wrong, and hold what receivers were told against the design's invariants.
//
// # What is real
//
// Three to five nodes are opened as `tocsin server` opens them: store, state
// machine, hashicorp/raft, memberlist, dispatcher, delivery, alert exchange,
// outbox and API, with their files on a real file system. Not real are the
// network (cluster/clustertest), the machines' clocks, the receivers (webhooks
// at the other end of that network), the sources, and time.
//
// # What goes wrong
//
// A schedule (schedule_test.go) is a list of steps, each with a time: alerts
// change and flap, sources fall silent or reach some nodes only, silences and
// configurations come and go, leadership is handed over; nodes are cut off, one
// way or both, in part, for moments, all of them; links lose and delay; gossip or
// all but gossip is blocked; receivers are out of a node's reach, refuse, ask for
// patience, answer late or never; nodes stand still, are killed, one or all, are
// stopped, lose their disk; a clock is wrong. Each schedule picks a few of these,
// because few kinds of faults reach states that all kinds together rarely do.
// Then everything is well for a while, and what is true must be what the
// receivers believe.
//
// A killed node finds its files as they were at a moment when none of its
// goroutines ran. All of the product's writes are synced before they are relied
// on, so what a kill loses is what waits in memory to be written; a file that is
// torn in the middle of a write is the business of package store.
//
// A node that stands still is one that neither hears nor is heard: its timers run
// on. A process that wakes up after a lease is over and goes on writing is shown
// by the tests with real processes (cmd/tocsin/chaos) only. What a sender has
// given up does not arrive later (clustertest.Network.ResetOnClose).
//
// # What is checked
//
// See invariants_test.go and ledger_test.go: each check cites its number. I6 and
// I15 have no check of their own. Of I6 the runs show that answers that get lost
// and overlays that meet do no harm (I4, I5, I8). Disks do not fail here.
//
// A run ends when nothing has been left to do for a while after all faults are
// over; one in sixteen goes on for as long as the product may take at all.
//
// # What can be repeated
//
// In a plain `go test` a seed is a schedule: the same steps at the same times,
// but the scheduler, select and the order of maps have a part in what comes of
// them. That is what the race detector needs: a few other orders each time.
//
// cmd/tocsin/sim/build makes a binary in which a seed is a run, to the letter:
// TestRepeats holds it to that. It gives the compiler changed copies of a few
// files of Go (build/exact.go says which and why), so that all that is drawn comes
// from the seed, mutexes and timers know no real time, and nothing hangs on where
// things are in memory; and it runs each seed in a process of its own, with one P,
// without garbage collection, and with the same arguments, environment and folder.
//
// A failing seed prints its schedule and transcript at once, and
//
//	go run ./cmd/tocsin/sim/build -o bin/sim.test
//	bin/sim.test -test.run TestSimulation -sim.seed=N [-sim.log] [-sim.shrink]
//
// runs it again, with the nodes' logs, or looks for the smallest schedule that
// fails. If two runs of a seed ever differ, a binary built with -steps writes what
// the scheduler ran and what was drawn (-sim.steps), and the first line that
// differs says where they parted.
//
// # Mutants
//
// TestMutants of that binary breaks one rule of the product at a time
// (build/mutants.go), again in copies, and wants each noticed within a few
// hundred seeds. A claim that is granted although it was made under an older
// configuration was not noticed in a hundred: the groups of that configuration end
// before they send.
package sim
