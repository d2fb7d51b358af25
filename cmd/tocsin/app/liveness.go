package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"tocsin/dispatcher"
)

// probeTime bounds what one look at the node's own API may take.
const probeTime = 5 * time.Second

// alive looks whether the API answers and the groups can be got at. Neither the
// disk nor the other nodes have a part in it: a node without them still pages,
// and a restart would not bring them back.
func (n *Node) alive(ctx context.Context) error {
	n.dispatch.Groups(dispatcher.GroupFilter{Receiver: func(string) bool { return false }})
	if n.opts.Settings.Web.ConfigFile != "" || n.WebAddress() == "" {
		return n.answers(ctx) // over TLS, who asks may have to show a certificate
	}
	return n.answersOver(ctx, n.listeners[0].Addr())
}

// answers asks the API without the network.
func (n *Node) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.external.Path+"/-/healthy", nil)
	if err != nil {
		return err
	}
	n.web.Handler().ServeHTTP(unread{http.Header{}}, req)
	return nil // whatever it says, it says something
}

// answersOver asks the API over its listener. Any answer is one.
func (n *Node) answersOver(ctx context.Context, addr net.Addr) error {
	if addr.Network() != "tcp" {
		return n.answers(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return fmt.Errorf("connect to this node's API: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	path := cmp.Or(n.opts.Settings.Web.RoutePrefix, n.external.Path) + "/-/healthy"
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: tocsin-watchdog\r\nConnection: close\r\n\r\n", path); err != nil {
		return fmt.Errorf("ask this node's API: %w", err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("read the answer of this node's API: %w", errors.Join(err, ctx.Err()))
	}
	return nil
}

// unread takes an answer that nobody reads.
type unread struct{ header http.Header }

func (u unread) Header() http.Header       { return u.header }
func (unread) Write(p []byte) (int, error) { return len(p), nil }
func (unread) WriteHeader(int)             {}
