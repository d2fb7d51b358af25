package httpapi_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"tocsin/fsm/model"
	"tocsin/httpapi/refusal"
)

func TestHealthy(t *testing.T) {
	n := newNode(t, nil)
	n.ready = errors.New("the alerts of the last run are being read")
	n.cluster.Quorum = model.Quorum{Voters: 3, Reachable: 1}
	if w := get(n, "/-/healthy"); w.Code != http.StatusOK || w.Body.String() != "OK" {
		t.Errorf("a node that is cut off is healthy: got %d %q", w.Code, w.Body)
	}
	if w := n.do("HEAD", "/-/healthy", ""); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("HEAD: got %d %q", w.Code, w.Body)
	}
	w := n.do("PUT", "/-/healthy", "")
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" || w.Body.String() != "Method Not Allowed\n" {
		t.Errorf("PUT: got %d %q Allow %q", w.Code, w.Body, w.Header().Get("Allow"))
	}
}

func TestReady(t *testing.T) {
	n := newNode(t, nil)
	if w := get(n, "/-/ready"); w.Code != http.StatusOK || w.Body.String() != "OK" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	n.ready = errors.New("the alerts of the last run are being read")
	if w := get(n, "/-/ready"); w.Code != http.StatusServiceUnavailable || w.Body.String() != "Not ready: the alerts of the last run are being read.\n" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	if w := n.do("HEAD", "/-/ready", ""); w.Code != http.StatusServiceUnavailable || w.Body.Len() != 0 {
		t.Errorf("HEAD: got %d %q", w.Code, w.Body)
	}
}

func TestQuorum(t *testing.T) {
	n := newNode(t, nil)
	if w := get(n, "/-/quorum"); w.Code != http.StatusOK || w.Body.String() != "OK: a leads, 3 of 3 voters are in sight.\n" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	n.cluster.Quorum.Held = false
	w := get(n, "/-/quorum")
	if w.Code != http.StatusServiceUnavailable || !strings.HasPrefix(w.Body.String(), "no quorum: a leads") || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	n.cluster.Leader = ""
	if w := get(n, "/-/quorum"); !strings.HasPrefix(w.Body.String(), "no quorum: nobody leads") {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}

func TestReload(t *testing.T) {
	n := newNode(t, nil)
	if w := n.do("POST", "/-/reload", ""); w.Code != http.StatusOK || w.Body.Len() != 0 || n.reloads != 1 {
		t.Errorf("got %d %q after %d reloads", w.Code, w.Body, n.reloads)
	}
	if w := get(n, "/-/reload"); w.Code != http.StatusMethodNotAllowed || n.reloads != 1 {
		t.Errorf("GET: got %d %q after %d reloads", w.Code, w.Body, n.reloads)
	}
	n.reload = errors.New("am.yml:3: no such receiver")
	if w := n.do("POST", "/-/reload", ""); w.Code != 500 || w.Body.String() != "failed to reload config: am.yml:3: no such receiver\n" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	n.reload = &refusal.Refusal{}
	if w := n.do("POST", "/-/reload", ""); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}
