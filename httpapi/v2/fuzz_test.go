package v2_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
)

// Whatever a client sends, the answer is no failure of ours, and is JSON.
func fuzzBody(f *testing.F, target string, seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add(s)
	}
	n := newNode(f)
	f.Fuzz(func(t *testing.T, body string) {
		w := n.do(http.MethodPost, target, body)
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%q: got %d %s", body, w.Code, w.Body)
		}
		if w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q: not JSON: %s", body, w.Body)
		}
	})
}

func FuzzPostAlerts(f *testing.F) {
	fuzzBody(f, "/api/v2/alerts", `[null]`, `[{"labels":null}]`, `[{"labels":{"a":"b"},"annotations":{"\xff":"\ud800"},"startsAt":"2026-01-01T00:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://x"}]`, `[[[[`, `{}`, ``)
}

func FuzzPostSilence(f *testing.F) {
	fuzzBody(f, "/api/v2/silences", `null`, post(oneMatcher), post(`"matchers":[null]`), post(`"matcherSets":[[{"name":"a","value":"(","isRegex":true}],null]`),
		`{"startsAt":"9999-12-31T23:59:59Z","endsAt":"","comment":null,"createdBy":"","matchers":[{}],"annotations":null,"id":"x"}`)
}

func FuzzQuery(f *testing.F) {
	for _, q := range []string{"a=\"b\"", "{", "a=~(", "x!~\"\"", "\x00", "a=\xff"} {
		f.Add("filter", q)
		f.Add("receiver", q)
		f.Add("receiver_matchers", q)
	}
	n := newNode(f)
	n.put("alertname=A", "alertname=B,severity=both")
	n.silences.keep(example(idA, -1, 1e15))
	f.Fuzz(func(t *testing.T, name, value string) {
		for _, path := range []string{"alerts", "alerts/groups", "silences", "receivers"} {
			w := n.do(http.MethodGet, "/api/v2/"+path+"?"+url.Values{name: {value}}.Encode(), "")
			if w.Code >= http.StatusInternalServerError || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s %q=%q: got %d %s", path, name, value, w.Code, w.Body)
			}
		}
	})
}
