package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"tocsin/fsm/model"
)

// localSchema is the version of the local file's layout.
const localSchema = 1

var localLayout = layout{kind: "local", fresh: localSchema, schema: localSchema, buckets: []string{"node", "overlays", "alerts", "sends"}}

var (
	bucketNode     = []byte("node")
	bucketOverlays = []byte("overlays")
	bucketAlerts   = []byte("alerts")
	bucketSends    = []byte("sends")
	keyEpoch       = []byte("epoch")
)

// Local is the file of what a node must remember for itself: the number of its
// starts, what it sent without a quorum, its alerts, and the sends that were
// under way. Its methods may be called from any goroutine; what they wrote
// survives a crash when they return. Writers wait for one another, so none may
// write so much at once that another misses its time.
type Local struct {
	db    *bbolt.DB
	epoch uint64
}

// OpenLocal opens the local file at path and creates it, with its folder, if it
// is missing. Each open starts a new epoch.
//
// Errors: ErrLocked, ErrDamaged, ErrNewerSchema, ErrDiskFull.
func OpenLocal(path string, o Options) (*Local, error) {
	db, err := openFile(path, o, localLayout)
	if err != nil {
		return nil, err
	}
	l := &Local{db: db}
	// The clock is a floor: if the file was lost, the epochs of before are not
	// used again, for overlays of an old epoch count as merged.
	floor := uint64(max(o.now().Unix(), 1))
	err = db.Update(func(tx *bbolt.Tx) error {
		node := tx.Bucket(bucketNode)
		if b := node.Get(keyEpoch); len(b) == 8 {
			l.epoch = numberOf(b)
		}
		l.epoch = max(l.epoch+1, floor)
		return node.Put(keyEpoch, number(l.epoch))
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: count the start: %w", path, errors.Join(classify(err), db.Close()))
	}
	return l, nil
}

// Epoch is the number of this start of the node, greater than that of any start
// before.
func (l *Local) Epoch() uint64 { return l.epoch }

// PutOverlay keeps o in place of an earlier overlay of its key and origin; a
// later one that is there already stays.
//
// Errors: ErrDiskFull, ErrClosed, those of the disk.
func (l *Local) PutOverlay(o model.Overlay) error {
	err := l.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketOverlays)
		k := overlayKey(o.Key, o.Origin)
		if old, err := readOverlay(b.Get(k)); err != nil {
			return err
		} else if old != nil && markOf(*old).Covers(o) {
			return nil
		}
		return b.Put(k, model.Encode(&o))
	})
	if err != nil {
		return fmt.Errorf("keep the overlay of %v: %w", o.Key, classify(err))
	}
	return nil
}

// Overlays are all that are kept, by key, then by origin.
func (l *Local) Overlays() ([]model.Overlay, error) {
	var all []model.Overlay
	err := l.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketOverlays).ForEach(func(_, v []byte) error {
			o, err := readOverlay(v)
			if err == nil {
				all = append(all, *o)
			}
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the overlays: %w", classify(err))
	}
	slices.SortFunc(all, func(a, b model.Overlay) int {
		return cmp.Or(a.Key.Compare(b.Key), cmp.Compare(a.Origin, b.Origin))
	})
	return all, nil
}

// DeleteOverlay drops the overlay of a key that mark covers. A newer one, put
// while the older was being merged, stays. Dropping what is not there does
// nothing.
//
// Errors: ErrDiskFull, ErrClosed, those of the disk.
func (l *Local) DeleteOverlay(key model.DeliveryKey, mark model.OverlayMark) error {
	err := l.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketOverlays)
		k := overlayKey(key, mark.Origin)
		o, err := readOverlay(b.Get(k))
		if err != nil || o == nil || !mark.Covers(*o) {
			return err
		}
		return b.Delete(k)
	})
	if err != nil {
		return fmt.Errorf("drop the overlay of %v: %w", key, classify(err))
	}
	return nil
}

// Close closes the file. Closing twice does nothing.
func (l *Local) Close() error {
	if err := l.db.Close(); err != nil {
		return fmt.Errorf("close the local file: %w", err)
	}
	return nil
}

func overlayKey(k model.DeliveryKey, origin model.NodeID) []byte {
	return append(entryKey(k), origin...)
}

func markOf(o model.Overlay) model.OverlayMark {
	return model.OverlayMark{Origin: o.Origin, Epoch: o.Epoch, Seq: o.Seq}
}

func readOverlay(b []byte) (*model.Overlay, error) {
	if b == nil {
		return nil, nil
	}
	return decode[model.Overlay](bucketOverlays, b)
}
