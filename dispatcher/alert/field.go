package alert

import (
	"strings"
	"time"

	"github.com/go-openapi/strfmt"
)

// field is a field of an alert in the API.
type field uint8

const (
	fieldUnknown field = iota
	fieldLabels
	fieldAnnotations
	fieldStartsAt
	fieldEndsAt
	fieldGenerator
)

// fieldOf finds the field by its name, in any case.
func fieldOf(name []byte) field {
	if f := exactField(string(name)); f != fieldUnknown {
		return f
	}
	for _, n := range [...]string{"labels", "annotations", "startsAt", "endsAt", "generatorURL"} {
		if strings.EqualFold(string(name), n) {
			return exactField(n)
		}
	}
	return fieldUnknown
}

func exactField(name string) field {
	switch name {
	case "labels":
		return fieldLabels
	case "annotations":
		return fieldAnnotations
	case "startsAt":
		return fieldStartsAt
	case "endsAt":
		return fieldEndsAt
	case "generatorURL":
		return fieldGenerator
	default:
		return fieldUnknown
	}
}

// parseTime reads a time as the API's format "date-time" allows it: RFC 3339
// first, then some shorter forms of ISO 8601. The Unix epoch, and the empty text
// that the format takes for it, are no time: 0 is "not set" here.
func parseTime(text []byte) (int64, error) {
	var t time.Time
	if err := t.UnmarshalText(text); err == nil {
		return Nanos(t), nil
	}
	lenient, err := strfmt.ParseDateTime(string(text))
	if err != nil {
		return 0, err
	}
	return Nanos(time.Time(lenient)), nil
}
