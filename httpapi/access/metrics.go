package access

import "github.com/prometheus/client_golang/prometheus"

// expiries tells when tokens expire, as the records say at each scrape. Tokens for
// ever have none. There are at most as many series as there are records of a kind.
type expiries struct{ keys *Keys }

var expiryDesc = prometheus.NewDesc(
	"tocsin_api_token_expiry_timestamp_seconds",
	"When an API token expires, in seconds since the epoch.",
	[]string{"name", "role"}, nil,
)

// Describe is for the registry.
func (e expiries) Describe(ch chan<- *prometheus.Desc) { ch <- expiryDesc }

// Collect is for the registry.
func (e expiries) Collect(ch chan<- prometheus.Metric) {
	for _, t := range e.keys.Tokens() {
		if t.Expires != 0 {
			ch <- prometheus.MustNewConstMetric(expiryDesc, prometheus.GaugeValue, float64(t.Expires)/1000, t.Name, t.Role.String())
		}
	}
}
