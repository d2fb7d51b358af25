package model

import "cmp"

// DeliveryKey names what is notified: one integration of one receiver for one
// group. It is the key of the ledger.
type DeliveryKey struct {
	// Group is Alertmanager's group key, "<route key>:<group labels>". Where
	// several routes of a configuration have the same key and receiver, the
	// later ones carry "#2", "#3"… behind it, so their groups stay apart.
	Group string
	// Receiver is the receiver's name.
	Receiver string
	// Integration is the integration's identity: its type and a hash of its
	// fields that are not secret. Its place in the list does not count, so
	// reordering a receiver's integrations tells nobody anything again.
	Integration string
}

// String is for logs and people; it is not parsed back.
func (k DeliveryKey) String() string {
	return k.Receiver + "/" + k.Integration + "/" + k.Group
}

// Compare orders keys by group, receiver, integration.
func (k DeliveryKey) Compare(o DeliveryKey) int {
	return cmp.Or(
		cmp.Compare(k.Group, o.Group),
		cmp.Compare(k.Receiver, o.Receiver),
		cmp.Compare(k.Integration, o.Integration),
	)
}

// Reason says why a notification is due, in Alertmanager's words.
type Reason uint8

// The reasons, in the order in which they are looked for.
const (
	ReasonNone Reason = iota
	ReasonFirst
	ReasonNewAlerts
	ReasonAllResolved
	ReasonSomeResolved
	ReasonRepeat
	// ReasonDoubt is ours: it is not known whether an earlier message about
	// these alerts arrived, so they are told again.
	ReasonDoubt
)

// String is the text that templates and the webhook's notification_reason show.
func (r Reason) String() string {
	switch r {
	case ReasonFirst:
		return "first notification"
	case ReasonNewAlerts:
		return "new alerts added"
	case ReasonAllResolved:
		return "all alerts resolved"
	case ReasonSomeResolved:
		return "some alerts resolved"
	case ReasonRepeat:
		return "repeat interval elapsed"
	case ReasonDoubt:
		return "delivery in doubt"
	default:
		return "none"
	}
}

// Datum is one value that an integration keeps between its messages, such as
// the timestamp of the Slack message that it edits.
type Datum struct {
	Key string
	// Exactly one of the three is meant, told by Kind.
	Kind  DatumKind
	Str   string
	Int   int64
	Float float64
}

// DatumKind says which field of a Datum holds the value.
type DatumKind uint8

// The kinds of value that Alertmanager's notification log knows.
const (
	DatumStr DatumKind = iota
	DatumInt
	DatumFloat
)

// Data is what an integration keeps between messages: ascending by key, without
// repeats, at most MaxDataBytes of keys and strings.
type Data []Datum

// MaxDataBytes bounds the integration data of one ledger entry.
const MaxDataBytes = 16 << 10
