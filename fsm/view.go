package fsm

import (
	"iter"

	"github.com/tidwall/btree"

	"tocsin/fsm/model"
)

// View is the state at one applied index. It never changes and needs no lock;
// it may be kept as long as one likes. What it hands out is shared: copy before
// changing.
type View struct {
	index, term uint64
	hash        uint64
	cluster     model.ClusterID
	minVersion  uint32
	silenceRev  uint64
	revFloor    uint64
	historySeq  uint64
	auditSeq    uint64
	recordRev   uint64
	claims      int

	config *model.ConfigVersion
	// configs are the versions that are kept, oldest first.
	configs  []configRef
	entries  *btree.BTreeG[*model.Entry]
	silences *btree.BTreeG[*model.Silence]
	nodes    *btree.BTreeG[model.Node]
	records  *btree.BTreeG[*model.Record]
	// recent are the newest rows of the audit, oldest first.
	recent []auditRef
}

func newView() *View {
	o := btree.Options{NoLocks: true}
	return &View{
		entries: btree.NewBTreeGOptions(func(a, b *model.Entry) bool {
			return a.Key.Compare(b.Key) < 0
		}, o),
		silences: btree.NewBTreeGOptions(func(a, b *model.Silence) bool { return a.ID < b.ID }, o),
		nodes:    btree.NewBTreeGOptions(func(a, b model.Node) bool { return a.ID < b.ID }, o),
		records:  btree.NewBTreeGOptions(recordLess, o),
	}
}

// clone is a view that may be changed without v changing. Only the goroutine
// that applies may clone.
func (v *View) clone() *View {
	c := *v
	c.entries = v.entries.Copy()
	c.silences = v.silences.Copy()
	c.nodes = v.nodes.Copy()
	c.records = v.records.Copy()
	return &c
}

// Index is the log index up to which the state has applied.
func (v *View) Index() uint64 { return v.index }

// Term is the term of the entry at Index.
func (v *View) Term() uint64 { return v.term }

// StateHash is a rolling hash over every change up to Index: equal indexes have
// equal hashes on all nodes, or one of them is wrong (I5).
func (v *View) StateHash() uint64 { return v.hash }

// Cluster is the cluster's name, empty before it is founded.
func (v *View) Cluster() model.ClusterID { return v.cluster }

// MinVersion is the lowest command version that every voter knows, 0 if nobody
// has said.
func (v *View) MinVersion() uint32 { return v.minVersion }

// Config is the active version of the configuration, nil before the first.
func (v *View) Config() *model.ConfigVersion { return v.config }

// Entry is the ledger's entry of a key.
func (v *View) Entry(key model.DeliveryKey) (*model.Entry, bool) {
	return v.entries.Get(&model.Entry{Key: key})
}

// Entries are all entries of the ledger, by key.
func (v *View) Entries() iter.Seq[*model.Entry] { return v.entries.Scan }

// EntryCount is how many entries the ledger has, ClaimCount how many of them
// are claimed.
func (v *View) EntryCount() int { return v.entries.Len() }

// ClaimCount is how many claims live.
func (v *View) ClaimCount() int { return v.claims }

// Claims are the entries with a live claim, by key.
func (v *View) Claims() iter.Seq[*model.Entry] {
	return func(yield func(*model.Entry) bool) {
		for e := range v.entries.Scan {
			if e.Claim != nil && !yield(e) {
				return
			}
		}
	}
}

// Silence is the silence of an ID.
func (v *View) Silence(id string) (*model.Silence, bool) {
	return v.silences.Get(&model.Silence{ID: id})
}

// Silences are all silences, expired ones included, by ID.
func (v *View) Silences() iter.Seq[*model.Silence] { return v.silences.Scan }

// SilenceCount is how many silences there are, expired ones included.
func (v *View) SilenceCount() int { return v.silences.Len() }

// SilenceRev is the log index of the last change of any silence: while it is
// the same, so are all of them.
func (v *View) SilenceRev() uint64 { return v.silenceRev }

// Node is the record of a node.
func (v *View) Node(id model.NodeID) (model.Node, bool) {
	return v.nodes.Get(model.Node{ID: id})
}

// Nodes are the records of all nodes, by ID.
func (v *View) Nodes() iter.Seq[model.Node] { return v.nodes.Scan }
