package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"tocsin/cluster/gossip"
	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// Bounds of what is kept of other nodes' overlays. What is beyond them is
// dropped and counted; their origin still has them in its file.
const (
	maxHeard      = 20_000
	maxHeardBytes = 64 << 20
	heardFor      = 7 * 24 * time.Hour
	// maxParcels bounds the overlays too large for gossip that wait to be sent.
	maxParcels = 256
	parcelTime = 3 * time.Second
)

// overlays are what nodes sent without a quorum and what is not in the ledger
// yet: this node's own, which are in the local file too, and others'.
type overlays struct {
	n       *Node
	file    *overlayFile
	kick    chan struct{}
	parcels chan []byte

	mu    sync.Mutex // guards the rest
	keys  map[model.DeliveryKey]map[model.NodeID]held
	own   int
	heard int
	bytes int
}

// held is one overlay.
type held struct {
	model.Overlay
	own bool
	// underWay: this node is sending right now what it says, so that a newer
	// one of the key will follow. Until then it is nobody else's affair: in the
	// ledger it would be a stranger to the one that follows. One that a start
	// finds in the file is not under way, for the process that sent it is gone.
	underWay bool
	// urgent: it came before the alerts that it speaks of, so this node brings
	// it into the ledger itself, for whoever hears of those alerts next.
	urgent bool

	at    time.Time
	bytes int
}

func newOwn(o model.Overlay) held {
	return held{Overlay: o, own: true, at: time.Now(), bytes: len(model.Encode(&o))}
}

func openOverlays(n *Node) (*overlays, error) {
	o := &overlays{
		n:       n,
		kick:    make(chan struct{}, 1),
		parcels: make(chan []byte, maxParcels),
		keys:    make(map[model.DeliveryKey]map[model.NodeID]held),
	}
	if n.opts.Local == nil {
		o.file = newOverlayFile(nil, n.log)
		return o, nil
	}
	o.file = newOverlayFile(n.opts.Local, n.log)
	kept, err := n.opts.Local.Overlays()
	if err != nil {
		return nil, fmt.Errorf("read overlays: %w", err)
	}
	for _, k := range kept {
		o.put(newOwn(k))
	}
	return o, nil
}

// Keep remembers an overlay of this node and writes it to the local file,
// synced, before the message that it describes is sent; it is merged into the
// ledger as soon as there is a quorum. An error means that it is in memory only:
// if this node dies before there is a quorum, its message may be told twice.
// Keep waits a second at most. Errors: ErrStorage, ErrRejected.
//
// One without an outcome is that of a send under way, until Announce is called
// for the key: it goes neither into the ledger nor to the peers.
func (n *Node) Keep(o model.Overlay) error {
	if err := n.overlays.remember(o, o.Delivery.Outcome == 0); err != nil {
		return err
	}
	return n.overlays.file.keep(o)
}

// Announce tells the peers of an overlay of this node, and keeps it if Keep has
// not. It waits neither for the peers nor for the disk; what the peers miss they
// get with the next full exchange.
func (n *Node) Announce(o model.Overlay) {
	if !n.overlays.sent(o) {
		if err := n.overlays.remember(o, false); err != nil {
			n.log.Error("an overlay is not kept", "group_key", o.Key.Group, "receiver", o.Key.Receiver, "err", err)
			return
		}
		n.overlays.file.put(o, nil)
	}
	if n.gossip == nil {
		return
	}
	o = command.Lower(command.MergeOverlay{Overlay: o}, n.commandVersion()).(command.MergeOverlay).Overlay
	b := model.Encode(&o)
	if len(b) <= gossip.MaxMessage {
		_ = n.gossip.Spread(o.Key.String()+"\xff"+string(o.Origin), b)
		return
	}
	select {
	case n.overlays.parcels <- b:
	default:
		n.metrics.overlaysDropped.Inc()
	}
}

