package admin

import (
	"net"
	"net/http"

	"github.com/labstack/echo/v4"
)

// forwarding are the headers by which proxies say that a request is not their
// own.
var forwarding = [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"}

// localOnly lets requests through that come from this machine. It is the only
// gate of writes as long as there are no users and tokens. What is looked at is
// the peer of the connection; a forwarding header never opens the gate, it only
// closes it, because then the peer is a proxy that speaks for somebody else.
func (a *API) localOnly(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if local(c.Request()) {
			return next(c)
		}
		a.opts.Logger.Warn("A write from another machine was refused", "path", c.Path(), "from", c.RealIP())
		return &fault{http.StatusForbidden, faultBody{
			Error: "writes are taken from this node's own machine only",
			Hint:  "run the command on the node itself, against 127.0.0.1 and not through a proxy",
		}}
	}
}

func local(r *http.Request) bool {
	for _, h := range forwarding {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
