package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/labstack/echo/v4"

	"tocsin/httpapi/access"
)

// plainFault answers errors outside of the APIs, in the words of the router
// that Alertmanager uses.
func plainFault(err error, c echo.Context) {
	status := http.StatusInternalServerError
	var he *echo.HTTPError
	if errors.As(err, &he) {
		status = he.Code
	}
	text := http.StatusText(status)
	var no *access.Refusal
	if errors.As(err, &no) {
		status, text = no.Status, no.Error()
	}
	if status == http.StatusNotFound {
		text = "404 page not found"
	}
	http.Error(c.Response(), text, status)
}

// refuseOptions treats OPTIONS as any other wrong method below /api/; where
// cross-origin calls are allowed, their preflight has been answered before.
func (s *Server) refuseOptions(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.Method == http.MethodOptions && strings.HasPrefix(below(s.prefix, r.URL.Path), "/api/") {
			if c.Get(echo.ContextKeyHeaderAllow) == nil {
				return echo.ErrNotFound
			}
			return echo.MethodNotAllowedHandler(c)
		}
		return next(c)
	}
}

// recover answers 500 where a handler fails by a defect, rather than to drop
// the connection without a word. An answer that has begun is broken off, so that
// its reader does not take it for whole.
func (s *Server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			s.metrics.panics.Inc()
			s.opts.Logger.LogAttrs(r.Context(), slog.LevelError, "A request failed by a defect of the program",
				slog.String("method", r.Method), slog.String("path", r.URL.Path),
				slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			if out, ok := w.(*countingWriter); ok && out.written {
				panic(http.ErrAbortHandler)
			}
			http.Error(w, "This request hit a defect of the program; it is in the log.", http.StatusInternalServerError)
		}()
		next.ServeHTTP(w, r)
	})
}
