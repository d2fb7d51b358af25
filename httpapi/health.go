package httpapi

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tocsin/httpapi/refusal"
)

// routeHealth serves what load balancers, supervisors and Prometheus ask.
func (s *Server) routeHealth(g *echo.Group) {
	for path, h := range map[string]echo.HandlerFunc{
		"/-/healthy": s.healthy, "/-/ready": s.ready, "/-/quorum": s.quorum,
	} {
		g.GET(path, h)
		g.HEAD(path, h)
	}
	g.POST("/-/reload", s.reload)
	if s.opts.Gatherer != nil {
		g.GET("/metrics", echo.WrapHandler(promhttp.InstrumentMetricHandler(s.opts.Registerer,
			promhttp.HandlerFor(s.opts.Gatherer, promhttp.HandlerOpts{}))))
	}
}

// healthy: the process listens and answers. It says nothing of the cluster: a
// node that is cut off is healthy, it still pages.
func (s *Server) healthy(c echo.Context) error { return text(c, http.StatusOK, "OK") }

// ready: the node can take alerts.
func (s *Server) ready(c echo.Context) error {
	if err := s.opts.Ready(); err != nil {
		return text(c, http.StatusServiceUnavailable, fmt.Sprintf("Not ready: %v.\n", err))
	}
	return text(c, http.StatusOK, "OK")
}

// quorum: the cluster can take writes through this node.
func (s *Server) quorum(c echo.Context) error {
	st := s.opts.Cluster()
	leader := st.LeaderName()
	if !st.Quorum.Held {
		r := &refusal.Refusal{Leader: leader}
		c.Response().Header().Set("Retry-After", r.Header())
		return text(c, http.StatusServiceUnavailable, r.Error()+"\n")
	}
	return text(c, http.StatusOK, fmt.Sprintf("OK: %s leads, %d of %d voters are in sight.\n",
		leader, st.Quorum.Reachable, st.Quorum.Voters))
}

func (s *Server) reload(c echo.Context) error {
	if err := s.opts.Reload(c.Request().Context()); err != nil {
		status := http.StatusInternalServerError
		if r, ok := refusal.From(err); ok {
			status = http.StatusServiceUnavailable
			c.Response().Header().Set("Retry-After", r.Header())
		}
		http.Error(c.Response(), fmt.Sprintf("failed to reload config: %s", err), status)
	}
	return nil
}

func text(c echo.Context, status int, s string) error {
	if c.Request().Method == http.MethodHead {
		return c.NoContent(status)
	}
	return c.String(status, s)
}
