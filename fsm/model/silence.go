package model

// MatchType is how a matcher compares.
type MatchType uint8

// The four comparisons, as Alertmanager has them.
const (
	MatchEqual MatchType = iota
	MatchNotEqual
	MatchRegexp
	MatchNotRegexp
)

// Matcher is the text of one matcher. It is compiled outside of the state
// machine, so that a change of a regexp library cannot make nodes drift apart.
type Matcher struct {
	Type  MatchType
	Name  string
	Value string
}

// Silence mutes the alerts that any of its matcher sets matches, from StartsAt
// to EndsAt. Shared and immutable.
type Silence struct {
	ID string
	// Rev is the log index of its last change, given by the state machine.
	Rev uint64
	// MatcherSets are alternatives; the matchers of a set must all match.
	MatcherSets [][]Matcher
	StartsAt    Millis
	EndsAt      Millis
	UpdatedAt   Millis
	CreatedBy   string
	Comment     string
	// Annotations are ascending by name.
	Annotations []Pair
}

// Pair is a name with its value.
type Pair struct{ Name, Value string }

// SilenceState is where a silence stands at some time.
type SilenceState uint8

// The states.
const (
	SilencePending SilenceState = iota
	SilenceActive
	SilenceExpired
)

// String is Alertmanager's word for the state.
func (s SilenceState) String() string {
	switch s {
	case SilencePending:
		return "pending"
	case SilenceActive:
		return "active"
	default:
		return "expired"
	}
}

// State is where the silence stands at now. As in Alertmanager both ends
// belong to the silence's time.
func (s *Silence) State(now Millis) SilenceState {
	switch {
	case now < s.StartsAt:
		return SilencePending
	case now > s.EndsAt:
		return SilenceExpired
	default:
		return SilenceActive
	}
}
