package admin_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/httpapi/admin"
	"tocsin/httpapi/refusal"
)

// fakeTrust is a cluster's trust that takes down what it is asked.
type fakeTrust struct {
	tokens []admin.JoinToken
	closed bool
	asked  []string
	err    error
}

func (f *fakeTrust) JoinTokens() []admin.JoinToken { return f.tokens }

func (f *fakeTrust) CreateJoinToken(_ context.Context, ttl time.Duration, uses int) (admin.JoinToken, error) {
	f.asked = append(f.asked, fmt.Sprintf("create %v %d", ttl, uses))
	return admin.JoinToken{ID: "t1", Text: "tocsin-join-1-secret", Uses: uses, Expires: now.Add(ttl)}, f.err
}

func (f *fakeTrust) RevokeJoinToken(_ context.Context, id string) (bool, error) {
	return id == "t1", f.err
}

func (f *fakeTrust) RequiresJoinToken() bool { return f.closed }

func (f *fakeTrust) RequireJoinToken(_ context.Context, on bool) (bool, error) {
	changed := f.closed != on
	f.closed = on
	return changed, f.err
}

func (f *fakeTrust) JoinAt(_ context.Context, address, token string) (string, error) {
	f.asked = append(f.asked, "join "+address+" "+token)
	return "joined", f.err
}

func (f *fakeTrust) Security(context.Context) admin.Security {
	return admin.Security{TLS: true, Ends: now, Keys: []admin.KeyState{{Kind: "ca", Using: "k", Changing: true, Step: "s", Waits: []string{"b"}}}}
}

func (f *fakeTrust) RotateKeys(_ context.Context, kind string) error {
	f.asked = append(f.asked, "rotate "+kind)
	return f.err
}

func TestJoinTokensOverHTTP(t *testing.T) {
	n := newNode(t)
	n.trust.tokens = []admin.JoinToken{{ID: "old", Created: now.Add(-2 * time.Hour), Expires: now.Add(-time.Hour), Uses: 1, Used: []admin.JoinUse{{Node: "n2", At: now}}}}
	n.says(t, "POST", "/raft/tokens", `{"ttl_seconds":60,"uses":3}`, 201, `"token":"tocsin-join-1-secret"`)
	n.says(t, "POST", "/raft/tokens", "", 201, `"uses":1`)
	n.says(t, "POST", "/raft/tokens", `{"ttl_seconds":-1}`, 400, "ttl_seconds")
	n.says(t, "POST", "/raft/tokens", `{"uses":1001}`, 400, "uses")
	n.says(t, "GET", "/raft/tokens", "", 200, `"expired":true`)
	n.says(t, "DELETE", "/raft/tokens/t1", "", 200, `"tokens"`)
	n.says(t, "DELETE", "/raft/tokens/t2", "", 404, "no such join token")
	n.says(t, "PUT", "/raft/join-policy", `{"required":true}`, 200, `"changed":true`)
	n.says(t, "PUT", "/raft/join-policy", `{"required":true}`, 200, `"changed":false`)
	n.says(t, "POST", "/raft/join", `{"address":"10.0.0.1:9095","token":"x"}`, 200, "joined")
	n.says(t, "POST", "/raft/join", `{"address":"10.0.0.1"}`, 400, "host:port")
	n.says(t, "POST", "/raft/join", `{"address":"a:1","token":"`+strings.Repeat("x", 2000)+`"}`, 400, "no join token")
	n.says(t, "POST", "/raft/keys/rotate", `{"kind":"ca"}`, 200, `"waits_for":["b"]`)
	n.trust.err = &refusal.Denied{Reason: refusal.ErrConflict, Text: "under way"}
	n.says(t, "POST", "/raft/keys/rotate", `{"kind":"ca"}`, 409, "under way")
	want := []string{"create 1m0s 3", "create 1h0m0s 1", "join 10.0.0.1:9095 x", "rotate ca", "rotate ca"}
	if got := n.trust.asked; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("asked %q, want %q", got, want)
	}
}

// says sends one request and looks for a part of the answer.
func (n *node) says(t *testing.T, method, target, body string, status int, part string) {
	t.Helper()
	if w := n.do(method, target, body); w.Code != status || !strings.Contains(w.Body.String(), part) {
		t.Errorf("%s %s %.60s: %d %s, want %d with %s", method, target, body, w.Code, w.Body, status, part)
	}
}
