package v2_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/api/v2/models"

	"tocsin/dispatcher/silence"
	"tocsin/fsm/model"
	"tocsin/httpapi/refusal"
)

const (
	idA = "aaaaaaaa-0000-4000-8000-000000000001"
	idB = "bbbbbbbb-0000-4000-8000-000000000002"
	idC = "cccccccc-0000-4000-8000-000000000003"
	idD = "dddddddd-0000-4000-8000-000000000004"
)

func sets(s ...[]model.Matcher) [][]model.Matcher { return s }

func eq(name, value string) []model.Matcher {
	return []model.Matcher{{Type: model.MatchEqual, Name: name, Value: value}}
}

func example(id string, from, to time.Duration) model.Silence {
	return model.Silence{
		ID: id, MatcherSets: sets(eq("alertname", "A")), StartsAt: millis(from), EndsAt: millis(to),
		UpdatedAt: millis(-time.Minute), CreatedBy: "me", Comment: "why <b>",
	}
}

func TestSilencesAreWrittenAsAlertmanagerDoes(t *testing.T) {
	n := newNode(t)
	s := example(idA, -time.Hour, time.Hour)
	s.Annotations = []model.Pair{{Name: "ticket", Value: "T-1"}}
	s.MatcherSets = sets([]model.Matcher{
		{Type: model.MatchEqual, Name: "a", Value: "1"},
		{Type: model.MatchNotEqual, Name: "b", Value: ""},
		{Type: model.MatchRegexp, Name: "c", Value: "x|y"},
		{Type: model.MatchNotRegexp, Name: "d", Value: "z.*"},
	})
	n.silences.keep(s)
	one := `{"id":"` + idA + `","status":{"state":"active"},"updatedAt":"2026-11-21T02:02:04.567Z",` +
		`"annotations":{"ticket":"T-1"},"comment":"why <b>","createdBy":"me","endsAt":"2026-11-21T03:03:04.567Z",` +
		`"matchers":[{"isEqual":true,"isRegex":false,"name":"a","value":"1"},{"isEqual":false,"isRegex":false,"name":"b","value":""},` +
		`{"isEqual":true,"isRegex":true,"name":"c","value":"x|y"},{"isEqual":false,"isRegex":true,"name":"d","value":"z.*"}],` +
		`"startsAt":"2026-11-21T01:03:04.567Z"}`

	list := n.do("GET", "/api/v2/silences", "")
	if list.Code != http.StatusOK || list.Body.String() != "["+one+"]\n" {
		t.Errorf("list: got %d\n%s\nwant\n[%s]", list.Code, list.Body, one)
	}
	get := n.do("GET", "/api/v2/silence/"+idA, "")
	if get.Code != http.StatusOK || get.Body.String() != one+"\n" {
		t.Errorf("one: got %d\n%s\nwant\n%s", get.Code, get.Body, one)
	}
	roundTrip(t, list.Body.String(), &models.GettableSilences{})
	roundTrip(t, get.Body.String(), &models.GettableSilence{})
}

func TestNoSilences(t *testing.T) {
	n := newNode(t)
	if w := n.do("GET", "/api/v2/silences", ""); w.Body.String() != "[]\n" {
		t.Errorf("got %s", w.Body)
	}
	for _, method := range []string{"GET", "DELETE"} {
		w := n.do(method, "/api/v2/silence/"+idA, "")
		if w.Code != http.StatusNotFound || w.Body.Len() != 0 {
			t.Errorf("%s: got %d %s, want 404 and nothing", method, w.Code, w.Body)
		}
	}
}

// A silence that Alertmanager 0.34 answers the whole listing with 500 for.
func TestSeveralMatcherSetsAreShown(t *testing.T) {
	n := newNode(t)
	s := example(idA, -time.Hour, time.Hour)
	s.MatcherSets = sets(eq("a", "1"), eq("b", "2"))
	n.silences.keep(s)
	body := n.do("GET", "/api/v2/silences", "").Body.String()
	want := `"matchers":[{"isEqual":true,"isRegex":false,"name":"a","value":"1"}],"startsAt":"2026-11-21T01:03:04.567Z",` +
		`"matcherSets":[[{"isEqual":true,"isRegex":false,"name":"a","value":"1"}],[{"isEqual":true,"isRegex":false,"name":"b","value":"2"}]]}]`
	if !strings.Contains(body, want) {
		t.Errorf("got %s", body)
	}
	var theirs models.GettableSilences
	if err := json.Unmarshal([]byte(body), &theirs); err != nil || len(theirs) != 1 {
		t.Errorf("Alertmanager's models cannot read it: %v", err)
	}
	if got := ids(t, n, "filter=b%3D2"); got != idA {
		t.Errorf("filtered by the second set: got %q", got)
	}
	if got := ids(t, n, "filter=b%3D2&filter=a%3D1"); got != "" {
		t.Errorf("filtered by matchers of two sets: got %q", got)
	}
}

