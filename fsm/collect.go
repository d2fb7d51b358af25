package fsm

import (
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// collect drops what nobody needs any more.
func (s *stage) collect(c command.GC) command.Result {
	if c.SilencesBefore > 0 {
		s.collectSilences(c.SilencesBefore)
	}
	if c.EntriesBefore > 0 {
		s.collectEntries(c.EntriesBefore)
	}
	s.collectHistory(c)
	return command.Result{Code: command.CodeOK}
}

func (s *stage) collectSilences(before model.Millis) {
	var gone []*model.Silence
	for sil := range s.v.Silences() {
		if sil.EndsAt < before {
			gone = append(gone, sil)
		}
	}
	for _, sil := range gone {
		s.deleteSilence(sil)
	}
}

// collectEntries drops entries that say nothing: the receiver was last told
// that nothing is firing, and it is long ago. An entry that still says something
// is kept however old it is, or its alerts could never be told resolved.
func (s *stage) collectEntries(before model.Millis) {
	var gone []*model.Entry
	for e := range s.v.Entries() {
		if e.Claim == nil && len(e.Must)+len(e.Maybe) == 0 && max(e.Stamp, e.Changed) < before {
			gone = append(gone, e)
		}
	}
	for _, e := range gone {
		s.deleteEntry(e)
	}
}

// collectHistory drops old rows from the end of the history, up to the first
// that is to be kept.
func (s *stage) collectHistory(c command.GC) {
	for range command.MaxGCRows {
		d, err := s.tx.FirstDelivery()
		if err != nil {
			s.fail(err)
			return
		}
		if d == nil {
			return
		}
		rows := s.v.historySeq - d.Seq + 1
		old := c.HistoryBefore > 0 && d.Stamp < c.HistoryBefore
		surplus := c.HistoryMax > 0 && rows > c.HistoryMax
		if !old && !surplus {
			return
		}
		s.deleteDelivery(d.Seq)
	}
}
