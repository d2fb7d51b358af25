package access

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"

	"tocsin/fsm/model"
)

// TokenHeader carries a token where the header Authorization has another use.
const TokenHeader = "X-Tocsin-Token"

// caller is who asks.
type caller struct {
	actor model.Actor
	role  Role
	// stranger: nobody in particular.
	stranger bool
}

// Peer is what the kernel says of the other end of the admin socket.
type Peer struct {
	// UID is the user's number, -1 if it is not known.
	UID int
}

type peerKey struct{}

// WithPeer is the context of a connection to the admin socket.
func WithPeer(ctx context.Context, p Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, p)
}

// forwarding are the headers by which proxies say that a request is not their
// own.
var forwarding = [...]string{
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Real-Ip", "Via",
}

// byPlace is who asks, going by where he is: at the node's own machine, or
// nobody in particular.
func (g *Gate) byPlace(r *http.Request, n *known) caller {
	if p, ok := r.Context().Value(peerKey{}).(Peer); ok {
		name := "unix"
		if p.UID >= 0 {
			name += ":" + strconv.Itoa(p.UID)
		}
		return caller{actor: model.Actor{Name: name}, role: Admin}
	}
	if local(r) {
		return caller{actor: model.Actor{Name: Local}, role: Admin}
	}
	return caller{actor: model.Actor{Name: Anonymous, Address: address(r)}, role: n.anonymous, stranger: true}
}

// local reports whether a request comes from this machine. What is looked at is
// the peer of the connection; a forwarding header only ever says no, because then
// the peer is a proxy that speaks for somebody else. So does HTTP/1.0, which is
// what nginx speaks to what is behind it unless it is told otherwise: without a
// header of its own, and asking for the address that it was given. The host asked
// for must be loopback, too: a web page whose name was made to point to 127.0.0.1
// has its own name there, and a proxy that only moves bytes has the machine's.
func local(r *http.Request) bool {
	if !r.ProtoAtLeast(1, 1) {
		return false
	}
	for _, h := range forwarding {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	ip := net.ParseIP(address(r))
	return ip != nil && ip.IsLoopback() && isLoopback(r.Host)
}

func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// address is the host that the connection comes from.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// credential is what a request brings to say who asks.
type credential struct {
	// secret is that of a token, or what was given for it; empty: none.
	secret string
	// user is one of the web configuration's, whom exporter-toolkit has let in.
	user string
}

// credentialOf reads a request's. A browser asks its user for a name and a
// password: the password is the token, whatever the name, unless the node has
// users of its own, whose passwords were checked before.
func (g *Gate) credentialOf(r *http.Request) credential {
	var c credential
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		c.secret = strings.TrimSpace(value)
	case strings.EqualFold(scheme, "Basic"):
		user, password, ok := r.BasicAuth()
		switch {
		case !ok:
		case g.users.has(user):
			c.user = user
		default:
			c.secret = password
		}
	}
	if own := r.Header.Get(TokenHeader); own != "" {
		c.secret = own
	}
	return c
}
