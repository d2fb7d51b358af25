package chaos

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"
)

// balancer is an HTTP load balancer that gives each request to the next node in
// turn, and leaves those out that do not take connections.
type balancer struct {
	srv    *http.Server
	cancel context.CancelFunc
	done   chan struct{}
	nodes  []*Node
	alive  [nodes]atomic.Bool
	next   atomic.Uint64
}

func newBalancer(h *Host, list []*Node) (*balancer, error) {
	l, err := h.Listen(webPort)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	b := &balancer{cancel: cancel, done: make(chan struct{}), nodes: list}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(b.pick()) },
		Transport: &http.Transport{DialContext: h.Dial, MaxIdleConnsPerHost: 4, ResponseHeaderTimeout: postLimit},
		ErrorLog:  slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	b.srv = &http.Server{Handler: proxy, ReadHeaderTimeout: postLimit}
	go func() { _ = b.srv.Serve(l) }() // it ends when it is closed
	go b.check(ctx, h)
	return b, nil
}

func (b *balancer) close() {
	b.cancel()
	_ = b.srv.Close() // nobody waits for an answer any more
	<-b.done
}

// pick is the next node that lives, or just the next one.
func (b *balancer) pick() *url.URL {
	n := b.next.Add(1)
	for i := range uint64(nodes) {
		if k := (n + i) % nodes; b.alive[k].Load() {
			n = k
			break
		}
	}
	return &url.URL{Scheme: "http", Host: hostPort(b.nodes[n%nodes])}
}

func hostPort(n *Node) string { return n.URL()[len("http://"):] }

// check tries every second who lives.
func (b *balancer) check(ctx context.Context, h *Host) {
	defer close(b.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		for i, n := range b.nodes {
			one, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
			var c net.Conn
			c, err := h.Dial(one, "tcp", hostPort(n))
			cancel()
			if err == nil {
				_ = c.Close()
			}
			b.alive[i].Store(err == nil)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
