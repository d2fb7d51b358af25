package rig

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// These tests are inside the package because they prove its judge, which nobody
// outside should call: each spoils one thing in a message that is right, and the
// judge must name it.

var zero = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(s float64) time.Time { return zero.Add(Seconds(s)) }

func rightTold() Told {
	return Told{
		Firing:   []Alert{A("alertname", "x", "instance", "a").From(1).Note("n", "1")},
		Resolved: []Alert{A("alertname", "x", "instance", "b").FromIn(1, 1.2).To(1.5).Note("n", "1")},
		Group:    map[string]string{"alertname": "x"},
		Reason:   "first notification",
		Key:      "k",
	}
}

func rightMessage() *Message {
	a := map[string]string{"alertname": "x", "instance": "a"}
	b := map[string]string{"alertname": "x", "instance": "b"}
	note := map[string]string{"n": "1"}
	return &Message{
		Version: "4", GroupKey: "k", Receiver: "hook", Status: "firing", Reason: "first notification", ExternalURL: "http://x",
		GroupLabels:       map[string]string{"alertname": "x"},
		CommonLabels:      map[string]string{"alertname": "x"},
		CommonAnnotations: map[string]string{"n": "1"},
		Alerts: []MessageAlert{
			{Status: "firing", Labels: a, Annotations: note, StartsAt: at(1), Fingerprint: Fingerprint(a)},
			{Status: "resolved", Labels: b, Annotations: note, StartsAt: at(1.1), EndsAt: at(1.5), Fingerprint: Fingerprint(b)},
		},
	}
}

func arrival(when float64, m *Message) Arrival { return Arrival{At: at(when), Message: m, Code: 200} }

func TestJudgeTakesTheRightMessage(t *testing.T) {
	wants := []want{{lo: 2, hi: 2.5, told: rightTold()}}
	got := []Arrival{
		{At: at(2), Message: rightMessage(), Code: 503}, // refused, so not told
		arrival(2.2, rightMessage()),
	}
	if p := judge(zero, wants, got); len(p) > 0 {
		t.Errorf("problems with the right message: %q", p)
	}
}

func TestJudgeNamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(m *Message)
		says  string
	}{
		"version":             {func(m *Message) { m.Version = "3" }, `version is "3"`},
		"receiver":            {func(m *Message) { m.Receiver = "other" }, "receiver"},
		"status":              {func(m *Message) { m.Status = "resolved" }, "status"},
		"group labels":        {func(m *Message) { m.GroupLabels = nil }, "groupLabels"},
		"common labels":       {func(m *Message) { m.CommonLabels = nil }, "commonLabels"},
		"common annotations":  {func(m *Message) { m.CommonAnnotations = nil }, "commonAnnotations"},
		"key":                 {func(m *Message) { m.GroupKey = "j" }, "groupKey"},
		"reason":              {func(m *Message) { m.Reason = "" }, "notification_reason"},
		"truncated":           {func(m *Message) { m.TruncatedAlerts = 1 }, "truncatedAlerts"},
		"external URL":        {func(m *Message) { m.ExternalURL = "" }, "externalURL"},
		"start off by 1 ms":   {func(m *Message) { m.Alerts[0].StartsAt = at(1.001) }, "startsAt is at 1.001 s, want 1.000 s"},
		"start out of span":   {func(m *Message) { m.Alerts[1].StartsAt = at(1.3) }, "startsAt"},
		"start in year one":   {func(m *Message) { m.Alerts[0].StartsAt = time.Time{} }, "startsAt"},
		"end of firing":       {func(m *Message) { m.Alerts[0].EndsAt = at(9) }, "it fires"},
		"end of resolved":     {func(m *Message) { m.Alerts[1].EndsAt = time.Time{} }, "endsAt"},
		"alert status":        {func(m *Message) { m.Alerts[1].Status = "firing" }, "status"},
		"annotation":          {func(m *Message) { m.Alerts[0].Annotations = nil }, "annotations"},
		"fingerprint":         {func(m *Message) { m.Alerts[0].Fingerprint = "" }, "fingerprint"},
		"generator URL":       {func(m *Message) { m.Alerts[0].GeneratorURL = "http://y" }, "generatorURL"},
		"label":               {func(m *Message) { m.Alerts[0].Labels["z"] = "1" }, "is missing"},
		"alert missing":       {func(m *Message) { m.Alerts = m.Alerts[:1] }, "is missing"},
		"alert twice":         {func(m *Message) { m.Alerts = append(m.Alerts, m.Alerts[1]) }, "in it twice"},
		"alert more":          {func(m *Message) { m.Alerts = append(m.Alerts, MessageAlert{Labels: map[string]string{"q": "1"}}) }, "unwanted alert"},
		"order":               {func(m *Message) { slices.Reverse(m.Alerts) }, "stands before"},
		"resolved start gone": {func(m *Message) { m.Alerts[1].StartsAt = at(0.9) }, "startsAt"},
	} {
		t.Run(name, func(t *testing.T) {
			m := rightMessage()
			m.Alerts[0].Labels = maps.Clone(m.Alerts[0].Labels)
			c.spoil(m)
			text := strings.Join(judge(zero, []want{{lo: 2, hi: 2.5, told: rightTold()}}, []Arrival{arrival(2.2, m)}), "\n")
			if !strings.Contains(text, c.says) || !strings.Contains(text, "unwanted notification") || !strings.Contains(text, "was not told") {
				t.Errorf("the judge says %q, want %q in it", text, c.says)
			}
		})
	}
}

