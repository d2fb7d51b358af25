package silence

import (
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/prometheus/alertmanager/matcher/compat"
	prommodel "github.com/prometheus/common/model"

	"tocsin/fsm/model"
)

var (
	// ErrInvalid says that a silence cannot be taken; what it is wrapped with
	// says why, in Alertmanager's words.
	ErrInvalid = errors.New("invalid silence")
	// ErrOrder says that a silence would end before it starts. The text is the
	// answer of POST /silences.
	//lint:ignore ST1005 clients see it like this
	ErrOrder = errors.New("Failed to create silence: start time must be before end time")
	// ErrPast says that a silence would have ended already. The text is the
	// answer of POST /silences.
	//lint:ignore ST1005 clients see it like this
	ErrPast = errors.New("Failed to create silence: end time can't be in the past")
)

// ValidateTimes is what POST /silences checks before anything else. Zero times
// are as the client sent them: a start of 0 is before any end.
func ValidateTimes(s *model.Silence, now time.Time) error {
	if s.StartsAt >= s.EndsAt {
		return ErrOrder
	}
	if time.UnixMilli(int64(s.EndsAt)).Before(now) {
		return ErrPast
	}
	return nil
}

// Validate reports what is wrong with a silence, in Alertmanager's words and
// order. Which label names are valid depends on the process's matcher mode.
func Validate(s *model.Silence) error {
	if len(s.MatcherSets) == 0 {
		return errors.New("at least one matcher set required")
	}
	for i, set := range s.MatcherSets {
		if err := validateSet(i, set); err != nil {
			return err
		}
	}
	switch {
	case s.StartsAt == 0:
		return errors.New("invalid zero start timestamp")
	case s.EndsAt == 0:
		return errors.New("invalid zero end timestamp")
	case s.EndsAt < s.StartsAt:
		return errors.New("end time must not be before start time")
	}
	return nil
}

func validateSet(number int, set []model.Matcher) error {
	if len(set) == 0 {
		return fmt.Errorf("matcher set %d is empty", number)
	}
	selective := false
	for i, m := range set {
		if err := validateMatcher(m); err != nil {
			return fmt.Errorf("invalid label matcher %d in set %d: %w", i, number, err)
		}
		selective = selective || !matchesEmpty(m)
	}
	if !selective {
		return fmt.Errorf("matcher set %d: at least one matcher must not match the empty string", number)
	}
	return nil
}

func validateMatcher(m model.Matcher) error {
	if !compat.IsValidLabelName(prommodel.LabelName(m.Name)) {
		return fmt.Errorf("invalid label name %q", m.Name)
	}
	switch m.Type {
	case model.MatchEqual, model.MatchNotEqual:
		if !utf8.ValidString(m.Value) {
			return fmt.Errorf("invalid label value %q", m.Value)
		}
	case model.MatchRegexp, model.MatchNotRegexp:
		if _, err := regexp.Compile(m.Value); err != nil {
			return fmt.Errorf("invalid regular expression %q: %w", m.Value, err)
		}
	default:
		return fmt.Errorf("unknown matcher type %q", fmt.Sprint(m.Type))
	}
	return nil
}

// matchesEmpty is not asked of a negative matcher: as in Alertmanager it counts
// as selective whatever it excludes, and an expression is searched for without
// anchors.
func matchesEmpty(m model.Matcher) bool {
	switch m.Type {
	case model.MatchEqual:
		return m.Value == ""
	case model.MatchRegexp:
		matched, _ := regexp.MatchString(m.Value, "")
		return matched
	default:
		return false
	}
}
