package httpapi

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// getLimit bounds the GETs under way. What is over the limit is refused at
// once rather than queued, as Alertmanager does.
type getLimit struct {
	slots    chan struct{}
	prefix   string
	inFlight prometheus.Gauge
	refused  prometheus.Counter
}

func newGetLimit(n int, prefix string, reg prometheus.Registerer) *getLimit {
	get := prometheus.Labels{"method": "get"}
	return &getLimit{
		slots:  make(chan struct{}, n),
		prefix: prefix,
		inFlight: promauto.With(reg).NewGauge(prometheus.GaugeOpts{
			Name: "alertmanager_http_requests_in_flight", ConstLabels: get,
			Help: "Current number of HTTP requests being processed.",
		}),
		refused: promauto.With(reg).NewCounter(prometheus.CounterOpts{
			Name: "alertmanager_http_concurrency_limit_exceeded_total", ConstLabels: get,
			Help: "Total number of times an HTTP request failed because the concurrency limit was reached.",
		}),
	}
}

// exempt are the paths that tell whether the node lives: they must answer when
// everything else is busy.
func exempt(path string) bool {
	switch path {
	case "/-/healthy", "/-/ready", "/-/quorum", "/metrics":
		return true
	default:
		return false
	}
}

func (l *getLimit) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || exempt(below(l.prefix, r.URL.Path)) {
			next.ServeHTTP(w, r)
			return
		}
		select {
		case l.slots <- struct{}{}:
		default:
			l.refused.Inc()
			http.Error(w, fmt.Sprintf("Limit of concurrent GET requests reached (%d), try again later.\n", cap(l.slots)),
				http.StatusServiceUnavailable)
			return
		}
		l.inFlight.Inc()
		defer func() {
			<-l.slots
			l.inFlight.Dec()
		}()
		next.ServeHTTP(w, r)
	})
}
