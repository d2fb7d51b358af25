package notify

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	upstream "github.com/prometheus/alertmanager/notify"
	"gopkg.in/telebot.v3"

	"tocsin/fsm/model"
)

// failure is why a message was not taken, in words that may be shown. It wraps
// nothing but the context's errors: what upstream's errors hold may be secret.
type failure struct {
	text string
	ctx  error
}

func (f *failure) Error() string { return f.text }

func (f *failure) Unwrap() error { return f.ctx }

// newFailure is err with the secrets taken out of its text.
func newFailure(err error, secrets []string) *failure {
	text := err.Error()
	var at *url.Error
	if errors.As(err, &at) && at.URL != "" {
		text = strings.ReplaceAll(text, at.URL, "<redacted>")
	}
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, "<secret>")
	}
	f := &failure{text: shortened(strings.ToValidUTF8(text, "\uFFFD"), model.MaxErrorBytes)}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		f.ctx = context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		f.ctx = context.Canceled
	}
	return f
}

// shortened is s cut to at most n bytes, at a character.
func shortened(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const mark = "…"
	cut := n - len(mark)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + mark
}

// reasonOf is the reason that a failure is counted under. The notifier knows
// best; where it says nothing, the last answer does.
func reasonOf(ctx context.Context, err error, status int) string {
	var said *upstream.ErrorWithReason
	switch {
	case errors.As(err, &said) && said.Reason != upstream.DefaultReason:
		return said.Reason.String()
	case status/100 == 4 || status/100 == 5:
		return upstream.GetFailureReasonFromStatusCode(status).String()
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded):
		return upstream.ContextDeadlineExceededReason.String()
	case errors.Is(err, context.Canceled) || ctx.Err() != nil:
		return upstream.ContextCanceledReason.String()
	default:
		return upstream.DefaultReason.String()
	}
}

// unanswered reports whether a request failed without an answer. That is worth
// another try, whatever the notifier says: Jira's gives up where nobody answers
// its first question.
func unanswered(err error, status int) bool {
	var at *url.Error
	return status == 0 && errors.As(err, &at)
}

// floodWait is how long Telegram asked to be left alone; it says so in the body
// of its answer.
func floodWait(err error) time.Duration {
	var flood telebot.FloodError
	if errors.As(err, &flood) {
		return bounded(float64(flood.RetryAfter))
	}
	return 0
}
