package ui

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
	"tocsin/httpapi/view"
)

// Alerts are the alerts in this node's memory. *alert.Store is one.
type Alerts interface {
	All() iter.Seq[*alert.Record]
}

// Dispatcher knows where alerts stand. *dispatcher.Dispatcher is one.
type Dispatcher interface {
	Groups(dispatcher.GroupFilter) []dispatcher.GroupView
	Status(*alert.Alert) dispatcher.AlertStatus
}

// Silences are the silences as this node's state has them.
type Silences interface {
	Silences() iter.Seq[*model.Silence]
}

// Versions knows the version of the configuration in force; nil before the
// first.
type Versions interface {
	Active() *model.ConfigVersion
}

// Options are what a Page is made of; all are needed but Prefix.
type Options struct {
	Alerts     Alerts
	Dispatcher Dispatcher
	Silences   Silences
	Versions   Versions
	Cluster    func() view.Cluster
	// Prefix is the route prefix, without a slash at its end.
	Prefix  string
	Build   view.Build
	Started time.Time
	Logger  *slog.Logger
	Now     func() time.Time
}

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed favicon.svg
	favicon []byte
)

// Page is the status page. It is safe for concurrent use.
type Page struct {
	opts   Options
	tmpl   *template.Template
	policy string
}

// New makes the page.
func New(opts Options) (*Page, error) {
	p := &Page{opts: opts}
	tmpl, err := template.New("page").Funcs(template.FuncMap{
		"css": func() template.CSS { return template.CSS(pageCSS) },
		"ago": p.ago,
	}).Parse(pageHTML)
	if err != nil {
		return nil, fmt.Errorf("parse the status page: %w", err)
	}
	p.tmpl = tmpl
	sum := sha256.Sum256([]byte(pageCSS))
	p.policy = "default-src 'none'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	return p, nil
}

// Register adds the page's routes to g, the group of the route prefix.
func (p *Page) Register(g *echo.Group) {
	g.GET("/", p.get)
	g.GET("/favicon.ico", getFavicon)
	g.GET("/favicon.svg", getFavicon)
}

func (p *Page) get(c echo.Context) error {
	var out bytes.Buffer
	if err := p.tmpl.Execute(&out, p.data()); err != nil {
		return fmt.Errorf("make the status page: %w", err)
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	return c.HTMLBlob(http.StatusOK, out.Bytes())
}

func getFavicon(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "public, max-age=86400")
	return c.Blob(http.StatusOK, "image/svg+xml", favicon)
}
