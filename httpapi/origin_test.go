package httpapi_test

import (
	"net/http"
	"testing"

	"tocsin/httpapi"
)

func TestNoOtherOriginsUnlessAsked(t *testing.T) {
	n := newNode(t, nil)
	w := n.do("GET", "/api/v2/status", "", "Origin", "https://evil.example")
	if w.Code != http.StatusOK || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("got %d with %v", w.Code, w.Header())
	}
	w = n.do("OPTIONS", "/api/v2/silences", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("preflight: got %d with %v", w.Code, w.Header())
	}
}

// Forms of other pages need no preflight, so what does not insist on JSON looks
// at where a browser says that it comes from.
func TestForeignFormsAreRefused(t *testing.T) {
	n := newNode(t, nil)
	for _, target := range []string{"/-/reload", "/api/v1/alerts", "/api/tocsin/v1/config"} {
		for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
			if w := n.do("POST", target, `[]`, headers...); w.Code != http.StatusForbidden {
				t.Errorf("%s with %v: got %d %q", target, headers, w.Code, w.Body)
			}
		}
	}
	if n.reloads != 0 {
		t.Error("it was reloaded")
	}
	if w := n.do("POST", "/api/v1/alerts", `[]`); w.Code != http.StatusOK {
		t.Errorf("no browser: got %d %q", w.Code, w.Body)
	}
	if w := n.do("POST", "/-/reload", "", "Origin", "http://example.com"); w.Code != http.StatusOK {
		t.Errorf("the same origin: got %d %q", w.Code, w.Body)
	}
}

func TestOriginsThatAreAllowed(t *testing.T) {
	n := newNode(t, func(o *httpapi.Options) { o.Web.CORSOrigin = `https://.*\.example\.com` })
	for origin, allowed := range map[string]bool{
		"https://a.example.com": true, "https://a.example.com.evil.net": false, "http://a.example.com": false,
	} {
		w := n.do("OPTIONS", "/api/v2/silences", "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
		if got := w.Header().Get("Access-Control-Allow-Origin") == origin; got != allowed {
			t.Errorf("%s: preflight got %d with %v", origin, w.Code, w.Header())
		}
		if allowed && (w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Methods") != "GET,POST,DELETE" ||
			w.Header().Get("Access-Control-Max-Age") != "600" || w.Header().Get("Access-Control-Allow-Headers") != "content-type") {
			t.Errorf("%s: preflight got %d with %v", origin, w.Code, w.Header())
		}
		w = n.do("POST", "/api/v2/alerts", "[]", "Origin", origin)
		if got := w.Header().Get("Access-Control-Allow-Origin") == origin; got != allowed || w.Code != http.StatusOK {
			t.Errorf("%s: got %d with %v", origin, w.Code, w.Header())
		}
	}
	w := n.do("POST", "/api/tocsin/v1/config", "{}", "Origin", "https://a.example.com", "Sec-Fetch-Site", "same-site")
	if w.Code != http.StatusForbidden {
		t.Errorf("outside of API v2: got %d", w.Code)
	}
}
