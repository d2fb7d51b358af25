package fsm

import (
	"fmt"

	"tocsin/fsm/model"
	"tocsin/store"
)

// HistoryQuery picks rows of the delivery history. An empty field picks all.
type HistoryQuery struct {
	Group, Receiver, Integration string
	Node                         model.NodeID
	Outcome                      model.Outcome
	// Before picks rows with a smaller Seq: that of the last row of the page
	// before.
	Before uint64
	// Limit bounds the rows; 0 = DefaultHistoryLimit, at most MaxHistoryLimit.
	Limit int
}

// Bounds of HistoryQuery.Limit.
const (
	DefaultHistoryLimit = 100
	MaxHistoryLimit     = 10_000
)

func (q *HistoryQuery) limit() int {
	if q.Limit <= 0 {
		return DefaultHistoryLimit
	}
	return min(q.Limit, MaxHistoryLimit)
}

func (q *HistoryQuery) picks(d *model.Delivery) bool {
	return (q.Group == "" || q.Group == d.Key.Group) &&
		(q.Receiver == "" || q.Receiver == d.Key.Receiver) &&
		(q.Integration == "" || q.Integration == d.Key.Integration) &&
		(q.Node == "" || q.Node == d.Node) &&
		(q.Outcome == 0 || q.Outcome == d.Outcome)
}

// History reads rows of the delivery history from the file, newest first. It
// looks at row after row until it has enough: not for a hot path.
func (m *Machine) History(q HistoryQuery) ([]model.Delivery, error) {
	var rows []model.Delivery
	err := m.state.View(func(tx *store.Tx) error {
		for d, err := range tx.Deliveries(q.Before) {
			if err != nil {
				return err
			}
			if q.picks(d) {
				rows = append(rows, *d)
			}
			if len(rows) == q.limit() {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the delivery history: %w", err)
	}
	return rows, nil
}

// ConfigHistory reads the last versions of the configuration from the file,
// newest first; at most limit of them, 0 = all that are kept.
func (m *Machine) ConfigHistory(limit int) ([]*model.ConfigVersion, error) {
	var all []*model.ConfigVersion
	err := m.state.View(func(tx *store.Tx) error {
		for c, err := range tx.Configs() {
			if err != nil {
				return err
			}
			if all = append(all, c); len(all) == limit {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the configuration's history: %w", err)
	}
	return all, nil
}

// ConfigVersion reads one version of the configuration from the file; nil if it
// is not kept.
func (m *Machine) ConfigVersion(rev uint64) (*model.ConfigVersion, error) {
	var c *model.ConfigVersion
	err := m.state.View(func(tx *store.Tx) (err error) {
		c, err = tx.Config(rev)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read version %d of the configuration: %w", rev, err)
	}
	return c, nil
}