// Withdraw forgets the overlay of a send under way of which nothing left this
// node: it is neither merged nor told to anybody.
func (n *Node) Withdraw(o model.Overlay) { n.overlays.forget(held{Overlay: o, own: true}) }

// Overlays are the overlays of key, own and heard of, that are not in the
// ledger yet: at most one an origin, ordered by origin.
func (n *Node) Overlays(key model.DeliveryKey) []model.Overlay {
	n.overlays.mu.Lock()
	defer n.overlays.mu.Unlock()
	of := n.overlays.keys[key]
	if len(of) == 0 {
		return nil
	}
	out := make([]model.Overlay, 0, len(of))
	for _, h := range of {
		// What was merged a moment ago is in the ledger, not over it.
		if !n.overlays.isMerged(h.Overlay) {
			out = append(out, h.Overlay)
		}
	}
	slices.SortFunc(out, func(a, b model.Overlay) int { return cmp.Compare(a.Origin, b.Origin) })
	return out
}

func markOf(o model.Overlay) model.OverlayMark {
	return model.OverlayMark{Origin: o.Origin, Epoch: o.Epoch, Seq: o.Seq}
}

// remember takes an overlay of this node into memory. Error: ErrRejected, if it
// could never be merged.
func (o *overlays) remember(x model.Overlay, underWay bool) error {
	if err := mergeable(x); err != nil {
		return err
	}
	h := newOwn(x)
	h.underWay = underWay
	o.put(h)
	o.wake()
	return nil
}

// mergeable is an error if no state machine would take x: such a one would keep
// all that are proposed with it out of the ledger.
func mergeable(x model.Overlay) error {
	e := command.Envelope{Commands: []command.Command{command.MergeOverlay{Overlay: x}}}
	if _, err := command.Encode(e); err != nil {
		return fmt.Errorf("%w: overlay of %s: %w", ErrRejected, x.Key, err)
	}
	return nil
}

// put keeps h unless a later one of its origin is there, and reports whether
// it did.
func (o *overlays) put(h held) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	of := o.keys[h.Key]
	old, has := of[h.Origin]
	if has && markOf(old.Overlay).Covers(h.Overlay) {
		return false
	}
	if !h.own && !has && (o.heard >= maxHeard || o.bytes+h.bytes > maxHeardBytes) {
		o.n.metrics.overlaysDropped.Inc()
		return false
	}
	if of == nil {
		of = make(map[model.NodeID]held)
		o.keys[h.Key] = of
	}
	if has {
		o.count(old, -1)
	}
	of[h.Origin] = h
	o.count(h, +1)
	return true
}

// count adds h to the sums, or takes it off. o.mu is held.
func (o *overlays) count(h held, sign int) {
	if h.own {
		o.own += sign
		return
	}
	o.heard += sign
	o.bytes += sign * h.bytes
}

// drop forgets the overlay of a key that mark covers.
func (o *overlays) drop(key model.DeliveryKey, mark model.OverlayMark) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h, ok := o.keys[key][mark.Origin]
	if !ok || !mark.Covers(h.Overlay) {
		return
	}
	o.count(h, -1)
	delete(o.keys[key], mark.Origin)
	if len(o.keys[key]) == 0 {
		delete(o.keys, key)
	}
}

// sent takes down that the send of x is over, and reports whether x or a later
// one is kept.
func (o *overlays) sent(x model.Overlay) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	h, ok := o.keys[x.Key][x.Origin]
	if !ok || !markOf(h.Overlay).Covers(x) {
		return false
	}
	if h.underWay && markOf(x).Covers(h.Overlay) {
		h.underWay = false
		o.keys[x.Key][x.Origin] = h
		o.wake()
	}
	return true
}

// pending is how many own overlays wait for the quorum, and how many of others
// are known.
func (o *overlays) pending() (own, heard int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.own, o.heard
}

// hear takes an overlay that another node told of; b is not kept.
func (o *overlays) hear(b []byte) {
	var x model.Overlay
	if err := model.Decode(b, &x); err != nil {
		o.n.log.Debug("an overlay that cannot be read", "err", err)
		return
	}
	o.take(x, len(b), false)
}

