// Package silence says what a silence may be, how one is changed, and which
// alerts are muted by which.
//
// It owns the rules of Alertmanager's API for silences (ValidateTimes, Validate,
// Change), word for word where clients see them, and the Muter, which compiles
// the replicated silences and remembers per alert which of them match. It must
// not know how silences are replicated or stored: it reads views, and gives
// plans to whoever proposes.
//
// # Freshness
//
// A Muter looks at the newest view on every question, so a silence counts from
// the moment at which this node's state has it, for new alerts and for those
// known for hours alike (I7, I14). What it remembers per alert is which silences
// match its labels; whether they are active is decided anew each time, by their
// times. After a change only the silences that changed are compiled, and only
// they are matched against alerts that were asked about before.
//
// Both ends belong to a silence's time.
package silence
