package store

import "tocsin/fsm/model"

// Local is the file of what a node must remember for itself.
type Local struct{ epoch uint64 }

// OpenLocal opens the local file at path and creates it, with its folder, if it
// is missing. Each open starts a new epoch.
func OpenLocal(path string, o Options) (*Local, error) { panic("BUG: not written yet") }

// Epoch is the number of this start of the node, greater than that of any
// start before.
func (l *Local) Epoch() uint64 { return l.epoch }

// PutOverlay keeps o in place of an earlier overlay of its key and origin. When
// it returns nil, o survives a crash.
func (l *Local) PutOverlay(o model.Overlay) error { panic("BUG: not written yet") }

// Overlays are all that are kept, by key, then origin.
func (l *Local) Overlays() ([]model.Overlay, error) { panic("BUG: not written yet") }

// DeleteOverlay drops the overlay of key that mark covers. A newer one, put
// while the older was being merged, stays.
func (l *Local) DeleteOverlay(key model.DeliveryKey, mark model.OverlayMark) error {
	panic("BUG: not written yet")
}

// Close closes the file.
func (l *Local) Close() error { panic("BUG: not written yet") }
