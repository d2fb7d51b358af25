package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"tocsin/fsm/model"
	"tocsin/httpapi/admin"
	"tocsin/httpapi/refusal"
)

func TestTokens(t *testing.T) {
	n := newNode(t)
	n.expect(t, "GET", "/tokens", "", 200, `{"tokens":[]}`)
	w := n.do("POST", "/tokens", `{"name":"ci","role":"ingest","ttl_seconds":60}`)
	if w.Code != http.StatusCreated || !strings.Contains(w.Body.String(), `"expires":"2026-11-21T02:04:04.567Z","secret":"tocsin_`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := n.do("GET", "/tokens", ""); !strings.Contains(w.Body.String(), `"name":"ci","role":"ingest"`) || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("listed are %s", w.Body)
	}
	if w := n.do("POST", "/tokens", `{"name":"ci","role":"admin"}`); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), `"hint"`) {
		t.Errorf("a second one: got %d %s", w.Code, w.Body)
	}
	for _, body := range []string{
		``, `{}`, `{"name":"a"}`, `{"name":"a","role":"root"}`, `{"name":"a","role":"none"}`, `{"name":"","role":"admin"}`,
		`{"name":"a b","role":"admin"}`, `{"name":"a","role":"admin","ttl_seconds":-1}`, `{"name":"a","role":"admin","ttl_seconds":9223372036854775807}`,
		`{"name":"a","role":"admin","secret":"mine"}`,
	} {
		if w := n.do("POST", "/tokens", body); w.Code != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", body, w.Code, w.Body)
		}
	}
	n.expect(t, "DELETE", "/tokens/nobody", "", 404, `{"error":"there is no such token","hint":"GET tokens lists them"}`)
	n.expect(t, "DELETE", "/tokens/ci", "", 200, `{"tokens":[]}`)
	n.records.Fail = &refusal.Refusal{}
	if w := n.do("POST", "/tokens", `{"name":"x","role":"admin"}`); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("without a quorum: got %d %s", w.Code, w.Body)
	}
}

func TestAccess(t *testing.T) {
	n := newNode(t)
	n.expect(t, "GET", "/access", "", 200, `{"anonymous":"operator","tokens":0}`)
	n.expect(t, "PUT", "/access", `{"anonymous":"viewer"}`, 200, `{"anonymous":"viewer","tokens":0}`)
	for _, body := range []string{``, `{}`, `{"anonymous":"admin"}`, `{"anonymous":"x"}`} {
		if w := n.do("PUT", "/access", body); w.Code != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", body, w.Code, w.Body)
		}
	}
	n.expect(t, "GET", "/access", "", 200, `{"anonymous":"viewer","tokens":0}`)
}

func TestAudit(t *testing.T) {
	n := newNode(t)
	n.expect(t, "GET", "/audit", "", 200, `{"audit":[]}`)
	n.fake.auditRows = []model.AuditRow{{
		Seq: 3, Index: 9, Stamp: model.Millis(now.UnixMilli()), Who: model.Actor{Name: "token:ann", Address: "10.0.0.9"}, Node: "id-b",
		Action: "silence.create", Target: "5a", Outcome: "ok", Detail: "disk",
	}}
	n.expect(t, "GET", "/audit?who=ann&action=silence&target=5a&since=2026-01-02T03:04:05Z&until=2026-01-02T03:04:05.007%2B01:00&before=7&limit=3", "", 200,
		`{"audit":[{"seq":3,"at":"2026-11-21T02:03:04.567Z","who":"token:ann","from":"10.0.0.9","node":"id-b","node_name":"b","action":"silence.create","target":"5a","outcome":"ok","detail":"disk","index":9}]}`)
	want := admin.AuditQuery{Who: "ann", Action: "silence", Target: "5a", Since: 1767323045000, Until: 1767319445007, Before: 7, Limit: 3}
	if n.fake.auditQuery != want {
		t.Errorf("asked %+v", n.fake.auditQuery)
	}
	for _, bad := range []string{"limit=0", "limit=1001", "before=0", "before=x", "since=yesterday", "until=1"} {
		if w := n.do("GET", "/audit?"+bad, ""); w.Code != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", bad, w.Code, w.Body)
		}
	}
}