func ids(t *testing.T, n *node, query string) string {
	t.Helper()
	var list []struct{ ID string }
	w := n.do("GET", "/api/v2/silences?"+query, "")
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	var out []string
	for _, s := range list {
		out = append(out, s.ID)
	}
	return strings.Join(out, " ")
}

func TestOrderAndStatesOfSilences(t *testing.T) {
	n := newNode(t)
	id := func(i int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", i) }
	for i, at := range [][2]time.Duration{
		{-3 * time.Hour, -2 * time.Hour}, {-3 * time.Hour, -time.Hour}, // expired
		{2 * time.Hour, 3 * time.Hour}, {time.Hour, 9 * time.Hour}, // pending
		{-time.Hour, 2 * time.Hour}, {-2 * time.Hour, time.Hour}, {-time.Hour, time.Hour}, // active
	} {
		n.silences.keep(example(id(i), at[0], at[1]))
	}
	active, pending, expired := id(5)+" "+id(6)+" "+id(4), id(3)+" "+id(2), id(1)+" "+id(0)
	for query, want := range map[string]string{
		"":                             active + " " + pending + " " + expired,
		"expired=false":                active + " " + pending,
		"active=0&pending=0":           expired,
		"active=0&expired=0":           pending,
		"active=0&expired=0&pending=":  pending,
		"active=0&expired=0&pending=x": "",
		"filter=alertname%3DA&expired=no&pending=no": active,
		"filter=alertname%3D~A":                      "",
		"filter=alertname%3DA&filter=b%3Dc":          "",
	} {
		if got := ids(t, n, query); got != want {
			t.Errorf("?%s:\ngot  %s\nwant %s", query, got, want)
		}
	}
}

func post(extra string) string {
	return `{"startsAt":"2026-11-21T02:00:00Z","endsAt":"2026-11-21T04:00:00Z","createdBy":"me","comment":"c",` + extra + `}`
}

const oneMatcher = `"matchers":[{"name":"a","value":"b","isRegex":false}]`

// Statuses and bodies are those that Alertmanager 0.34 answers, but for null
// among the matchers, on which it drops the connection.
func TestPostSilenceRefusals(t *testing.T) {
	times := func(from, to string) string {
		return fmt.Sprintf(`{"startsAt":%s,"endsAt":%s,"createdBy":"x","comment":"c",%s}`, from, to, oneMatcher)
	}
	for _, tc := range []struct {
		body   string
		status int
		want   string
	}{
		{``, 422, `{"code":602,"message":"silence in body is required"}`},
		{`null`, 422, `{"code":602,"message":"comment in body is required"}`},
		{`{}`, 422, `{"code":602,"message":"comment in body is required"}`},
		{`{"comment":"c"}`, 422, `{"code":602,"message":"createdBy in body is required"}`},
		{`{"comment":"c","createdBy":""}`, 422, `{"code":602,"message":"endsAt in body is required"}`},
		{post(`"x":1`), 422, `{"code":602,"message":"matchers in body is required"}`},
		{post(`"matchers":null`), 422, `{"code":602,"message":"matchers in body is required"}`},
		{post(`"matchers":[]`), 422, `{"code":612,"message":"matchers in body should have at least 1 items"}`},
		{post(`"matchers":[null]`), 422, `{"code":602,"message":"matchers.0 in body is required"}`},
		{post(`"matchers":[{}]`), 422, `{"code":602,"message":"matchers.0.isRegex in body is required"}`},
		{post(`"matchers":[{"isRegex":true,"value":"x"}]`), 422, `{"code":602,"message":"matchers.0.name in body is required"}`},
		{post(`"matchers":[{"isRegex":true,"name":"x"}]`), 422, `{"code":602,"message":"matchers.0.value in body is required"}`},
		{post(`"matcherSets":[[],[null]]`), 422, `{"code":612,"message":"matcherSets.0 in body should have at least 1 items"}`},
		{post(`"matcherSets":[null]`), 422, `{"code":602,"message":"matcherSets.0 in body is required"}`},
		{times(`null`, `"2026-11-22T00:00:00Z"`), 422, `{"code":602,"message":"startsAt in body is required"}`},
		{times(`"foo"`, `"2026-11-22T00:00:00Z"`), 400, `{"code":400,"message":"parsing silence body from \"\" failed, because parsing time \"foo\" as \"2006-01-02\": cannot parse \"foo\" as \"2006\""}`},
		{times(`"2026-11-22T00:00:00Z"`, `"2026-11-22T00:00:00Z"`), 400, `"Failed to create silence: start time must be before end time"` + "\n"},
		{times(`"2026-01-01T00:00:00Z"`, `"2026-11-21T00:00:00Z"`), 400, `"Failed to create silence: end time can't be in the past"` + "\n"},
		{post(`"matchers":[{"name":"a","value":"","isRegex":false}]`), 400, `"invalid silence: matcher set 0: at least one matcher must not match the empty string"` + "\n"},
		{post(`"matchers":[{"name":"a","value":".*","isRegex":true}]`), 400, `"invalid silence: matcher set 0: at least one matcher must not match the empty string"` + "\n"},
		{post(`"matchers":[{"name":"","value":"x","isRegex":false}]`), 400, `"invalid silence: invalid label matcher 0 in set 0: invalid label name \"\""` + "\n"},
		{post(`"matchers":[{"name":"a","value":"[","isRegex":true}]`), 400, "\"invalid silence: invalid label matcher 0 in set 0: invalid regular expression \\\"[\\\": error parsing regexp: missing closing ]: `[`\"\n"},
		{post(`"id":"nope",` + oneMatcher), 404, `"silence not found"` + "\n"},
	} {
		n := newNode(t)
		w := n.do("POST", "/api/v2/silences", tc.body)
		if w.Code != tc.status || w.Body.String() != tc.want {
			t.Errorf("%s:\ngot  %d %s\nwant %d %s", tc.body, w.Code, w.Body, tc.status, tc.want)
		}
		if len(n.silences.plans) != 0 {
			t.Errorf("%s: something was written", tc.body)
		}
	}
	for _, body := range []string{`[]`, `{`, post(`"matchers":{}`), post(oneMatcher + `,"annotations":{"a":1}`), post(oneMatcher + `,"createdBy":3`)} {
		w := newNode(t).do("POST", "/api/v2/silences", body)
		if w.Code != http.StatusBadRequest || !strings.HasPrefix(w.Body.String(), `{"code":400,"message":"parsing silence body from \"\" failed, because `) {
			t.Errorf("%s: got %d %s", body, w.Code, w.Body)
		}
	}
}

func TestPostSilence(t *testing.T) {
	n := newNode(t)
	w := n.do("POST", "/api/v2/silences", post(`"annotations":{"z":"1","a":"2"},`+
		`"matchers":[{"name":"a","value":"b","isRegex":false},{"name":"c","value":"d","isRegex":true,"isEqual":false}]`)+"{")
	var made struct{ SilenceID string }
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusOK || len(made.SilenceID) != 36 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	s, ok := n.silences.Silence(made.SilenceID)
	if !ok {
		t.Fatal("an acknowledged silence is not there (I14)")
	}
	if s.StartsAt != millis(0) || s.UpdatedAt != millis(0) || s.CreatedBy != "me" || s.Comment != "c" {
		t.Errorf("got %+v", s)
	}
	if want := "[{z 1} {a 2}]"; fmt.Sprint(s.Annotations) == want {
		t.Errorf("annotations are not ordered: %v", s.Annotations)
	}
	if want := "[[{0 a b} {3 c d}]]"; fmt.Sprint(s.MatcherSets) != want {
		t.Errorf("matchers: got %v, want %s", s.MatcherSets, want)
	}
}

func TestSilenceSizeIsBounded(t *testing.T) {
	n := newNode(t)
	w := n.do("POST", "/api/v2/silences", post(oneMatcher+`,"annotations":{"a":"`+strings.Repeat("x", 5000)+`"}`))
	if w.Code != http.StatusBadRequest || !strings.HasPrefix(w.Body.String(), `"silence exceeded maximum size: 5`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	w = n.do("POST", "/api/v2/silences", post(oneMatcher+`,"annotations":{"a":"`+strings.Repeat("x", 2<<20)+`"}`))
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of 2 MiB: got %d %s", w.Code, w.Body)
	}
}

// A client that knows of "matchers" only extends a silence with two sets.
func TestClientsThatKnowOneSetKeepTheOthers(t *testing.T) {
	n := newNode(t)
	s := example(idA, -time.Hour, time.Hour)
	s.MatcherSets = sets(eq("a", "b"), eq("c", "d"))
	n.silences.keep(s)
	w := n.do("POST", "/api/v2/silences", `{"id":"`+idA+`","startsAt":"2026-11-21T01:03:04Z","endsAt":"2026-11-22T00:00:00Z","createdBy":"me","comment":"longer",`+oneMatcher+`}`)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), idA) {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if got, _ := n.silences.Silence(idA); len(got.MatcherSets) != 2 || got.Comment != "longer" {
		t.Errorf("got %+v", got)
	}
	w = n.do("POST", "/api/v2/silences", post(`"matcherSets":[[{"name":"a","value":"1","isRegex":false}],[{"name":"b","value":"2","isRegex":true}]]`))
	if w.Code != http.StatusOK || len(n.silences.plans[1].Put.MatcherSets) != 2 {
		t.Errorf("several sets of one's own: got %d %s", w.Code, w.Body)
	}
}

