package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// unmatched is the handler label of requests that no route takes, and of those
// refused before routing.
const unmatched = "unmatched"

// metrics are of all requests, by route. The route is known only deep inside,
// so the request carries a place to write it to.
type metrics struct {
	duration *prometheus.HistogramVec
	size     *prometheus.HistogramVec
	panics   prometheus.Counter
	labels   map[string]string
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	return &metrics{
		duration: f.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            "alertmanager_http_request_duration_seconds",
			Help:                            "Histogram of latencies for HTTP requests.",
			Buckets:                         prometheus.DefBuckets,
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"handler", "method", "code"}),
		size: f.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "alertmanager_http_response_size_bytes",
			Help:    "Histogram of response size for HTTP requests.",
			Buckets: prometheus.ExponentialBuckets(100, 10, 7),
		}, []string{"handler", "method"}),
		panics: f.NewCounter(prometheus.CounterOpts{
			Name: "tocsin_http_panics_total",
			Help: "Requests whose handler failed by a defect of the program.",
		}),
		labels: map[string]string{},
	}
}

type routeKey struct{}

// routed is where the router writes the label of the route that it found. A
// request that timed out may still be routed then, hence the atomic.
type routed struct{ label atomic.Pointer[string] }

// wrap measures all that next answers.
func (m *metrics) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		place, out := &routed{}, &countingWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			handler := unmatched
			if l := place.label.Load(); l != nil {
				handler = *l
			}
			method := methodLabel(r.Method)
			m.duration.WithLabelValues(handler, method, strconv.Itoa(out.status)).Observe(time.Since(start).Seconds())
			m.size.WithLabelValues(handler, method).Observe(float64(out.bytes))
		}()
		next.ServeHTTP(out, r.WithContext(context.WithValue(r.Context(), routeKey{}, place)))
	})
}

// name gives every route its label: its pattern without the prefix, with
// parameters as Alertmanager writes them.
func (m *metrics) name(prefix string, routes []*echo.Route) {
	for _, r := range routes {
		label := r.Path
		if rest := below(prefix, label); rest != "" {
			label = rest
		}
		if len(label) > 1 {
			label = strings.TrimSuffix(label, "/")
		}
		parts := strings.Split(label, "/")
		for i, p := range parts {
			if name, ok := strings.CutPrefix(p, ":"); ok {
				parts[i] = "{" + name + "}"
			}
		}
		m.labels[r.Path] = strings.Join(parts, "/")
	}
}

// note is echo's part: it names the route for wrap.
func (m *metrics) note(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if place, ok := c.Request().Context().Value(routeKey{}).(*routed); ok {
			if label, known := m.labels[c.Path()]; known {
				place.label.Store(&label)
			}
		}
		return next(c)
	}
}

// countingWriter remembers the status and counts the bytes of an answer.
type countingWriter struct {
	http.ResponseWriter
	status  int
	bytes   int64
	written bool
}

func (w *countingWriter) WriteHeader(status int) {
	if !w.written && status >= 200 {
		w.status, w.written = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.written = true
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Flush makes the writer a Flusher, which net/http/pprof asks for.
func (w *countingWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap is for http.ResponseController.
func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// methodLabel bounds the method label; the words are promhttp's.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, "":
		return "get"
	case http.MethodPost:
		return "post"
	case http.MethodPut:
		return "put"
	case http.MethodDelete:
		return "delete"
	case http.MethodHead:
		return "head"
	case http.MethodOptions:
		return "options"
	case http.MethodPatch:
		return "patch"
	default:
		return "unknown"
	}
}
