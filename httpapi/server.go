package httpapi

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"tocsin/httpapi/access"
	"tocsin/httpapi/admin"
	"tocsin/httpapi/intake"
	"tocsin/httpapi/ui"
	"tocsin/httpapi/v1"
	"tocsin/httpapi/v2"
)

// Server answers all HTTP requests of a node. It is made by New and safe for
// concurrent use.
type Server struct {
	opts    Options
	prefix  string
	echo    *echo.Echo
	metrics *metrics
	handler http.Handler
	faults  []faultOf
	gate    *access.Gate
	serving serving
}

// faultOf says who answers errors below a path.
type faultOf struct {
	below string
	fault echo.HTTPErrorHandler
}

// New makes a server of opts and registers its metrics. Its error is
// ErrOptions, or one of registering.
func New(opts Options) (*Server, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	s := &Server{
		opts:    opts,
		prefix:  opts.Web.prefix(),
		echo:    echo.New(),
		metrics: newMetrics(opts.Registerer),
	}
	if err := s.route(); err != nil {
		return nil, fmt.Errorf("make the HTTP server: %w", err)
	}
	s.handler = s.chain(s.echo)
	return s, nil
}

// Handler is all of the server but the listeners, their TLS and their users.
func (s *Server) Handler() http.Handler { return s.handler }

// chain puts what every request meets around the router, outermost first:
// metrics, recovery, time, crowd, bodies, queries.
func (s *Server) chain(h http.Handler) http.Handler {
	h = boundQuery(h)
	h = newBodies(s.opts.Web.MaxBodyBytes).wrap(h)
	h = newGetLimit(s.opts.Web.GetConcurrency, s.prefix, s.opts.Registerer).wrap(h)
	if d := s.opts.Web.Timeout; d > 0 {
		h = http.TimeoutHandler(h, d, fmt.Sprintf("Exceeded configured timeout of %v.\n", d))
	}
	return s.metrics.wrap(s.recover(h))
}

func (s *Server) route() error {
	e := s.echo
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = s.fault
	e.Use(s.metrics.note)
	if err := s.useOrigins(); err != nil {
		return err
	}
	e.Use(s.refuseOptions)
	s.gate = access.NewGate(access.Options{
		Keys: s.opts.Keys, WebConfigFile: s.opts.Web.ConfigFile, Prefix: s.prefix,
		Now: s.opts.Now, Logger: s.opts.Logger, Registerer: s.opts.Registerer,
	})
	e.Use(s.gate.Middleware)

	root := e.Group(s.prefix)
	s.routeHealth(root)
	s.routePprof(root)
	if err := s.routeAPIs(root); err != nil {
		return err
	}
	if s.prefix != "" {
		s.routeOutside()
	}
	s.metrics.name(s.prefix, e.Routes())
	s.gate.Bind(e.Routes())
	return nil
}

func (s *Server) routeAPIs(root *echo.Group) error {
	door := intake.New(intake.Options{
		Decoder: s.opts.Decoder, Dispatcher: s.opts.Dispatcher, Config: s.opts.Config,
		Registerer: s.opts.Registerer, Logger: s.opts.Logger, Now: s.opts.Now,
	})
	two := v2.New(s.opts.v2(door))
	one := v1.New(s.opts.v1(door))
	own := admin.New(s.opts.admin())
	page, err := ui.New(s.opts.ui())
	if err != nil {
		return err
	}
	two.Register(root.Group("/api/v2"))
	one.Register(root.Group("/api/v1"))
	own.Register(root.Group(admin.Path))
	page.Register(root)
	s.faults = []faultOf{
		{"/api/v2", two.Fault}, {admin.Path, own.Fault},
	}
	return nil
}

// routeOutside leads visitors of the bare host to the prefix, as Alertmanager
// does; nothing else is served outside of it.
func (s *Server) routeOutside() {
	s.echo.GET("/", func(c echo.Context) error { return c.Redirect(http.StatusFound, s.prefix) })
	s.echo.GET(s.prefix, func(c echo.Context) error {
		return c.Redirect(http.StatusMovedPermanently, s.prefix+"/")
	})
}

// fault answers errors in the shape of the API that they belong to.
func (s *Server) fault(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	path := below(s.prefix, c.Request().URL.Path)
	for _, f := range s.faults {
		if path == f.below || strings.HasPrefix(path, f.below+"/") {
			f.fault(err, c)
			return
		}
	}
	plainFault(err, c)
}
