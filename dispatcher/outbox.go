package dispatcher

import (
	"sync"

	"tocsin/fsm/model"
)

// Outbox is the memory, beyond the process, of messages that are sent under
// claims. None of its methods waits for the disk.
type Outbox interface {
	// Put keeps the record in the place of an earlier one of its token.
	Put(s model.Send)
	// Drop forgets the record of a token, if there is one.
	Drop(t model.Token)
	// Left are the records of the process before.
	Left() []model.Send
}

// outbox keeps what a start of this node has to know of the sends of this
// process. A record is made before the first try, and dropped when the ledger
// knows how it ended, or will learn it from the claim's expiry.
//
// The file may be behind by a moment, or out of use: that holds no message up.
// Nothing but the wait of those who would take over hangs on a record of a send
// that was begun, because a claim of which nothing is known is given back in
// doubt.
type outbox struct {
	file Outbox

	mu   sync.Mutex // guards done
	done map[model.Token]struct{}
}

func newOutbox(file Outbox) *outbox {
	if file == nil {
		file = noOutbox{}
	}
	return &outbox{file: file, done: make(map[model.Token]struct{})}
}

// begin notes that a message may be sent.
func (o *outbox) begin(key model.DeliveryKey, token model.Token) {
	o.file.Put(model.Send{Key: key, Token: token, Phase: model.SendBegun})
}

// sent notes that a message has arrived; the record stays until settled.
func (o *outbox) sent(st model.Settlement) {
	o.mu.Lock()
	o.done[st.Token] = struct{}{}
	o.mu.Unlock()
	o.file.Put(model.Send{Key: st.Key, Token: st.Token, Phase: model.SendDone, Settlement: st})
}

// settled forgets a message that the ledger knows of.
func (o *outbox) settled(token model.Token) {
	o.mu.Lock()
	delete(o.done, token)
	o.mu.Unlock()
	o.file.Drop(token)
}

// over forgets a claim on which nothing is sent any more, unless its message has
// arrived and is to be settled still.
func (o *outbox) over(token model.Token) {
	o.mu.Lock()
	_, done := o.done[token]
	o.mu.Unlock()
	if !done {
		o.file.Drop(token)
	}
}

// noOutbox is that of a node which keeps none.
type noOutbox struct{}

// Put implements Outbox.
func (noOutbox) Put(model.Send) {}

// Drop implements Outbox.
func (noOutbox) Drop(model.Token) {}

// Left implements Outbox.
func (noOutbox) Left() []model.Send { return nil }