func TestChangesOfOthersAreMet(t *testing.T) {
	n := newNode(t)
	n.silences.keep(example(idA, -time.Hour, time.Hour))
	overtaken := 0
	n.silences.meddle = func() {
		if overtaken < 2 {
			overtaken++
			s := *n.silences.all[idA]
			s.Rev += 100
			n.silences.all[idA] = &s
		}
	}
	body := `{"id":"` + idA + `","startsAt":"2026-11-21T01:03:04Z","endsAt":"2026-11-22T00:00:00Z","createdBy":"me","comment":"longer","matchers":[{"name":"alertname","value":"A","isRegex":false}]}`
	if w := n.do("POST", "/api/v2/silences", body); w.Code != http.StatusOK {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if len(n.silences.plans) != 3 {
		t.Errorf("planned %d times, want 3", len(n.silences.plans))
	}
	for range 10 {
		n.silences.refuse = append(n.silences.refuse, refusal.ErrConflict)
	}
	w := n.do("POST", "/api/v2/silences", body)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
		t.Errorf("overtaken for ever: got %d %s", w.Code, w.Body)
	}
}

func TestWritesThatTheClusterRefuses(t *testing.T) {
	for _, tc := range []struct {
		err        error
		status     int
		want       string
		retryAfter string
	}{
		{&refusal.Refusal{}, 503, `"no quorum: nobody leads the cluster, so nothing can be written; alerts are still taken and notified"`, "2"},
		{&refusal.Refusal{Leader: "c", RetryAfter: 3500 * time.Millisecond}, 503, `"no quorum: c leads as far as this node knows, but it did not confirm the write, so nothing was written; alerts are still taken and notified"`, "4"},
		{&refusal.Refusal{Unknown: true, Cause: errors.New("secret internals")}, 503, `"the outcome is unknown: the cluster did not confirm the write in time, and it may still take effect; look before you repeat it"`, "2"},
		{&refusal.Denied{Reason: refusal.ErrLimit, Text: "exceeded maximum number of silences: 5 (limit: 5)"}, 400, `"exceeded maximum number of silences: 5 (limit: 5)"`, ""},
		{&refusal.Denied{Reason: refusal.ErrNotFound}, 404, `"silence not found"`, ""},
		{errors.New("secret internals"), 500, `"the silence could not be written; the reason is in the log"`, ""},
	} {
		n := newNode(t)
		n.silences.refuse = []error{fmt.Errorf("propose: %w", tc.err)}
		w := n.do("POST", "/api/v2/silences", post(oneMatcher))
		if w.Code != tc.status || w.Body.String() != tc.want+"\n" || w.Header().Get("Retry-After") != tc.retryAfter {
			t.Errorf("%v:\ngot  %d %s Retry-After %q\nwant %d %s %q", tc.err, w.Code, w.Body, w.Header().Get("Retry-After"), tc.status, tc.want, tc.retryAfter)
		}
	}
}

