package access

import "strings"

// row is what a route needs. Paths are as the router has them, without the route
// prefix and without a slash at their end.
type row struct {
	method, path string
	need         Role
}

// ownPath is where Tocsin's own API is.
const ownPath = "/api/tocsin/v1"

// table has a row for every route: the only place that says who may do what. A
// route without one needs Admin, and fails a test. It is only read.
var table = [...]row{
	// What load balancers and supervisors ask.
	{"GET", "/-/healthy", None},
	{"HEAD", "/-/healthy", None},
	{"GET", "/-/ready", None},
	{"HEAD", "/-/ready", None},
	{"GET", "/-/quorum", None},
	{"HEAD", "/-/quorum", None},
	{"GET", "/favicon.ico", None},
	{"GET", "/favicon.svg", None},

	{"GET", "/", Viewer},
	{"GET", "/metrics", Viewer},
	{"POST", "/-/reload", Operator},
	{"GET", "/debug/pprof/cmdline", Operator},
	{"POST", "/debug/pprof/cmdline", Operator},
	{"GET", "/debug/pprof/profile", Operator},
	{"POST", "/debug/pprof/profile", Operator},
	{"GET", "/debug/pprof/symbol", Operator},
	{"POST", "/debug/pprof/symbol", Operator},
	{"GET", "/debug/pprof/trace", Operator},
	{"POST", "/debug/pprof/trace", Operator},
	{"GET", "/debug/pprof/*", Operator},

	// Alertmanager's API.
	{"GET", "/api/v2/status", Viewer},
	{"GET", "/api/v2/receivers", Viewer},
	{"GET", "/api/v2/alerts", Viewer},
	{"POST", "/api/v2/alerts", Ingest},
	{"GET", "/api/v2/alerts/groups", Viewer},
	{"GET", "/api/v2/silences", Viewer},
	{"POST", "/api/v2/silences", Operator},
	{"GET", "/api/v2/silence/:silenceID", Viewer},
	{"DELETE", "/api/v2/silence/:silenceID", Operator},
	{"GET", "/api/v1/status", Viewer},
	{"GET", "/api/v1/receivers", Viewer},
	{"GET", "/api/v1/alerts", Viewer},
	{"POST", "/api/v1/alerts", Ingest},
	{"GET", "/api/v1/silences", Viewer},
	{"POST", "/api/v1/silences", Operator},
	{"GET", "/api/v1/silence/:sid", Viewer},
	{"DELETE", "/api/v1/silence/:sid", Operator},

	// Tocsin's own.
	{"GET", ownPath + "/openapi.yaml", Viewer},
	{"GET", ownPath + "/status", Viewer},
	{"GET", ownPath + "/config", Viewer},
	{"POST", ownPath + "/config", Admin},
	{"PUT", ownPath + "/config", Admin},
	{"GET", ownPath + "/config/:rev", Viewer},
	{"POST", ownPath + "/config/check", Operator},
	{"POST", ownPath + "/config/plan", Operator},
	{"GET", ownPath + "/config/diff", Viewer},
	{"GET", ownPath + "/config/history", Viewer},
	{"GET", ownPath + "/config/routes", Viewer},
	{"GET", ownPath + "/config/routes/test", Viewer},
	{"GET", ownPath + "/deliveries", Viewer},
	{"GET", ownPath + "/doctor", Operator},
	{"GET", ownPath + "/ledger", Viewer},
	{"GET", ownPath + "/raft/peers", Viewer},
	{"POST", ownPath + "/raft/peers", Admin},
	{"DELETE", ownPath + "/raft/peers/:id", Admin},
	{"POST", ownPath + "/raft/peers/:id/promote", Admin},
	{"POST", ownPath + "/raft/peers/:id/demote", Admin},
	{"PUT", ownPath + "/raft/peers/:id/address", Admin},
	{"GET", ownPath + "/raft/autopilot", Viewer},
	{"PUT", ownPath + "/raft/autopilot", Admin},
	{"POST", ownPath + "/raft/join", Admin},
	{"PUT", ownPath + "/raft/join-policy", Admin},
	{"POST", ownPath + "/raft/keys/rotate", Admin},
	{"GET", ownPath + "/raft/security", Viewer},
	{"GET", ownPath + "/raft/tokens", Admin},
	{"POST", ownPath + "/raft/tokens", Admin},
	{"DELETE", ownPath + "/raft/tokens/:id", Admin},
	{"POST", ownPath + "/raft/transfer-leadership", Admin},
	{"GET", ownPath + "/snapshot", Admin}, // it holds every secret
	{"POST", ownPath + "/snapshot/restore", Admin},
	{"GET", ownPath + "/snapshot/schedule", Viewer},
	{"PUT", ownPath + "/snapshot/schedule", Admin},
	{"GET", ownPath + "/audit", Operator},
	{"GET", ownPath + "/access", Admin},
	{"PUT", ownPath + "/access", Admin},
	{"GET", ownPath + "/tokens", Admin},
	{"POST", ownPath + "/tokens", Admin},
	{"DELETE", ownPath + "/tokens/:name", Admin},
}

// needOf is what the row of a route says; false if there is none.
func needOf(method, path string) (Role, bool) {
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	if path == "" {
		path = "/"
	}
	for _, r := range table {
		if r.method == method && r.path == path {
			return r.need, true
		}
	}
	return Admin, false
}

// Routes are all rows of the table, as method, a space and path. It is for tests.
func Routes() []string {
	all := make([]string, 0, len(table))
	for _, r := range table {
		all = append(all, r.method+" "+r.path)
	}
	return all
}

// Need is what a route needs: method, and path as in the table. It is for tests;
// false says that there is no row.
func Need(method, path string) (Role, bool) { return needOf(method, path) }
