// Package store keeps Tocsin's two bbolt files: state.db, the journal of record
// of the replicated state machine, and local.db, what a node must remember for
// itself.
//
// State hides bbolt behind typed records. One Update is one transaction: the
// applied index and the records that an entry of the log changed are written
// together or not at all, so that a replay after a crash starts where the data
// ends. A snapshot is a read transaction streamed record by record, with the
// index of that same transaction in its header. Equal state makes equal
// snapshots, and one that is restored is a file without holes. A restore is
// built beside the live file, checked, synced and renamed into place; whatever
// goes wrong before that leaves the old file serving.
//
// Nothing in a file is believed before it was checked. bbolt panics on some
// damaged files, on others its own check eats all memory, and the kernel kills
// who reads a mapping beyond the end of its file. So the structure of the pages
// is checked first, by reading the file as a file, under bbolt's own lock; then
// every key and value is read, and bbolt checks itself. What fails any of it is
// ErrDamaged. SetAside moves such a file out of the way; it never deletes one.
//
// Local's records are a node's own: overlays, alerts, and sends that were under
// way. Their writers share one file, and so one sync at a time; each bounds what
// it writes at once, and none of them is waited for by a POST.
//
// The freelist is written with each commit: the file is small, and the scan that
// would replace it at open panics where nobody can recover it.
//
// The package knows records and files. It must not know what a command is, what
// a rule says, or that there is a Raft. Only it imports bbolt. It serves I5
// (index, hash and data in one transaction), I11 and I14 (what is acknowledged
// is on disk).
package store
