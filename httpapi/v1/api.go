package v1

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tocsin/dispatcher/alert"
	"tocsin/httpapi/answer"
	"tocsin/httpapi/intake"
	"tocsin/httpapi/view"
)

// Intake takes posted alerts in. *intake.Door is one.
type Intake interface {
	Take(r *http.Request, version string) (alert.Batch, error)
}

// Options are what an API is made of; all are needed.
type Options struct {
	Intake  Intake
	Cluster func() view.Cluster
	// Config is the active configuration; nil before the first.
	Config  func() *view.Config
	Build   view.Build
	Started time.Time
	Logger  *slog.Logger
}

// API is what is left of Alertmanager's API v1. It is safe for concurrent use.
type API struct{ opts Options }

// New makes an API.
func New(opts Options) *API { return &API{opts: opts} }

// Register adds the API's routes to g, which is the group of its base path.
func (a *API) Register(g *echo.Group) {
	g.POST("/alerts", a.postAlerts)
	g.GET("/status", a.getStatus)

	g.GET("/receivers", a.removed)
	g.GET("/alerts", a.removed)
	g.GET("/silences", a.removed)
	g.POST("/silences", a.removed)
	g.GET("/silence/:sid", a.removed)
	g.DELETE("/silence/:sid", a.removed)
}

// The shapes of all answers.
type (
	success struct {
		Status string `json:"status"`
		Data   any    `json:"data,omitempty"`
	}
	failure struct {
		Status    string `json:"status"`
		ErrorType string `json:"errorType,omitempty"`
		Error     string `json:"error"`
	}
)

func fail(w http.ResponseWriter, status int, errorType, text string) error {
	answer.JSON(w, status, failure{"error", errorType, text})
	return nil
}

func (a *API) postAlerts(c echo.Context) error {
	noStore(c)
	batch, err := a.opts.Intake.Take(c.Request(), "v1")
	if err != nil {
		if status, text, ok := answer.BodyFault(err); ok {
			return fail(c.Response(), status, "bad_data", text)
		}
		return fail(c.Response(), http.StatusBadRequest, "bad_data", err.Error())
	}
	if complaint := intake.Complaint(&batch); complaint != "" {
		return fail(c.Response(), http.StatusBadRequest, "bad_data", complaint)
	}
	answer.JSON(c.Response(), http.StatusOK, success{Status: "success"})
	return nil
}

// removed answers as Alertmanager does since 0.27.
func (a *API) removed(c echo.Context) error {
	a.opts.Logger.Warn("A removed call of API v1 was made", "path", c.Path(), "method", c.Request().Method, "from", c.RealIP())
	answer.JSON(c.Response(), http.StatusGone, failure{
		Status: "deprecated",
		Error: "The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0 - " +
			"please use the equivalent route in the v2 API",
	})
	return nil
}

func noStore(c echo.Context) {
	c.Response().Header().Set("Cache-Control", "no-cache, no-store, must-revalidate")
}
