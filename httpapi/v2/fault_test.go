package v2_test

import (
	"net/http"
	"testing"
)

// Texts and codes are those that Alertmanager 0.34 answers.
func TestFaultsOfTheRequestItself(t *testing.T) {
	for _, tc := range []struct {
		name, method, target, body string
		headers                    []string
		status                     int
		want, allow                string
	}{
		{"unknown path", "GET", "/api/v2/foo", "", nil, 404, `{"code":404,"message":"path /api/v2/foo was not found"}`, ""},
		{"base path", "GET", "/api/v2/", "", nil, 404, `{"code":404,"message":"path /api/v2/ was not found"}`, ""},
		{"below a list", "GET", "/api/v2/alerts/foo", "", nil, 404, `{"code":404,"message":"path /api/v2/alerts/foo was not found"}`, ""},
		{"below a silence", "GET", "/api/v2/silence/a/b", "", nil, 404, `{"code":404,"message":"path /api/v2/silence/a/b was not found"}`, ""},
		{"silence without ID", "GET", "/api/v2/silence/", "", nil, 404, `{"code":404,"message":"path /api/v2/silence/ was not found"}`, ""},
		{"PUT", "PUT", "/api/v2/alerts", "", nil, 405, `{"code":405,"message":"method PUT is not allowed, but [GET,POST] are"}`, "GET,POST"},
		{"POST of status", "POST", "/api/v2/status", "", nil, 405, `{"code":405,"message":"method POST is not allowed, but [GET] are"}`, "GET"},
		{"HEAD", "HEAD", "/api/v2/alerts", "", nil, 405, `{"code":405,"message":"method HEAD is not allowed, but [GET,POST] are"}`, "GET,POST"},
		{"PUT of a silence", "PUT", "/api/v2/silence/11111111-1111-1111-1111-111111111111", "", nil, 405, `{"code":405,"message":"method PUT is not allowed, but [DELETE,GET] are"}`, "DELETE,GET"},
		{"text", "POST", "/api/v2/alerts", "[]", []string{"Content-Type", "text/plain"}, 415, `{"code":415,"message":"unsupported media type \"text/plain\", only [application/json] are allowed"}`, ""},
		{"no type", "POST", "/api/v2/alerts", "[]", []string{"Content-Type", ""}, 415, `{"code":415,"message":"unsupported media type \"application/octet-stream\", only [application/json] are allowed"}`, ""},
		{"longer type", "POST", "/api/v2/alerts", "[]", []string{"Content-Type", "application/jsonfoo;"}, 415, `{"code":415,"message":"unsupported media type \"application/jsonfoo\", only [application/json] are allowed"}`, ""},
		{"no media type", "POST", "/api/v2/alerts", "[]", []string{"Content-Type", ";;"}, 400, `{"code":400,"message":"parsing Content-Type header from \";;\" failed, because mime: no media type"}`, ""},
		{"type of a silence", "POST", "/api/v2/silences", "{}", []string{"Content-Type", "text/plain"}, 415, `{"code":415,"message":"unsupported media type \"text/plain\", only [application/json] are allowed"}`, ""},
		{"will have text", "GET", "/api/v2/status", "", []string{"Accept", "text/plain"}, 406, `{"code":406,"message":"unsupported media type requested, only [application/json] are available"}`, ""},
		{"will have any text", "GET", "/api/v2/status", "", []string{"Accept", "text/*"}, 406, `{"code":406,"message":"unsupported media type requested, only [application/json] are available"}`, ""},
		{"will not have JSON", "GET", "/api/v2/status", "", []string{"Accept", "application/json;q=0, text/html"}, 406, `{"code":406,"message":"unsupported media type requested, only [application/json] are available"}`, ""},
		{"no UUID", "GET", "/api/v2/silence/foo", "", nil, 422, `{"code":601,"message":"silenceID in path must be of type uuid: \"foo\""}`, ""},
		{"no UUID to delete", "DELETE", "/api/v2/silence/foo", "", nil, 422, `{"code":601,"message":"silenceID in path must be of type uuid: \"foo\""}`, ""},
		{"blank", "GET", "/api/v2/silence/%20", "", nil, 422, `{"code":601,"message":"silenceID in path must be of type uuid: \" \""}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newNode(t).do(tc.method, tc.target, tc.body, tc.headers...)
			if w.Code != tc.status || w.Body.String() != tc.want {
				t.Errorf("got %d %s, want %d %s", w.Code, w.Body, tc.status, tc.want)
			}
			if got := w.Header().Get("Allow"); got != tc.allow {
				t.Errorf("Allow: got %q, want %q", got, tc.allow)
			}
			if got := w.Header().Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type: got %q", got)
			}
			if got := w.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control: got %q", got)
			}
		})
	}
}

func TestWhatIsAcceptable(t *testing.T) {
	for _, accept := range []string{"", "*/*", "application/json", "text/html,application/*;q=0.9", "application/json; charset=utf-8"} {
		if w := newNode(t).do("GET", "/api/v2/status", "", "Accept", accept); w.Code != http.StatusOK {
			t.Errorf("Accept %q: got %d %s", accept, w.Code, w.Body)
		}
	}
	for _, slash := range []string{"status/", "alerts/", "alerts/groups/", "silences/", "receivers/"} {
		if w := newNode(t).do("GET", "/api/v2/"+slash, ""); w.Code != http.StatusOK {
			t.Errorf("%s: got %d %s", slash, w.Code, w.Body)
		}
	}
}

func TestMatcherParameters(t *testing.T) {
	for _, tc := range []struct{ target, want string }{
		{"alerts?filter=", `"bad matcher format: "`},
		{"alerts?filter=a%3D~%5B", "\"error parsing regexp: missing closing ]: `[)$`\""},
		{"alerts?receiver=%5B", "\"failed to parse receiver param: error parsing regexp: missing closing ]: `[)$`\""},
		{"alerts?receiver_matchers=a", `"failed to parse receiver_matchers param: bad matcher format: a"`},
		{"alerts/groups?filter=a", `"bad matcher format: a"`},
		{"alerts/groups?receiver=%5B", "\"failed to parse receiver param: error parsing regexp: missing closing ]: `[)$`\""},
		{"alerts/groups?receiver_matchers=a", `"failed to parse receiver_matchers param: bad matcher format: a"`},
		{"receivers?receiver_matchers=owner", `"failed to parse receiver_matchers param: bad matcher format: owner"`},
		{"silences?filter=", `"bad matcher format: "`},
		{"silences?filter=%7Ba%3Db%7D", `"unexpected open or close brace: {a=b}"`},
	} {
		w := newNode(t).do("GET", "/api/v2/"+tc.target, "")
		if w.Code != http.StatusBadRequest || w.Body.String() != tc.want+"\n" {
			t.Errorf("%s: got %d %s, want 400 %s", tc.target, w.Code, w.Body, tc.want)
		}
	}
}
