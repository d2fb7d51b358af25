// Package command is what the nodes agree on: the commands of the state
// machine, their wire form in the log, and the results that come back.
//
// One log entry is one Envelope: the leader's stamp, the proposer, and all
// commands that queued up while the proposal before was under way. The wire
// form is that of model.WireWriter: deterministic, bounded, and strict, so
// that two programs never read two things out of the same bytes.
//
// What a command means never changes. A new meaning is a new kind, and a new
// kind raises Version. A program that meets a kind, a field or a version that it
// does not know answers ErrTooNew: it must stop applying, because the others
// go on. An envelope has the lowest version that fits its commands. Bytes that no version wrote are ErrMalformed; every program rejects
// them alike.
//
// The package knows nothing of Raft, of files, or of what commands do. It never
// looks at a clock or at chance. Invariants it serves: I5 (equal index, equal
// state), I6 (every command carries what makes it safe to repeat).
package command
