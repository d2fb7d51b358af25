// Package admin is Tocsin's own API, below /api/tocsin/v1: what Alertmanager's
// has no words for. It owns its JSON; who may ask what is in the table of package
// access. It knows no Raft and no store, which are behind the interfaces in ports.go.
//
// All bodies and answers are JSON. Names are in snake_case; times are RFC 3339
// in UTC with milliseconds, and left out where there is none. Errors are
//
//	{"error": "what is wrong", "hint": "what to do about it"}
//
// with 400 (the request), 403 (may not), 404, 405, 409 (changed by somebody
// else meanwhile), 413, 422 (the configuration has problems; then "problems"
// lists them), 500, and 503 with Retry-After (no quorum).
//
// Reading:
//
//	GET /status                    the node, its cluster, quorum, indexes
//	GET /config                    the active version, secrets masked
//	GET /config/{rev}              any version that is kept, secrets masked
//	GET /config/history?limit=     versions without their texts, newest first
//	GET /config/diff?from=&to=     how two versions differ, secrets masked; without
//	                               parameters the active one and the one before
//	GET /config/routes?rev=        the routing tree
//	GET /config/routes/test        where an alert goes; label=NAME=VALUE, repeated
//	GET /openapi.yaml              this API in OpenAPI 3.0
//	GET /raft/peers                the nodes
//	GET /deliveries                the delivery history, newest first; parameters
//	                               receiver, group, integration, outcome (sent,
//	                               failed, expired), before (a seq), limit
//	GET /doctor                    facts of all nodes for `tocsin doctor`
//	GET /audit                     what people changed, newest first; parameters
//	                               who, action, target, since, until, before, limit
//	GET /access                    what those without a token may do
//	GET /tokens                    the API tokens, without their secrets
//	GET /ledger                    what receivers were told; parameters receiver,
//	                               group, integration, claimed (true: with a live
//	                               claim only), limit
//
// limit is 100 unless given, at most 1000.
//
// Writing:
//
//	POST /config/check             {yaml, templates:[{name,text}]} → {problems:[…]}
//	POST /config/plan              the same body → what it would change now: alerts
//	                               that go elsewhere, what would be told, whom
//	                               nobody would tell the end, who cannot load it
//	POST /config, PUT /config      {yaml, templates, author, comment, base_rev}
//	                               → {rev, hash}; base_rev 0 or absent means that
//	                               any version may be active now. The header
//	                               If-Match: "<rev>" says the same. from_rev
//	                               instead of yaml and templates brings back the
//	                               texts of an older version. What runs already
//	                               makes no version ("unchanged"); a 409 says who
//	                               changed what "since".
//	POST /raft/peers               {id, address, voter (default true)}
//	DELETE /raft/peers/{id}
//	POST /raft/transfer-leadership {id}; without id Raft chooses
//	PUT /access                    {anonymous: none, ingest, viewer or operator}
//	POST /tokens                   {name, role, ttl_seconds} → the token with its
//	                               secret, which is in no other answer
//	DELETE /tokens/{name}
//
// No answer holds a secret of the configuration.
package admin
