// Package v2 serves Alertmanager's API v2 so that its clients (Prometheus,
// amtool, Grafana, Karma, generated ones) see no difference: the same paths,
// parameters, status codes, texts and orders, and both of its shapes of errors:
// an object of code and message where the request itself is wrong, a JSON
// string where the handler says no.
//
// It owns the reading of parameters and bodies and the writing of answers. The
// two lists that grow, of alerts and of groups, are written by hand into a
// reused buffer and sent while they are made. It knows no Raft and no store:
// what it reads and writes is behind the interfaces in ports.go.
//
// Where it differs from Alertmanager 0.34, on purpose:
//
//   - A body of [null], and null among a silence's matchers, is answered with
//     400 or 422; Alertmanager drops the connection.
//   - A silence with several matcher sets is listed: "matchers" is its first
//     set, and "matcherSets" has all of them. Alertmanager answers the whole
//     listing with 500. POST /silences takes "matcherSets" too. A client that
//     knows of "matchers" only and sends such a silence back keeps its sets.
//   - Writes without a quorum are answered with 503, Retry-After and a sentence
//     in a JSON string.
//   - Bodies are bounded: 413.
//   - Silences with equal times are listed by ID, so that lists do not flicker.
package v2
