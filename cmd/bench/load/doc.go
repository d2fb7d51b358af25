// Package load is the work that servers are measured with: bodies of alerts,
// requests that post and get, and a webhook that takes notifications.
//
// It owns the shape of the load, which is the same for every server, and is
// bounded: so many alerts, so many requests, so many connections. It must not
// know which server it talks to, or how that is run.
package load
