package alert_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	prommodel "github.com/prometheus/common/model"

	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

var arrival = alert.Arrival{Now: base, ResolveTimeout: 5 * time.Minute}

func classic(name string) bool { return prommodel.LegacyValidation.IsValidLabelName(name) }

func TestDecodeTakesAnAlert(t *testing.T) {
	body := `[{
		"labels": {"job": "node", "alertname": "Disk", "empty": "", "instance": "a\u00fc\n"},
		"annotations": {"summary": "full", "empty": ""},
		"startsAt": "2026-03-01T11:00:00.123456789Z", "endsAt": "2026-03-01T14:05:00+02:00",
		"generatorURL": "http://prom/graph?g0.expr=up", "unknown": {"deep": [1, {"x": null}]}
	}]`
	b, err := alert.NewDecoder(alert.DecoderOptions{}).Decode([]byte(body), arrival)
	if err != nil || len(b.Alerts) != 1 || len(b.Invalid) != 0 {
		t.Fatalf("decode: %v, batch %+v", err, b)
	}
	a := &b.Alerts[0]
	if got, want := a.Labels.String(), `{alertname="Disk", instance="aü\n", job="node"}`; got != want {
		t.Errorf("labels are %s, want %s", got, want)
	}
	if a.Hash != a.Labels.Hash() || a.Fingerprint != a.Labels.Fingerprint() {
		t.Errorf("hash %x and fingerprint %x are not those of the labels", a.Hash, a.Fingerprint)
	}
	if got := a.Annotations; got != alert.NewAnnotations(map[string]string{"summary": "full", "empty": ""}) {
		t.Errorf("annotations are %v", got.Map())
	}
	if a.StartsAt != at(-time.Hour)+123456789 || a.EndsAt != at(5*time.Minute) || a.UpdatedAt != at(0) || a.Timeout {
		t.Errorf("times are %s", show(a))
	}
	if a.Generator() != "http://prom/graph?g0.expr=up" {
		t.Errorf("generator is %q", a.Generator())
	}
	if b.Firing != 1 || b.Resolved != 0 {
		t.Errorf("counted %d firing and %d resolved", b.Firing, b.Resolved)
	}
}

func TestDecodeFillsInTimes(t *testing.T) {
	tests := []struct {
		times        string
		starts, ends time.Duration
		timeout      bool
	}{
		{``, 0, 5 * time.Minute, true},
		{`"startsAt": null, "endsAt": null`, 0, 5 * time.Minute, true},
		{`"startsAt": "", "endsAt": ""`, 0, 5 * time.Minute, true},
		{`"startsAt": "0001-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00.000Z"`, 0, 5 * time.Minute, true},
		{`"endsAt": "2026-03-01T11:00:00Z"`, -time.Hour, -time.Hour, false},
		{`"endsAt": "2026-03-01T13:00:00Z"`, time.Hour, time.Hour, false},
		{`"startsAt": "2026-03-01T11:00:00Z"`, -time.Hour, 5 * time.Minute, true},
		{`"startsAt": "2026-03-01 11:00:00", "endsAt": "2026-03-01T11:30"`, -time.Hour, -time.Hour / 2, false},
		{`"startsAt": "2026-03-01", "endsAt": "2026-03-01T13:30:00.000+0200"`, -12 * time.Hour, -time.Hour / 2, false},
		{`"startsAt": "2026-03-01T11:00:00Z", "startsAt": null`, -time.Hour, 5 * time.Minute, true},
		{`"startsAt": "2026-03-01T11:00:00Z", "STARTSAT": "2026-03-01T11:30:00Z"`, -time.Hour / 2, 5 * time.Minute, true},
	}
	for _, tt := range tests {
		body := `[{"labels": {"a": "b"}, ` + tt.times + `}]`
		if tt.times == "" {
			body = `[{"labels": {"a": "b"}}]`
		}
		b, err := alert.NewDecoder(alert.DecoderOptions{}).Decode([]byte(body), arrival)
		if err != nil || len(b.Alerts) != 1 {
			t.Errorf("%s: %v, batch %+v", tt.times, err, b)
			continue
		}
		if a := b.Alerts[0]; a.StartsAt != at(tt.starts) || a.EndsAt != at(tt.ends) || a.Timeout != tt.timeout {
			t.Errorf("%s: %s", tt.times, show(&a))
		}
		firing := 0
		if tt.ends > 0 {
			firing = 1
		}
		if b.Firing != firing || b.Resolved != 1-firing {
			t.Errorf("%s: counted %d firing, %d resolved", tt.times, b.Firing, b.Resolved)
		}
	}
}

