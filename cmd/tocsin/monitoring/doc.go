// Package monitoring is what an operator's own Prometheus and Grafana need to
// watch a cluster: alerting rules and a dashboard, kept in this program so that
// they fit the metrics of this very version.
//
// It owns the two, and the list of Alertmanager's metrics that have no meaning
// here. It must not know how a metric is made: the tests scrape a real node and
// compare names.
package monitoring
