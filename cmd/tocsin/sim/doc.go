// Package sim has no code of its own: its tests run whole nodes of Tocsin in
// virtual time, with everything going wrong that a schedule drawn by chance has
// go wrong, and hold what receivers were told against the design's invariants.
package sim