func TestDecodeSaysWhatIsInvalid(t *testing.T) {
	tests := []struct{ alert, want string }{
		{`"labels": {"a": "b"}, "startsAt": "2026-03-01T12:00:00Z", "endsAt": "2026-03-01T11:00:00Z"`, "start time must be before end time"},
		{`"labels": {}`, "at least one label pair required"},
		{`"labels": {"a": ""}`, "at least one label pair required"},
		{`"labels": {"a": null}`, "at least one label pair required"},
		{`"labels": {"": "b"}`, `invalid label set: invalid name ""`},
		{`"labels": {"a-b": "c"}`, `invalid label set: invalid name "a-b"`},
		{`"labels": {"a": "b"}, "annotations": {"ü": "c"}`, `invalid annotations: invalid name "ü"`},
		{`"labels": {"a": "b"}, "annotations": {"": ""}`, `invalid annotations: invalid name ""`},
		{`"labels": {"": "c"}, "startsAt": "2026-03-01T12:00:00Z", "endsAt": "2026-03-01T11:00:00Z"`, "start time must be before end time"},
	}
	good := `{"labels": {"good": "1", "a-b": ""}, "annotations": {"ok": "\ud800"}}`
	d := alert.NewDecoder(alert.DecoderOptions{ValidName: classic})
	for _, tt := range tests {
		b, err := d.Decode([]byte(`[{`+tt.alert+`}, `+good+`]`), arrival)
		if err != nil || len(b.Invalid) != 1 || b.Err().Error() != tt.want {
			t.Errorf("%s: error %v, invalid %v, want %q", tt.alert, err, b.Invalid, tt.want)
		}
		if len(b.Alerts) != 1 || b.Alerts[0].Labels.Get("good") != "1" {
			t.Errorf("%s: the valid alert was not kept: %v", tt.alert, b.Alerts)
		}
		if b.Firing+b.Resolved != 2 {
			t.Errorf("%s: counted %d firing and %d resolved", tt.alert, b.Firing, b.Resolved)
		}
	}
	b, err := d.Decode([]byte(`[{"labels": {}}, {"labels": {"": "b"}}]`), arrival)
	if want := "at least one label pair required\n" + `invalid label set: invalid name ""`; err != nil || b.Err().Error() != want {
		t.Errorf("two invalid alerts: %v, %q", err, b.Err())
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct {
		body, want string
		code       alert.Code
		offset     int64
	}{
		{``, "alerts in body is required", alert.CodeRequired, -1},
		{"  \n", "alerts in body is required", alert.CodeRequired, -1},
		{`[{}]`, "0.labels in body is required", alert.CodeRequired, -1},
		{`[{"labels": {"a": "b"}}, {"labels": null}]`, "1.labels in body is required", alert.CodeRequired, -1},
		{`[{"generatorURL": "foo bar"}]`, `0.generatorURL in body must be of type uri: "foo bar"`, alert.CodeFormat, -1},
		{`[{"generatorURL": "x"}, {}]`, "0.generatorURL", alert.CodeFormat, -1},
		{`[{}, {"generatorURL": "x"}]`, "0.labels", alert.CodeRequired, -1},
		{`[{"generatorURL": "x"}, 7]`, "a number", alert.CodeParse, 22},
		{`[null]`, `null at "/0" after offset 1 is not an alert`, alert.CodeParse, 1},
		{`{}`, "an object", alert.CodeParse, 0},
		{`"x"`, "a string", alert.CodeParse, 0},
		{`[[]]`, "an array", alert.CodeParse, 1},
		{`[{"labels": {"a": 1}}]`, `a number at "/0/labels/a"`, alert.CodeParse, 16},
		{`[{"labels": {"a": {}}}]`, "an object", alert.CodeParse, 16},
		{`[{"labels": [true]}]`, `is not an object of strings`, alert.CodeParse, 10},
		{`[{"annotations": true}]`, "a boolean", alert.CodeParse, 15},
		{`[{"startsAt": 1}]`, "is not a time", alert.CodeParse, 12},
		{`[{"endsAt": "soon"}]`, `"soon"`, alert.CodeParse, 10},
		{`[{"generatorURL": 1}]`, "is not a URL", alert.CodeParse, 16},
		{`[`, "unexpected EOF", alert.CodeParse, 1},
		{`[{"labels": {"a": "b"}}`, "unexpected EOF", alert.CodeParse, 23},
		{`[{"labels": {"a": "b"}},]`, "','", alert.CodeParse, 23},
		{`[{"labels": {"a": "b"},}]`, "','", alert.CodeParse, 22},
		{`[{"labels": {"a": "b",}}]`, "','", alert.CodeParse, 21},
		{`[{"labels" {"a": "b"}}]`, "expecting ':'", alert.CodeParse, 11},
		{`[{"x": tru}]`, "literal true", alert.CodeParse, 10},
		{`nul`, "unexpected EOF", alert.CodeParse, 3},
		{`[` + strings.Repeat(" ", 200) + `]`, "larger than 100 bytes", alert.CodeTooLarge, -1},
	}
	d := alert.NewDecoder(alert.DecoderOptions{MaxBytes: 100})
	for _, tt := range tests {
		b, err := d.Decode([]byte(tt.body), arrival)
		var refused *alert.BodyError
		if !errors.As(err, &refused) {
			t.Errorf("%s: error is %v", tt.body, err)
			continue
		}
		if refused.Code != tt.code || !strings.Contains(err.Error(), tt.want) || refused.Offset != tt.offset {
			t.Errorf("%s: code %d at %d: %v; want code %d at %d with %q", tt.body, refused.Code, refused.Offset, err, tt.code, tt.offset, tt.want)
		}
		if refused.Code == alert.CodeParse && !strings.HasPrefix(err.Error(), `parsing alerts body from "" failed, because `) {
			t.Errorf("%s: message is %q", tt.body, err)
		}
		if len(b.Alerts)+len(b.Invalid) != 0 {
			t.Errorf("%s: a refused body still has alerts: %+v", tt.body, b)
		}
	}
}

func TestStatus(t *testing.T) {
	for code, want := range map[alert.Code]int{
		alert.CodeParse: 400, alert.CodeTooLarge: 413, alert.CodeFormat: 422, alert.CodeRequired: 422,
	} {
		if got := code.Status(); got != want {
			t.Errorf("status of code %d is %d, want %d", code, got, want)
		}
	}
}

func TestDecodeEmpty(t *testing.T) {
	for _, body := range []string{`null`, `[]`, ` [ ] `, `[] and more`} {
		b, err := alert.NewDecoder(alert.DecoderOptions{}).Decode([]byte(body), arrival)
		if err != nil || len(b.Alerts) != 0 || b.Err() != nil {
			t.Errorf("%s: %v, batch %+v", body, err, b)
		}
	}
}

func TestDecodeNestingIsBounded(t *testing.T) {
	body := `[{"labels": {"a": "b"}, "x": ` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}]`
	_, err := alert.NewDecoder(alert.DecoderOptions{}).Decode([]byte(body), arrival)
	var refused *alert.BodyError
	if !errors.As(err, &refused) || refused.Code != alert.CodeParse {
		t.Errorf("20000 levels: %v", err)
	}
}

func TestDecodeRepeatedNames(t *testing.T) {
	many := `"a": "first"`
	for i := range 40 {
		many += fmt.Sprintf(`, "l%02d": "%d", "a": "%d"`, 39-i, i, i)
	}
	tests := []struct{ fields, labels, annotation string }{
		{`"labels": {"a": "1", "a": "2"}`, `{a="2"}`, ""},
		{`"labels": {"a": "1", "a": "", "b": "1"}`, `{b="1"}`, ""},
		{`"labels": {"a": "1", "b": "1"}, "labels": {"b": "2"}`, `{a="1", b="2"}`, ""},
		{`"labels": {"a": "1"}, "labels": null, "Labels": {"b": "2"}`, `{b="2"}`, ""},
		{`"labels": {"a": "1"}, "annotations": {"s": "1"}, "annotations": {"s": "2"}`, `{a="1"}`, "2"},
		{`"labels": {"a": "1"}, "annotations": {"s": "1"}, "annotations": null`, `{a="1"}`, ""},
	}
	d := alert.NewDecoder(alert.DecoderOptions{})
	for _, tt := range tests {
		b, err := d.Decode([]byte("[{"+tt.fields+"}]"), arrival)
		if err != nil || len(b.Alerts) != 1 {
			t.Errorf("%s: %v, %v", tt.fields, err, b.Err())
			continue
		}
		if a := &b.Alerts[0]; a.Labels.String() != tt.labels || a.Annotations.Get("s") != tt.annotation {
			t.Errorf("%s: %s", tt.fields, show(a))
		}
	}
	b, err := d.Decode([]byte(`[{"labels": {`+many+`}}]`), arrival)
	if err != nil || len(b.Alerts) != 1 || b.Alerts[0].Labels.Get("a") != "39" || len(b.Alerts[0].Labels) != 41 {
		t.Errorf("of many repeated labels not the last counts: %v, %+v", err, b)
	}
}

// colliding is a store where every hash is that of one record.
type colliding struct{ record *alert.Record }

func (c colliding) Get(model.AlertHash) (*alert.Record, bool) { return c.record, true }

func TestDecodeComparesLabelsNotHashes(t *testing.T) {
	s := alert.NewStore(alert.Options{})
	known := alert.Of(alert.NewLabels(map[string]string{"a": "1", "b": "2"}))
	s.Put(base, []alert.Alert{known})
	d := alert.NewDecoder(alert.DecoderOptions{Known: colliding{record(t, s, known)}})
	for _, want := range []string{`{a="1", b="3"}`, `{a="1", c="2"}`, `{a="1"}`, `{a="1", b="2", c="3"}`, `{a="1", b="2"}`} {
		body := strings.NewReplacer("=", `":`, ", ", `, "`, "{", `{"`).Replace(want)
		b, err := d.Decode([]byte(`[{"labels": `+body+`}]`), arrival)
		if err != nil || len(b.Alerts) != 1 {
			t.Errorf("%s: %v, %v", want, err, b.Err())
			continue
		}
		if a := &b.Alerts[0]; a.Labels.String() != want || a.Hash != a.Labels.Hash() {
			t.Errorf("%s was read as %s with hash %x", want, a.Labels, a.Hash)
		}
	}
}

