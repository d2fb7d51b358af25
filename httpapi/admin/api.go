package admin

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"tocsin/httpapi/access"
	"tocsin/httpapi/view"
)

// Path is the API's base path below the route prefix.
const Path = "/api/tocsin/v1"

// Bounds of what one call may ask for.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Options are what an API is made of; all but Doctor are needed.
type Options struct {
	Cluster  func() view.Cluster
	Versions Versions
	Planner  Planner
	Members  Members
	Joining  Joining
	NodeKeys NodeKeys
	Ledger   Ledger
	Backups  Backups
	// Doctor gathers the facts of all nodes, a list that becomes JSON; nil:
	// none are told.
	Doctor func(context.Context) any
	Audit  Audit
	// Keys are the API tokens.
	Keys    *access.Keys
	Build   view.Build
	Started time.Time
	// Now is the wall clock by which tokens expire.
	Now    func() time.Time
	Logger *slog.Logger
}

// API is Tocsin's own API. It is safe for concurrent use.
type API struct{ opts Options }

// New makes an API.
func New(opts Options) *API { return &API{opts: opts} }

// Register adds the API's routes to g, which is the group of its base path. Who
// may ask what is in the table of package access.
func (a *API) Register(g *echo.Group) {
	g.GET("/status", a.getStatus, noStore)
	g.GET("/config", a.getConfig, noStore)
	g.GET("/config/history", a.getHistory, noStore)
	g.GET("/config/diff", a.getDiff, noStore)
	g.GET("/config/routes", a.getRoutes, noStore)
	g.GET("/config/routes/test", a.testRoutes, noStore)
	g.GET("/config/:rev", a.getVersion, noStore)
	g.GET("/raft/peers", a.listPeers, noStore)
	g.GET("/raft/autopilot", a.getAutopilot, noStore)
	g.GET("/deliveries", a.getDeliveries, noStore)
	g.GET("/ledger", a.getLedger, noStore)
	g.GET("/doctor", a.getDoctor, noStore)
	g.GET("/openapi.yaml", a.getDescription)
	g.GET("/snapshot", a.getSnapshot, noStore)
	g.GET("/snapshot/schedule", a.getSchedule, noStore)

	g.GET("/audit", a.getAudit, noStore)
	g.GET("/access", a.getAccess, noStore)
	g.PUT("/access", a.setAccess, noStore)
	g.GET("/tokens", a.getTokens, noStore)
	g.POST("/tokens", a.createToken, noStore)
	g.DELETE("/tokens/:name", a.revokeToken, noStore)

	g.POST("/config/check", a.checkConfig, noStore)
	g.POST("/config/plan", a.planConfig, noStore)
	g.POST("/config", a.applyConfig, noStore)
	g.PUT("/config", a.applyConfig, noStore)
	g.POST("/raft/peers", a.addPeer, noStore)
	g.PUT("/raft/autopilot", a.setAutopilot, noStore)
	g.DELETE("/raft/peers/:id", a.changePeer("remove"), noStore)
	g.POST("/raft/peers/:id/promote", a.changePeer("promote"), noStore)
	g.POST("/raft/peers/:id/demote", a.changePeer("demote"), noStore)
	g.PUT("/raft/peers/:id/address", a.changePeer("address"), noStore)
	g.POST("/raft/join", a.join, noStore)
	g.GET("/raft/tokens", a.getJoinTokens, noStore)
	g.POST("/raft/tokens", a.createJoinToken, noStore)
	g.DELETE("/raft/tokens/:id", a.revokeJoinToken, noStore)
	g.PUT("/raft/join-policy", a.setJoinPolicy, noStore)
	g.GET("/raft/security", a.getSecurity, noStore)
	g.POST("/raft/keys/rotate", a.rotateKeys, noStore)
	g.POST("/raft/transfer-leadership", a.transferLeadership, noStore)
	g.POST(RestorePath, a.restoreSnapshot, noStore)
	g.PUT("/snapshot/schedule", a.setSchedule, noStore)
}

func noStore(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "no-store")
		return next(c)
	}
}

// limitOf reads the parameter limit.
func limitOf(c echo.Context) (int, error) {
	text := c.QueryParam("limit")
	if text == "" {
		return DefaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > MaxLimit {
		return 0, badRequest("limit must be a number from 1 to 1000", "leave it out for 100")
	}
	return n, nil
}