func TestDeleteSilence(t *testing.T) {
	n := newNode(t)
	n.silences.keep(example(idA, -time.Hour, time.Hour))
	n.silences.keep(example(idB, time.Hour, 2*time.Hour))
	n.silences.keep(example(idC, -2*time.Hour, -time.Hour))
	n.silences.keep(example(idD, -time.Hour, time.Hour))
	for _, id := range []string{idA, idA, idB, idC} {
		// The second time it is expired already, and nothing changes.
		w := n.do("DELETE", "/api/v2/silence/"+id, "")
		if w.Code != http.StatusOK || w.Body.Len() != 0 {
			t.Errorf("%s: got %d %s", id, w.Code, w.Body)
		}
	}
	want := []silence.Plan{{ID: idA, Expire: idA, At: millis(0)}, {ID: idA, Expire: idA, At: millis(0)}, {ID: idB, Expire: idB, At: millis(0)}}
	// Both ends belong to a silence's time: at this very instant it is active.
	if fmt.Sprint(n.silences.plans) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", n.silences.plans, want)
	}
	n.silences.refuse = []error{&refusal.Refusal{Leader: "c"}, refusal.ErrNotFound, errors.New("disk")}
	for _, status := range []int{503, 404, 500} {
		if w := n.do("DELETE", "/api/v2/silence/"+idD, ""); w.Code != status {
			t.Errorf("got %d %s, want %d", w.Code, w.Body, status)
		}
	}
}
