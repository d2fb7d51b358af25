package rpc

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Handler answers one question. It must return soon after ctx ends. An error
// that is a *Refusal is told as it is; any other counts as VerdictUnknown.
type Handler func(ctx context.Context, kind uint8, body []byte) ([]byte, error)

// Server answers the questions of other nodes.
type Server struct {
	Handler Handler
	// MaxRunning bounds the handlers that run for one connection; more
	// questions wait in the connection. Default 256.
	MaxRunning int
	// MaxConns bounds the connections; more are closed at once. Default 64.
	MaxConns int
	// WriteTimeout bounds sending one answer. Default 10 s.
	WriteTimeout time.Duration
	// IdleTimeout closes a connection on which no whole question has come for
	// that long. Default 10 min.
	IdleTimeout time.Duration
	// FrameTimeout closes a connection on which a question has begun to come
	// and is not whole after that long. Default 10 s.
	FrameTimeout time.Duration
	// MaxBytes bounds the bytes of all questions that are being read or
	// answered. A connection that goes beyond it is closed. Default 64 MiB.
	MaxBytes int
	Logger   *slog.Logger // default: discard
}

// Serve answers what comes in on l until ctx ends or l is closed, and returns
// when all handlers have.
func (s *Server) Serve(ctx context.Context, l net.Listener) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	conns := make(chan struct{}, orDefault(s.MaxConns, 64))
	held := newBudget(orDefault(s.MaxBytes, 64<<20))
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		select {
		case conns <- struct{}{}:
			wg.Go(func() {
				defer func() { <-conns }()
				s.serveConn(ctx, c, held)
			})
		default:
			_ = c.Close()
		}
	}
}

func (s *Server) serveConn(ctx context.Context, c net.Conn, held *budget) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	defer c.Close()
	running := make(chan struct{}, orDefault(s.MaxRunning, 256))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	w := &lockedWriter{conn: c, timeout: orDefault(s.WriteTimeout, 10*time.Second)}
	r := bufio.NewReaderSize(c, 64<<10)
	for {
		f, err := s.next(c, r, held)
		if err != nil {
			if (errors.Is(err, ErrFrame) || errors.Is(err, errBudget)) && s.Logger != nil {
				s.Logger.Warn("closing a connection", "remote", c.RemoteAddr(), "err", err)
			}
			return
		}
		select {
		case running <- struct{}{}:
		case <-ctx.Done():
			held.give(len(f.body))
			return
		}
		wg.Go(func() {
			defer func() { <-running; held.give(len(f.body)) }()
			if _, err := w.write(s.answer(ctx, f)); err != nil {
				cancel()
			}
		})
	}
}

// next is the next question on c.
func (s *Server) next(c net.Conn, r *bufio.Reader, held *budget) (frame, error) {
	if err := c.SetReadDeadline(time.Now().Add(orDefault(s.IdleTimeout, 10*time.Minute))); err != nil {
		return frame{}, err
	}
	if _, err := r.Peek(1); err != nil {
		return frame{}, err
	}
	if err := c.SetReadDeadline(time.Now().Add(orDefault(s.FrameTimeout, 10*time.Second))); err != nil {
		return frame{}, err
	}
	return readFrame(r, held)
}

func (s *Server) answer(ctx context.Context, f frame) frame {
	body, err := s.Handler(ctx, f.kind, f.body)
	if err == nil && len(body) <= MaxBody {
		return frame{id: f.id, kind: uint8(VerdictOK), body: body}
	}
	refusal := &Refusal{Verdict: VerdictUnknown, Text: "answer too large"}
	if err != nil && !errors.As(err, &refusal) {
		refusal.Text = err.Error()
	}
	return frame{id: f.id, kind: uint8(refusal.Verdict), body: []byte(refusal.Text)}
}

// lockedWriter writes whole frames from several goroutines.
type lockedWriter struct {
	mu      sync.Mutex // guards conn's writes and buf
	conn    net.Conn
	timeout time.Duration
	buf     []byte
}

// write reports whether all of f was handed to the connection, also when the
// connection failed then.
func (w *lockedWriter) write(f frame) (whole bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = appendFrame(w.buf[:0], f)
	if cap(w.buf) > 1<<20 {
		defer func() { w.buf = nil }()
	}
	if err := w.conn.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
		return false, err
	}
	n, err := w.conn.Write(w.buf)
	return n == len(w.buf), err
}

func orDefault[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}
