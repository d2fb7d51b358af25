package access

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Options are what a Gate is made of; Keys and Now are needed.
type Options struct {
	Keys *Keys
	// WebConfigFile is exporter-toolkit's file, whose users have been checked
	// before; may be empty.
	WebConfigFile string
	// Prefix is the route prefix, without a slash at its end.
	Prefix     string
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Gate lets requests through whose caller has the role that their route needs.
// It is safe for concurrent use once it is bound.
type Gate struct {
	keys     *Keys
	users    users
	prefix   string
	logger   *slog.Logger
	failures *throttle
	said     *throttle
	refused  *prometheus.CounterVec
	needs    map[string]need
}

// need is what one route needs.
type need struct {
	role Role
	// own: it is of Tocsin's own API.
	own bool
}

// NewGate makes a gate.
func NewGate(o Options) *Gate {
	if o.Registerer != nil {
		o.Registerer.MustRegister(expiries{o.Keys})
	}
	return &Gate{
		keys: o.Keys, users: users{o.WebConfigFile}, prefix: o.Prefix, logger: o.Logger,
		failures: newThrottle(o.Now), said: newThrottle(o.Now), needs: map[string]need{},
		refused: promauto.With(o.Registerer).NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_http_access_refused_total",
			Help: "Requests that were refused, or that were taken for an unknown caller's because of a bad token, by reason.",
		}, []string{"reason"}),
	}
}

// Bind tells the gate the routes. Call it before the first request.
func (g *Gate) Bind(routes []*echo.Route) {
	for _, r := range routes {
		path := strings.TrimPrefix(r.Path, g.prefix)
		role, _ := needOf(r.Method, path)
		g.needs[r.Method+" "+r.Path] = need{role, strings.HasPrefix(path, ownPath)}
	}
}

// Unlisted are the routes that have no row in the table, as method and path.
func (g *Gate) Unlisted(routes []*echo.Route) []string {
	var out []string
	for _, r := range routes {
		path := strings.TrimPrefix(r.Path, g.prefix)
		if _, ok := needOf(r.Method, path); !ok {
			out = append(out, r.Method+" "+path)
		}
	}
	return out
}

// Middleware is what each request meets behind the router. What has no route is
// left to the router's own answer.
func (g *Gate) Middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		need, routed := g.needs[c.Request().Method+" "+c.Path()]
		if !routed {
			return next(c)
		}
		who, err := g.admit(c.Request(), need)
		if err != nil {
			g.refuse(c, who, err)
			return err
		}
		c.SetRequest(c.Request().WithContext(WithActor(c.Request().Context(), who.actor)))
		return next(c)
	}
}

// admit finds out who asks, and whether he may.
func (g *Gate) admit(r *http.Request, need need) (caller, *Refusal) {
	n := g.keys.current()
	who, err := g.identify(r, n, need)
	if err != nil {
		return who, err
	}
	role := who.role
	if who.stranger && need.own {
		// Alertmanager lets everybody silence; what is ours lets nobody in
		// particular do more than read.
		role = min(role, Viewer)
	}
	switch {
	case role.Allows(need.role):
		return who, nil
	case who.stranger:
		return who, noToken(need.role, need.own, len(n.byID) > 0)
	default:
		return who, wrongRole(role, need.role)
	}
}

// identify finds out who asks. Credentials mean something only where there are
// tokens: before that a node takes any, as Alertmanager does.
func (g *Gate) identify(r *http.Request, n *known, need need) (caller, *Refusal) {
	who := g.byPlace(r, n)
	given := g.credentialOf(r)
	if given.user != "" {
		who.actor.Name = "user:" + given.user
		if who.stranger {
			who.role, who.stranger = Operator, false
		}
	}
	if given.secret == "" || len(n.byID) == 0 {
		return who, nil
	}
	t, err := g.keys.find(n, given.secret)
	if err == nil {
		who.actor.Name = "token:" + t.Name
		who.role, who.stranger = t.Role, false
		return who, nil
	}
	refusal := badToken(err)
	if need.role == None || need.role == Ingest && n.anonymous.Allows(Ingest) {
		// An alert that nobody in particular may post is not lost because the
		// token that came with it has expired.
		g.refused.WithLabelValues(refusal.reason).Inc()
		who.actor.Name = Anonymous
		who.role, who.stranger = n.anonymous, true
		return who, nil
	}
	if !g.failures.take(address(r)) {
		return who, throttled()
	}
	return who, refusal
}

func (g *Gate) refuse(c echo.Context, who caller, r *Refusal) {
	g.refused.WithLabelValues(r.reason).Inc()
	h := c.Response().Header()
	switch r.Status {
	case http.StatusUnauthorized:
		h.Add("WWW-Authenticate", `Basic realm="Tocsin: the password is a token", charset="UTF-8"`)
		h.Add("WWW-Authenticate", `Bearer realm="Tocsin"`)
	case http.StatusTooManyRequests:
		h.Set("Retry-After", fmt.Sprint(int(failureEvery.Seconds())))
	}
	if r.reason != reasonNoToken && g.said.take(who.actor.Address) || r.Status == http.StatusForbidden && g.said.take(who.actor.Address) {
		g.logger.Warn("A request was refused", "method", c.Request().Method, "path", c.Path(),
			"who", who.actor.Name, "from", who.actor.Address, "reason", r.reason)
	}
}
