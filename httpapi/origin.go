package httpapi

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// corsMaxAge is how long browsers may keep a preflight's answer, in seconds.
const corsMaxAge = 600

// useOrigins decides what web pages of other origins may do: call API v2 if the
// operator's expression matches their origin, and otherwise nothing that
// changes anything. Requests that come from no browser are not concerned.
func (s *Server) useOrigins() error {
	allowed, err := s.opts.Web.origin()
	if err != nil {
		return err
	}
	s.echo.Use(s.refuseForeign)
	if allowed == nil {
		return nil
	}
	s.echo.Use(middleware.CORSWithConfig(middleware.CORSConfig{
		Skipper:         func(c echo.Context) bool { return !s.inV2(c.Request()) },
		AllowOriginFunc: func(origin string) (bool, error) { return allowed.MatchString(origin), nil },
		AllowMethods:    []string{http.MethodGet, http.MethodPost, http.MethodDelete},
		MaxAge:          corsMaxAge,
	}))
	return nil
}

func (s *Server) inV2(r *http.Request) bool {
	return strings.HasPrefix(below(s.prefix, r.URL.Path), "/api/v2/")
}

// refuseForeign keeps pages of other origins from posting forms at this node.
// API v2 needs no such check: it takes JSON only, which browsers do not send to
// another origin without a preflight.
func (s *Server) refuseForeign(next echo.HandlerFunc) echo.HandlerFunc {
	guard := http.NewCrossOriginProtection()
	return func(c echo.Context) error {
		if r := c.Request(); !s.inV2(r) && guard.Check(r) != nil {
			return echo.NewHTTPError(http.StatusForbidden, "a web page of another origin may not do this")
		}
		return next(c)
	}
}