// TestDecodeReusesWhatIsKnown is about memory: a refresh shares the labels and
// annotations of the record.
func TestDecodeReusesWhatIsKnown(t *testing.T) {
	s := alert.NewStore(alert.Options{})
	d := alert.NewDecoder(alert.DecoderOptions{Known: s})
	const first = `[{"labels": {"b": "2", "a": "1"}, "annotations": {"x": "y"}, "generatorURL": "http://g"}]`
	b, err := d.Decode([]byte(first), arrival)
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	s.Put(base, b.Alerts)
	old := only(s)
	for _, tt := range []struct{ name, body, annotation, url string }{
		{"same", first, "y", "http://g"},
		{"other order", `[{"generatorURL": "http://g", "annotations": {"x": "y"}, "labels": {"a": "1", "c": "", "b": "2"}}]`, "y", "http://g"},
		{"other annotation", `[{"labels": {"b": "2", "a": "1"}, "annotations": {"x": "z"}, "generatorURL": "http://h"}]`, "z", "http://h"},
		{"nothing else", `[{"labels": {"b": "2", "a": "1"}}]`, "", ""},
	} {
		b, err := d.Decode([]byte(tt.body), arrival)
		if err != nil || len(b.Alerts) != 1 {
			t.Fatalf("%s: %v", tt.name, err)
		}
		a := &b.Alerts[0]
		if &a.Labels[0] != &old.Labels[0] || a.Hash != old.Hash || a.Fingerprint != old.Fingerprint {
			t.Errorf("%s: the labels are not the record's", tt.name)
		}
		if a.Annotations.Get("x") != tt.annotation || a.Generator() != tt.url {
			t.Errorf("%s: %s from %q", tt.name, show(a), a.Generator())
		}
	}
}

