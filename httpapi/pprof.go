package httpapi

import (
	"net/http"
	"net/http/pprof"

	"github.com/labstack/echo/v4"
)

// routePprof serves Go's profiles where the operator asked for them.
func (s *Server) routePprof(g *echo.Group) {
	if !s.opts.Web.Pprof {
		return
	}
	for name, h := range map[string]http.HandlerFunc{
		"cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
	} {
		g.GET("/debug/pprof/"+name, echo.WrapHandler(h))
		g.POST("/debug/pprof/"+name, echo.WrapHandler(h))
	}
	// The index finds a profile by its path, which it expects to begin with
	// /debug/pprof/.
	index := http.StripPrefix(s.prefix, http.HandlerFunc(pprof.Index))
	g.GET("/debug/pprof/*", echo.WrapHandler(index))
}
