package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/httpapi"
	"tocsin/httpapi/access"
	"tocsin/httpapi/admin"
)

// caller is one who asks in the matrix, and what he may have been given.
type matrixCaller struct {
	name string
	// may are the needs that he meets on Alertmanager's routes and on our own.
	may, own []access.Role
	// from prepares a request.
	from func(*http.Request)
}

const (
	none, ingest, viewer, operator, all = access.None, access.Ingest, access.Viewer, access.Operator, access.Admin
)

var pathParameter = regexp.MustCompile(`:[A-Za-z]+`)

// ask sends one request to a route, and returns its status.
func (n *node) ask(method, path string, from func(*http.Request)) int {
	path = pathParameter.ReplaceAllString(path, "x")
	path = strings.ReplaceAll(path, "*", "heap")
	var req *http.Request
	if method == http.MethodGet || method == http.MethodHead {
		req = httptest.NewRequest(method, path, nil)
	} else {
		req = httptest.NewRequest(method, path, strings.NewReader("{}"))
		req.Header.Set("Content-Type", "application/json")
	}
	if strings.Contains(path, "/pprof/") {
		// Profiles take their time, unless nobody waits for them.
		ctx, cancel := context.WithCancel(req.Context())
		cancel()
		req = req.WithContext(ctx)
	}
	from(req)
	w := httptest.NewRecorder()
	n.server.Handler().ServeHTTP(w, req)
	return w.Code
}

func bearer(secret string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }
}

func loopback(r *http.Request) { r.RemoteAddr, r.Host = "127.0.0.1:4242", "localhost:9093" }

func socket(r *http.Request) {
	r.RemoteAddr = "@"
	*r = *r.WithContext(access.WithPeer(r.Context(), access.Peer{UID: 1000}))
}

func (n *node) token(t *testing.T, name string, role access.Role, ttl time.Duration) string {
	t.Helper()
	_, secret, err := n.keys.Create(context.Background(), access.NewToken{Name: name, Role: role, TTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// Every route of the server, asked by everybody there is.
func TestRoleMatrix(t *testing.T) {
	n := newNode(t, func(o *httpapi.Options) { o.Web.Pprof = true })
	if rows := n.server.Unlisted(); len(rows) > 0 {
		t.Fatalf("these routes have no row in httpapi/access/routes.go:\n%s", strings.Join(rows, "\n"))
	}
	nobody := func(*http.Request) {}
	always := []access.Role{none}
	reads := []access.Role{none, viewer}
	ingests := []access.Role{none, ingest}
	operates := []access.Role{none, ingest, viewer, operator}
	every := append(slices.Clone(operates), all)
	callers := []matrixCaller{
		{"anonymous, before there are tokens", operates, []access.Role{none, viewer}, nobody},
		{"loopback, before there are tokens", every, every, loopback},
	}
	n.matrix(t, callers)

	callers = []matrixCaller{
		{"an ingest token", ingests, ingests, bearer(n.token(t, "i", ingest, 0))},
		{"a viewer token", reads, reads, bearer(n.token(t, "v", viewer, 0))},
		{"an operator token", operates, operates, bearer(n.token(t, "o", operator, 0))},
		{"an admin token", every, every, bearer(n.token(t, "a", all, time.Hour))},
		{"a wrong token", ingests, always, bearer("tocsin_000000000000_" + strings.Repeat("x", 43))},
		{"anonymous", operates, []access.Role{none, viewer}, nobody},
		{"loopback", every, every, loopback},
		{"the admin socket", every, every, socket},
		{"a viewer token on loopback", reads, reads, func(r *http.Request) {
			loopback(r)
			bearer(n.token(t, fmt.Sprint(time.Now().UnixNano()), viewer, 0))(r)
		}},
		{"a proxy on loopback", operates, []access.Role{none, viewer}, func(r *http.Request) { loopback(r); r.Header.Set("X-Forwarded-For", "10.9.9.9") }},
	}
	n.matrix(t, callers)

	for role, may := range map[access.Role][]access.Role{none: always, ingest: ingests, viewer: reads, operator: operates} {
		if err := n.keys.SetAnonymous(context.Background(), role); err != nil {
			t.Fatal(err)
		}
		own := slices.DeleteFunc(slices.Clone(may), func(r access.Role) bool { return r == operator })
		wrong := always
		if slices.Contains(may, ingest) {
			wrong = ingests // an alert is not lost for its bad token
		}
		n.matrix(t, []matrixCaller{
			{"anonymous, who is " + role.String(), may, own, nobody},
			{"loopback, where anonymous is " + role.String(), every, every, loopback},
			{"the admin socket, where anonymous is " + role.String(), every, every, socket},
			{"a wrong token, where anonymous is " + role.String(), wrong, always, bearer("wrong")},
		})
	}
}

func (n *node) matrix(t *testing.T, callers []matrixCaller) {
	t.Helper()
	asked := 0
	for _, route := range n.server.Routes() {
		need, _ := access.Need(route.Method, route.Path)
		for _, c := range callers {
			may := c.may
			if strings.HasPrefix(route.Path, admin.Path) {
				may = c.own
			}
			status := n.ask(route.Method, route.Path, c.from)
			refused := status == 401 || status == 403 || status == 429
			if want := !slices.Contains(may, need); refused != want {
				t.Errorf("%s: %s %s (needs %v): got %d, refused is to be %v", c.name, route.Method, route.Path, need, status, want)
			}
			asked++
		}
	}
	if asked < 60*len(callers) {
		t.Errorf("only %d questions were asked", asked)
	}
}

// What changes something is for those who may.
func TestNoWriteIsForReaders(t *testing.T) {
	n := newNode(t, nil)
	for _, r := range n.server.Routes() {
		need, _ := access.Need(r.Method, r.Path)
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		alerts := strings.HasSuffix(strings.TrimSuffix(r.Path, "/"), "/alerts")
		if !reads && !alerts && need != operator && need != all {
			t.Errorf("%s %s needs no more than %v", r.Method, r.Path, need)
		}
		if !reads && strings.HasPrefix(r.Path, admin.Path) && need != all && !strings.HasPrefix(r.Path, admin.Path+"/config/") {
			t.Errorf("%s %s changes the cluster and needs only %v", r.Method, r.Path, need)
		}
	}
}
