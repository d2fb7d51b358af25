// Package clock is the wall clock that a node goes by: its own, unless most of
// the others' contradict it.
//
// It owns the judgement (Judge, a pure function) and the clock that follows it.
// It must not know how the others' clocks are asked, nor who votes: it is told
// what was measured.
//
// What it holds up is I16: a wall clock that is wrong or is set, by whatever
// amount, changes neither what is told nor when. Alerts' ends, silences and time
// intervals are judged by Clock.Now, the leader stamps by it.
//
// All reckoning is in bases: what a wall clock shows less the time that has
// passed on this node's own monotonic clock. The base of a clock that nobody sets
// stays the same, so measurements of different moments can be compared, a
// process that was stopped sees nothing jump, and a clock that is set shows as a
// base that jumps. The raw wall clocks are compared, never the corrected ones,
// so that nodes cannot pull each other along.
//
// The rules:
//
//   - Three clocks or more, of a majority of the voters: their median is right.
//     A node's own clock counts as long as it is within Tolerance of it.
//   - Fewer: what the node has gone by so far is one more clock, if a majority
//     agreed with it once; so is what the other goes by, if that is so there.
//   - Nobody else is heard: a jump is not believed for as long as holdTime, if
//     there was a majority that agreed before. A machine that slept is told from
//     one whose clock was set by a monotonic clock that counts sleep.
//   - A node alone in its cluster, or one that never had a majority, goes by its
//     own clock.
//
// A jump of more than Step is never believed before the next measurement.
package clock
