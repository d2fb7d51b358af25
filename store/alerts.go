package store

import (
	"fmt"

	"go.etcd.io/bbolt"

	"tocsin/fsm/model"
)

// AlertRecord is an alert as a node keeps it over a restart: the hash of its
// labels, and a form that only its writer understands.
type AlertRecord struct {
	Hash uint64
	Body []byte
}

// WriteAlerts keeps the records put, each in the place of one with its hash,
// and forgets those with the hashes drop, all or none. Where a hash is in both,
// it is forgotten. Forgetting what is not there does nothing.
//
// Errors: ErrDiskFull, ErrClosed, those of the disk.
func (l *Local) WriteAlerts(put []AlertRecord, drop []uint64) error {
	err := l.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketAlerts)
		for i := range put {
			if err := b.Put(number(put[i].Hash), put[i].Body); err != nil {
				return err
			}
		}
		for _, hash := range drop {
			if err := b.Delete(number(hash)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write %d alerts and forget %d: %w", len(put), len(drop), classify(err))
	}
	return nil
}

// Alerts gives each record that is kept to fn, by hash, until fn returns an
// error, which is then returned. The body is valid until fn returns. Writers do
// not wait for fn.
//
// Errors: that of fn, ErrDamaged, ErrClosed.
func (l *Local) Alerts(fn func(AlertRecord) error) error {
	err := l.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketAlerts).ForEach(func(k, v []byte) error {
			if len(k) != 8 {
				return damaged("an alert's key has %d bytes", len(k))
			}
			return fn(AlertRecord{Hash: numberOf(k), Body: v})
		})
	})
	if err != nil {
		return fmt.Errorf("read the alerts: %w", classify(err))
	}
	return nil
}

// WriteSends keeps the records put, each in the place of one with its token,
// and forgets those with the tokens drop, all or none. Where a token is in both,
// it is forgotten. Forgetting what is not there does nothing.
//
// Errors: ErrDiskFull, ErrClosed, those of the disk.
func (l *Local) WriteSends(put []model.Send, drop []model.Token) error {
	err := l.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketSends)
		for i := range put {
			if err := b.Put(put[i].Token[:], model.Encode(&put[i])); err != nil {
				return err
			}
		}
		for i := range drop {
			if err := b.Delete(drop[i][:]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write %d records of sends and forget %d: %w", len(put), len(drop), classify(err))
	}
	return nil
}

// Sends are all records of sends that are kept, by token.
//
// Errors: ErrDamaged, ErrClosed.
func (l *Local) Sends() ([]model.Send, error) {
	var all []model.Send
	err := l.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketSends).ForEach(func(_, v []byte) error {
			s, err := decode[model.Send](bucketSends, v)
			if err == nil {
				all = append(all, *s)
			}
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the records of sends: %w", classify(err))
	}
	return all, nil
}
