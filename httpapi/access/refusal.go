package access

import "net/http"

// Refusal is the error of a request that may not be answered.
type Refusal struct {
	// Status is 401, 403 or 429.
	Status int
	Text   string
	// Hint is what to do about it.
	Hint string

	reason string
}

// Error is the text and the hint. It holds no secret.
func (r *Refusal) Error() string {
	if r.Hint == "" {
		return r.Text
	}
	return r.Text + ": " + r.Hint
}

// The reasons, as the metric has them.
const (
	reasonUnknown   = "unknown_token"
	reasonExpired   = "expired_token"
	reasonThrottled = "throttled"
	reasonNoToken   = "no_token"
	reasonRole      = "role"
)

func badToken(err error) *Refusal {
	reason := reasonUnknown
	if err == errExpired {
		reason = reasonExpired
	}
	return &Refusal{
		Status: http.StatusUnauthorized, Text: err.Error(), reason: reason,
		Hint: "`tocsin token list` on a node shows those that are valid",
	}
}

func throttled() *Refusal {
	return &Refusal{
		Status: http.StatusTooManyRequests, Text: "too many requests with a wrong token came from this address",
		Hint: "try again in a minute, with the right one", reason: reasonThrottled,
	}
}

// noToken is for who has not said who he is. If there are no tokens, there is
// nothing to say.
func noToken(need Role, own, tokens bool) *Refusal {
	if tokens {
		return &Refusal{
			Status: http.StatusUnauthorized, Text: "this needs a token of the role " + need.String(), reason: reasonNoToken,
			Hint: "send it as `Authorization: Bearer`, or as the password in a browser; on the node itself none is needed",
		}
	}
	text := "this needs a token of the role " + need.String() + ", or to be asked from this node's own machine"
	if own && need == Admin {
		text = "writes are taken from this node's own machine only"
	}
	return &Refusal{
		Status: http.StatusForbidden, Text: text, reason: reasonNoToken,
		Hint: "run the command on the node itself, against 127.0.0.1 and not through a proxy, or make a token there with `tocsin token create`",
	}
}

func wrongRole(have, need Role) *Refusal {
	return &Refusal{
		Status: http.StatusForbidden, Text: "this needs the role " + need.String() + ", and this is " + have.String(), reason: reasonRole,
		Hint: "`tocsin token create --role " + need.String() + "` on a node makes a token that may",
	}
}
