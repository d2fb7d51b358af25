package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
)

// The limits of connections. A body may take a minute; an answer five, so that
// a reader who stops reading does not hold a place for good (GET /alerts moves
// that end while the reader reads). Idle connections live longer than the five
// minutes after which Prometheus drops its own, so that neither side sends into
// a connection that the other is just closing.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = time.Minute
	writeTimeout      = 5 * time.Minute
	idleTimeout       = 6 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// serving are the HTTP servers under way: one a listener, because
// exporter-toolkit changes the server that it is given.
type serving struct {
	mu     sync.Mutex
	all    []*http.Server
	closed bool
}

// HTTPServer is a new net/http server around Handler with the limits that this
// package wants. Serve makes its own.
func (s *Server) HTTPServer() *http.Server {
	return &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
}

// Serve answers requests on all listeners until Shutdown, then returns nil. It
// logs `msg="Listening on" address=…` for each. If one fails, all end, and the
// error is that one's. Call it once.
func (s *Server) Serve(listeners ...net.Listener) error {
	var wg sync.WaitGroup
	errs := make(chan error, len(listeners))
	for _, l := range listeners {
		srv, ok := s.serving.add(s.HTTPServer())
		if !ok {
			_ = l.Close()
			continue
		}
		wg.Go(func() { errs <- s.serveOne(l, srv) })
	}
	go func() {
		wg.Wait()
		close(errs)
	}()
	var failed error
	for err := range errs {
		if err != nil && failed == nil {
			failed = err
			s.serving.close()
		}
	}
	return failed
}

func (s *Server) serveOne(l net.Listener, srv *http.Server) error {
	err := web.Serve(l, srv, &web.FlagConfig{WebConfigFile: &s.opts.Web.ConfigFile}, s.opts.Logger)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve HTTP on %s: %w", l.Addr(), err)
}

// Shutdown stops taking requests and waits for those under way until ctx ends;
// then it cuts them off and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	all := s.serving.stop()
	errs := make(chan error, len(all))
	for _, srv := range all {
		go func() {
			err := srv.Shutdown(ctx)
			if err != nil {
				_ = srv.Close()
			}
			errs <- err
		}()
	}
	var joined error
	for range all {
		joined = errors.Join(joined, <-errs)
	}
	if joined != nil {
		return fmt.Errorf("shut down the HTTP server: %w", joined)
	}
	return nil
}

func (v *serving) add(srv *http.Server) (*http.Server, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		v.all = append(v.all, srv)
	}
	return srv, !v.closed
}

func (v *serving) stop() []*http.Server {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	return v.all
}

func (v *serving) close() {
	for _, srv := range v.stop() {
		_ = srv.Close()
	}
}
