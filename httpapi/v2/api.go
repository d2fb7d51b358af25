package v2

import (
	"log/slog"
	"time"

	"github.com/labstack/echo/v4"

	"tocsin/httpapi/view"
)

// Options are what an API is made of; all are needed.
type Options struct {
	Alerts     Alerts
	Dispatcher Dispatcher
	Silences   Silences
	Writer     Writer
	Intake     Intake
	Cluster    func() view.Cluster
	// Config is the active configuration; nil before the first.
	Config  func() *view.Config
	Build   view.Build
	Started time.Time
	// MaxSilenceBytes bounds the size of a silence; 0 or less is no bound but
	// that of the body.
	MaxSilenceBytes int
	Logger          *slog.Logger
	Now             func() time.Time
}

// API is Alertmanager's API v2. It is safe for concurrent use.
type API struct{ opts Options }

// New makes an API.
func New(opts Options) *API { return &API{opts: opts} }

// Register adds the API's routes to g, which is the group of its base path.
// Each is there with a slash at its end too.
func (a *API) Register(g *echo.Group) {
	for _, slash := range []string{"", "/"} {
		g.GET("/status"+slash, a.read(a.getStatus))
		g.GET("/receivers"+slash, a.read(a.getReceivers))
		g.GET("/alerts"+slash, a.read(a.getAlerts))
		g.POST("/alerts"+slash, a.write(a.postAlerts))
		g.GET("/alerts/groups"+slash, a.read(a.getGroups))
		g.GET("/silences"+slash, a.read(a.getSilences))
		g.POST("/silences"+slash, a.write(a.postSilence))
		g.GET("/silence/:silenceID"+slash, a.read(a.getSilence))
		g.DELETE("/silence/:silenceID"+slash, a.read(a.deleteSilence))
	}
}

// read is what every call meets first.
func (a *API) read(h echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "no-store")
		if err := acceptable(c.Request()); err != nil {
			return err
		}
		return h(c)
	}
}

// write is what calls with a body meet first.
func (a *API) write(h echo.HandlerFunc) echo.HandlerFunc {
	return a.read(func(c echo.Context) error {
		if err := jsonBody(c.Request()); err != nil {
			return err
		}
		return h(c)
	})
}

// config is the active configuration, or an empty one before the first.
func (a *API) config() *view.Config {
	if c := a.opts.Config(); c != nil {
		return c
	}
	return &view.Config{ResolveTimeout: view.DefaultResolveTimeout}
}
