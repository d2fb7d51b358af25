package pki

import "slices"

// Ring is a set of secrets of which one is used and the others are accepted. It
// changes one step at a time, so that at every moment any two nodes that are a
// step apart understand each other:
//
//	add a new one → all accept it → use it → all use it → drop the others
//
// A ring is a value: the methods return the next one.
type Ring struct {
	// Items are named by ID, oldest first.
	Items []Item `json:"items"`
	// Using is the ID of the one in use.
	Using string `json:"using"`
}

// Item is one secret of a ring.
type Item struct {
	ID string `json:"id"`
	// Public may be shown; of an authority its certificate.
	Public []byte `json:"public,omitempty"`
	Secret []byte `json:"secret,omitempty"`
	// Added is when, in milliseconds since 1970.
	Added int64 `json:"added,omitempty"`
}

// maxRing bounds a ring; more are only there while one takes another's place.
const maxRing = 4

// Report is what a node says of its copy of a ring.
type Report struct {
	Accepts []string `json:"accepts"`
	Uses    string   `json:"uses"`
}

// Get is the item with that ID.
func (r Ring) Get(id string) (Item, bool) {
	i := slices.IndexFunc(r.Items, func(it Item) bool { return it.ID == id })
	if i < 0 {
		return Item{}, false
	}
	return r.Items[i], true
}

// Current is the item in use.
func (r Ring) Current() (Item, bool) { return r.Get(r.Using) }

// IDs are those of the items.
func (r Ring) IDs() []string {
	out := make([]string, len(r.Items))
	for i, it := range r.Items {
		out[i] = it.ID
	}
	return out
}

// Changing reports whether one item is taking another's place.
func (r Ring) Changing() bool { return len(r.Items) > 1 }

// Add begins to replace the item in use by a new one. It reports false where
// another replacement is under way.
func (r Ring) Add(it Item) (Ring, bool) {
	if r.Changing() || len(r.Items) >= maxRing {
		return r, false
	}
	next := Ring{Items: append(slices.Clone(r.Items), it), Using: r.Using}
	if next.Using == "" {
		next.Using = it.ID
	}
	return next, true
}

// Step is what is to be done next.
type Step uint8

// The steps of a replacement.
const (
	// StepNone: nothing is to be done.
	StepNone Step = iota
	// StepAccept: some nodes do not accept the new item yet.
	StepAccept
	// StepUse: some nodes do not use the new item yet.
	StepUse
)

// String is a phrase for people.
func (s Step) String() string {
	return [...]string{"at rest", "waiting until all nodes accept the new one", "waiting until all nodes use the new one"}[s]
}

// Advance is the next ring, given what all nodes of the cluster reported, and
// whether it differs from r. The step says what it waits for otherwise.
func (r Ring) Advance(all []Report) (next Ring, changed bool, waits Step) {
	if !r.Changing() {
		return r, false, StepNone
	}
	newest := r.Items[len(r.Items)-1]
	if r.Using != newest.ID {
		if !every(all, func(n Report) bool { return slices.Contains(n.Accepts, newest.ID) }) {
			return r, false, StepAccept
		}
		return Ring{Items: r.Items, Using: newest.ID}, true, StepUse
	}
	if !every(all, func(n Report) bool { return n.Uses == newest.ID }) {
		return r, false, StepUse
	}
	return Ring{Items: []Item{newest}, Using: newest.ID}, true, StepNone
}

func every(all []Report, ok func(Report) bool) bool {
	return !slices.ContainsFunc(all, func(n Report) bool { return !ok(n) })
}
