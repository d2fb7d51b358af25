package store

import "errors"

// Errors of opening, writing and restoring.
var (
	// ErrDamaged says that a file is not what this program wrote: cut off, a
	// bad checksum, pages that contradict each other. Set it aside.
	ErrDamaged = errors.New("the file is damaged")
	// ErrNewerSchema says that a newer tocsin wrote the file. Leave it alone,
	// and run that version.
	ErrNewerSchema = errors.New("the file was written by a newer version of tocsin")
	// ErrLocked says that another process has the file open.
	ErrLocked = errors.New("the file is in use by another process")
	// ErrDiskFull says that nothing was written for want of space. The store
	// goes on once there is some.
	ErrDiskFull = errors.New("the disk is full")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("the store is closed")
	// ErrNotSnapshot says that what was to be restored is no snapshot of tocsin.
	ErrNotSnapshot = errors.New("not a tocsin snapshot")
	// ErrOtherCluster says that a snapshot belongs to another cluster.
	ErrOtherCluster = errors.New("the snapshot is of another cluster")
)