func TestJudgeCountsAndTimes(t *testing.T) {
	wants := []want{{lo: 2, hi: 2.5, told: rightTold()}}
	for name, c := range map[string]struct {
		got  []Arrival
		says []string
	}{
		"nothing":   {nil, []string{"was not told"}},
		"early":     {[]Arrival{arrival(1.99, rightMessage())}, []string{"it came at 1.990 s", "was not told"}},
		"late":      {[]Arrival{arrival(2.51, rightMessage())}, []string{"it came at 2.510 s", "was not told"}},
		"twice":     {[]Arrival{arrival(2.1, rightMessage()), arrival(2.2, rightMessage())}, []string{"unwanted notification at 2.200 s"}},
		"extra":     {[]Arrival{arrival(2.1, rightMessage()), arrival(9, rightMessage())}, []string{"unwanted notification at 9.000 s"}},
		"refused":   {[]Arrival{{At: at(2.2), Message: rightMessage(), Code: 500}}, []string{"was not told"}},
		"gone away": {[]Arrival{{At: at(2.2), Message: rightMessage()}}, []string{"was not told"}},
		"nonsense":  {[]Arrival{arrival(2.1, rightMessage()), {At: at(3), Problem: "no JSON", Code: 200}}, []string{"no JSON"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Join(judge(zero, wants, c.got), "\n")
			for _, says := range c.says {
				if !strings.Contains(text, says) {
					t.Errorf("the judge says %q, want %q in it", text, says)
				}
			}
		})
	}
}

func TestJudgeIDs(t *testing.T) {
	with := func(code int, id string) Arrival {
		return Arrival{Code: code, Header: http.Header{"Idempotency-Key": {id}}}
	}
	if p := judgeIDs([]Arrival{with(503, "a"), with(0, "a"), with(200, "a"), with(200, "b")}); len(p) > 0 {
		t.Errorf("problems with a retried and another message: %q", p)
	}
	if p := judgeIDs([]Arrival{with(200, "a"), with(200, "a")}); len(p) != 1 {
		t.Errorf("the same ID accepted twice gives %q, want one problem", p)
	}
	if p := judgeIDs([]Arrival{{Code: 200}}); len(p) != 1 {
		t.Errorf("a notification without an ID gives %q, want one problem", p)
	}
}

func TestFingerprint(t *testing.T) {
	// Alertmanager 0.25 shows this fingerprint for these labels.
	const want = "b815b7769adcd53a"
	if got := Fingerprint(map[string]string{"alertname": "x", "instance": "a"}); got != want {
		t.Errorf("fingerprint is %s, want %s", got, want)
	}
}

func TestLogWaits(t *testing.T) {
	l := newLog()
	done := make(chan bool)
	go func() {
		_, ok := l.Wait(5*time.Second, Containing("second", "LINE"))
		done <- ok
	}()
	l.consume(strings.NewReader("first line\nthe Second line\n"), nil)
	if !<-done {
		t.Error("the line was not found")
	}
	mark := l.Mark()
	if _, ok := l.WaitAfter(mark, 5*time.Second, Containing("line")); ok {
		t.Error("a line before the mark was found")
	}
}
