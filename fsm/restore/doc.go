// Package restore works out what has to be changed so that a cluster goes by a
// backup again. It is pure: states in, commands out. The commands are ordinary
// ones, so a restore goes through the log like any change: all nodes get it at
// the same index, it may be repeated, and whatever fails leaves what was there.
//
// What people decided comes from the backup: the configuration, as a new version
// after the last one, because versions never go back; the silences; the settings
// of the autopilot and of the backups; API tokens if they are asked for, because
// one of them may have been taken back for a reason.
//
// What is a fact of the living cluster stays: its name, its nodes, its CA and
// join tokens, its policy, the history, the audit. So does the ledger, if the
// backup is an earlier state of this very cluster: the ledger knows what the
// receivers were told after the backup, and the backup does not. A backup of
// another cluster, or of another line of this one, knows what receivers may have
// been told: it comes in as doubt, so that what fires is told again and what ends is
// told resolved. A restore repeats a page rather than lose one.
//
// Doubt is the other half: a cluster that is founded from a backup cannot know
// what was told after it, so nothing in its ledger stays certain, and the claims
// of the nodes that are gone are over.
package restore
