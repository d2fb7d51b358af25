package cluster

// What tests look at from outside.
var (
	OutcomeOf = func(err error) string { return outcomeOf(err).String() }
	VerdictOf = verdictOf

	ForgetRemovals = forgetRemovals

	ErrNotLeading   = errNotLeading
	ErrNobodyLeads  = errNobodyLeads
	ErrRaftSilenced = errSilenced
)

// MaxRemovals is maxRemovals.
const MaxRemovals = maxRemovals
