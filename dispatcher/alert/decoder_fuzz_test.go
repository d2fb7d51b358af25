package alert_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/go-openapi/strfmt"
	upstream "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/api/v2/models"
	prommodel "github.com/prometheus/common/model"

	"tocsin/dispatcher/alert"
)

// FuzzDecode compares with what Alertmanager does with a body: encoding/json
// into its models, their validation, its defaults, and its own Validate.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		`[{"labels":{"alertname":"x","a":"","b":"\ud83d\ude00"},"annotations":{"s":"t"},"startsAt":"2026-03-01T11:00:00Z"}]`,
		`[{"labels":{"a":"b"},"LABELS":{"c":"d","a":"e"},"labels":{"ſ":"\ud800"}},{"labels":null,"endsAt":"2026-03-01"}]`,
		`[{"endsAt":"2026-03-01T11:00:00.5+02:00","startsAt":"","generatorURL":"http://x#y","labels":{"":""}}] x`,
		`[{"labels":{"a":"b"},"generatorURL":"x"},{"annotations":{"a":null,"":"x"},"labels":{"a":"\u0000"}}]`,
		"[{\"labels\":{\"a\xff\":\"\xc3\x28\"}}]", `null`, `[null]`, `{}`, ``, `[1,`, `[{"labels":{"a":1}}]`, `[{"generatorURL":null}]`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := alert.NewStore(alert.Options{})
		d := alert.NewDecoder(alert.DecoderOptions{Known: s})
		got, err := d.Decode(body, arrival)
		want := decodeByAlertmanager(body)
		if code := codeOf(t, err); code != want.code {
			t.Fatalf("code %d (%v), want %d (%v)", code, err, want.code, want.refused)
		}
		want.compare(t, got)
		// Reading it again, with the labels known, gives the same.
		s.Put(base, slices.Clone(got.Alerts))
		again, _ := d.Decode(body, arrival)
		want.compare(t, again)
	})
}

func codeOf(t *testing.T, err error) alert.Code {
	var refused *alert.BodyError
	if err != nil && !errors.As(err, &refused) {
		t.Fatalf("error is not a BodyError: %v", err)
	}
	if refused == nil {
		return 0
	}
	return refused.Code
}

// expected is what Alertmanager makes of a body.
type expected struct {
	code    alert.Code
	refused error
	alerts  []*upstream.Alert
	invalid []error
}

func decodeByAlertmanager(body []byte) expected {
	var posted models.PostableAlerts
	err := json.NewDecoder(bytes.NewReader(body)).Decode(&posted)
	switch {
	case errors.Is(err, io.EOF):
		return expected{code: alert.CodeRequired, refused: err}
	case err != nil:
		return expected{code: alert.CodeParse, refused: err}
	case slices.Contains(posted, nil):
		return expected{code: alert.CodeParse, refused: errors.New("it would panic")}
	}
	if err := posted.Validate(strfmt.Default); err != nil {
		var coded interface{ Code() int32 }
		if !errors.As(err, &coded) {
			return expected{code: -1, refused: err}
		}
		return expected{code: alert.Code(coded.Code()), refused: err}
	}
	var x expected
	for _, p := range posted {
		a := convert(p)
		if err := a.Validate(); err != nil {
			x.invalid = append(x.invalid, err)
			continue
		}
		x.alerts = append(x.alerts, a)
	}
	return x
}

func convert(p *models.PostableAlert) *upstream.Alert {
	a := &upstream.Alert{UpdatedAt: base}
	a.Labels, a.Annotations = labelSet(p.Labels), labelSet(p.Annotations)
	a.StartsAt, a.EndsAt = representable(p.StartsAt), representable(p.EndsAt)
	a.GeneratorURL = string(p.GeneratorURL)
	if a.StartsAt.IsZero() {
		a.StartsAt = a.EndsAt
	}
	if a.StartsAt.IsZero() {
		a.StartsAt = base
	}
	if a.EndsAt.IsZero() {
		a.Timeout, a.EndsAt = true, base.Add(5*time.Minute)
	}
	for n, v := range a.Labels {
		if v == "" {
			delete(a.Labels, n)
		}
	}
	return a
}

// representable is the time as an Alert can have it; the epoch is not one.
func representable(d strfmt.DateTime) time.Time { return alert.Time(alert.Nanos(time.Time(d))) }

func (x expected) compare(t *testing.T, got alert.Batch) {
	t.Helper()
	if len(got.Alerts) != len(x.alerts) || len(got.Invalid) != len(x.invalid) {
		t.Fatalf("%d alerts and %v invalid, want %d and %v", len(got.Alerts), got.Invalid, len(x.alerts), x.invalid)
	}
	for i := range x.alerts {
		g, w := got.Alerts[i].Upstream(), x.alerts[i]
		if !g.Labels.Equal(w.Labels) || !g.Annotations.Equal(w.Annotations) || !g.StartsAt.Equal(w.StartsAt) ||
			!g.EndsAt.Equal(w.EndsAt) || !g.UpdatedAt.Equal(w.UpdatedAt) || g.Timeout != w.Timeout || g.GeneratorURL != w.GeneratorURL {
			t.Fatalf("alert %d is\n%+v, want\n%+v", i, g, w)
		}
		if prommodel.Fingerprint(got.Alerts[i].Fingerprint) != w.Fingerprint() || got.Alerts[i].Hash != got.Alerts[i].Labels.Hash() {
			t.Fatalf("alert %d has fingerprint %x and hash %x", i, got.Alerts[i].Fingerprint, got.Alerts[i].Hash)
		}
	}
	for i := range x.invalid {
		// Of several invalid names Alertmanager tells any one.
		if g, w := got.Invalid[i].Error(), x.invalid[i].Error(); g != w && !bothNames(g, w) {
			t.Fatalf("invalid %d: %q, want %q", i, g, w)
		}
	}
}

func bothNames(a, b string) bool {
	for _, prefix := range []string{"invalid label set: invalid name ", "invalid annotations: invalid name "} {
		if len(a) > len(prefix) && len(b) > len(prefix) && a[:len(prefix)] == prefix && b[:len(prefix)] == prefix {
			return true
		}
	}
	return false
}