func (o *overlays) take(x model.Overlay, bytes int, urgent bool) {
	if x.Origin == "" || x.Origin == o.n.id || o.isMerged(x) {
		return
	}
	if err := mergeable(x); err != nil {
		o.n.log.Debug("an overlay that can never be merged", "origin", x.Origin, "err", err)
		return
	}
	o.put(held{Overlay: x, at: time.Now(), bytes: bytes})
	if urgent {
		o.hasten(x)
	}
}

// hasten makes an overlay that is known, or a later one of its origin, urgent.
func (o *overlays) hasten(x model.Overlay) {
	o.mu.Lock()
	h, known := o.keys[x.Key][x.Origin]
	if known && !h.own {
		h.urgent = true
		o.keys[x.Key][x.Origin] = h
	}
	o.mu.Unlock()
	o.wake()
}

// isMerged reports whether the ledger has x.
func (o *overlays) isMerged(x model.Overlay) bool {
	e, ok := o.n.opts.Machine.View().Entry(x.Key)
	return ok && slices.ContainsFunc(e.Merged, func(m model.OverlayMark) bool { return m.Covers(x) })
}

// state is all that is known, for a node that was not there when it was told.
func (o *overlays) state() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	var w model.WireWriter
	for _, of := range o.keys {
		for _, h := range of {
			if h.underWay {
				continue
			}
			if len(w.Bytes())+h.bytes > gossip.MaxState/2 {
				return w.Bytes()
			}
			w.Message(1, h.Overlay.WriteWire)
		}
	}
	return w.Bytes()
}

// SwapOverlays tells the node at address of all overlays that this one knows, and
// hears of all that it knows: what was sent without a quorum has to be known where
// the alerts are that it speaks of. Errors: those of the network.
func (n *Node) SwapOverlays(ctx context.Context, address string) error {
	b, err := n.client.Call(ctx, address, kindOverlays, n.overlays.state())
	if err != nil {
		return fmt.Errorf("swap overlays with %s: %w", address, err)
	}
	n.overlays.merge(b, true)
	return nil
}

// merge takes what another node knows.
func (o *overlays) merge(b []byte, urgent bool) {
	r := model.NewWireReader(b)
	for r.Next() {
		if r.Field() != 1 {
			return
		}
		var x model.Overlay
		raw := r.Raw()
		if r.Err() == nil && model.Decode(raw, &x) == nil {
			o.take(x, len(raw), urgent)
		}
	}
}

// observe is called by the machine: what the ledger has now is dropped soon.
func (o *overlays) observe(c fsm.Change) {
	o.mu.Lock()
	concerned := c.Restored
	for i := 0; i < len(c.Keys) && !concerned && len(o.keys) > 0; i++ {
		_, concerned = o.keys[c.Keys[i]]
	}
	o.mu.Unlock()
	if concerned {
		o.wake()
	}
}

func (o *overlays) wake() {
	select {
	case o.kick <- struct{}{}:
	default:
	}
}

// runParcels sends what is too large for gossip to each node that is there.
func (o *overlays) runParcels(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-o.parcels:
			o.sendParcel(ctx, b)
		}
	}
}

// sendParcel asks all at a time: one that is cut off but not missed yet must not
// hold up the others.
func (o *overlays) sendParcel(ctx context.Context, b []byte) {
	ctx, cancel := context.WithTimeout(ctx, parcelTime)
	defer cancel()
	var wg sync.WaitGroup
	for _, m := range o.n.members() {
		if !m.Alive || m.Self || m.Raft == "" {
			continue
		}
		wg.Go(func() {
			if _, err := o.n.client.Call(ctx, m.Raft, kindOverlay, b); err != nil {
				o.n.log.Debug("an overlay was not told", "node", m.ID, "err", err)
			}
		})
	}
	wg.Wait()
}
