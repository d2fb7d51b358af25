// Package archive is the file that a backup is: one state of the cluster with a
// manifest that says what it is.
//
// A file is a tar archive under gzip, so that any machine can look into it:
// manifest.json, state.snap (the snapshot of package store), and SHA256SUMS as
// `sha256sum -c` reads it. It may be sealed with age, by a passphrase or for
// recipients; then it is an ordinary age file around all that.
//
// Nothing of a file is used before all of it was read and compared: the sum and
// the length of every part, the manifest against the records themselves, and
// that nothing comes behind the end. Save writes beside the place, syncs, reads
// back what is on the disk, and renames then: a file under its name is whole.
//
// The state is a read transaction of package fsm, so making a backup holds up
// no write. It is read twice: once for the manifest, which stands first in the
// file, and once to be written.
//
// The package knows files and states. It must not know Raft, HTTP or who may do
// this. A manifest holds no secret; the state holds the configuration with all
// of its secrets, the hashes of tokens and the key of the cluster's CA, so that
// files are 0600 and sealing them is worth it.
package archive