// TestDecodeSharesNothing overwrites a body after it was read.
func TestDecodeSharesNothing(t *testing.T) {
	d := alert.NewDecoder(alert.DecoderOptions{})
	body := []byte(`[{"labels":{"alertname":"one"},"annotations":{"summary":"text"},"generatorURL":"http://g"}]`)
	b, err := d.Decode(body, arrival)
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	for i := range body {
		body[i] = '!'
	}
	if _, err := d.Decode([]byte(`[{"labels":{"alertname":"two"},"annotations":{"summary":"else"},"generatorURL":"http://h"}]`), arrival); err != nil {
		t.Fatalf("decode: %v", err)
	}
	if a := &b.Alerts[0]; a.Name() != "one" || a.Annotations.Get("summary") != "text" || a.Generator() != "http://g" {
		t.Errorf("the alert changed with the body: %s", show(a))
	}
}

func TestDecodeIsSafeForConcurrentUse(t *testing.T) {
	s := alert.NewStore(alert.Options{})
	d := alert.NewDecoder(alert.DecoderOptions{Known: s})
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for n := range 200 {
				name := fmt.Sprintf("n%d", n%50)
				b, err := d.Decode(fmt.Appendf(nil, `[{"labels":{"alertname":%q,"i":"%d"}}]`, name, i), arrival)
				if err != nil || len(b.Alerts) != 1 || b.Alerts[0].Name() != name {
					t.Errorf("decode: %v, %+v", err, b)
					return
				}
				s.Put(base, b.Alerts)
			}
		})
	}
}
