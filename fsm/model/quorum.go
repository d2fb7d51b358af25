package model

import "time"

// Quorum is how a node sees its cluster at a moment.
type Quorum struct {
	// Held: a leader is known and was heard of within an election timeout, or
	// this node leads and its lease is valid.
	Held bool
	// LostAt is up to when the quorum was certainly there, which is a little
	// before Held became false; zero while it is true.
	LostAt time.Time
	// Reachable counts the voters that are seen alive, this node included
	// if it votes; Voters counts all of them.
	Reachable, Voters int
	// Elsewhere: a majority of the voters, this node not among them, is in sight
	// and says that it has a leader.
	Elsewhere bool
	// ElsewhereAt is up to when that was heard of them: who is out of reach is
	// missed only seconds later. Zero while Elsewhere is false.
	ElsewhereAt time.Time
}

// CutOff reports whether the voters out of sight could form a majority, or those
// in sight say that they are one, so that somebody else may be paging.
func (q Quorum) CutOff() bool { return q.Elsewhere || q.Voters-q.Reachable > q.Voters/2 }
