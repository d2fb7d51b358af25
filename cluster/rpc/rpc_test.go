package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/cluster/clustertest"
	"tocsin/cluster/rpc"
)

const address = "10.0.0.1:9095"

// serve runs a server on a network until the returned function is called.
func serve(t *testing.T, n *clustertest.Network, h rpc.Handler) (*rpc.Client, func()) {
	t.Helper()
	l, err := n.Host("10.0.0.1").Listen(9095)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	s := &rpc.Server{Handler: h, MaxRunning: 4}
	wg.Go(func() { s.Serve(ctx, l) })
	c := &rpc.Client{Dial: n.Host("10.0.0.2").Dial}
	return c, func() { c.Close(); cancel(); wg.Wait() }
}

func echo(_ context.Context, kind uint8, body []byte) ([]byte, error) {
	return fmt.Appendf(nil, "%d:%s", kind, body), nil
}

func TestAnswersFindTheirQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, stop := serve(t, clustertest.New(1), func(ctx context.Context, kind uint8, body []byte) ([]byte, error) {
			time.Sleep(time.Duration(len(body)) * time.Millisecond) // answers overtake each other
			return echo(ctx, kind, body)
		})
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				body := strings.Repeat("x", 50-i)
				got, err := c.Call(t.Context(), address, uint8(i), []byte(body))
				if err != nil || string(got) != fmt.Sprintf("%d:%s", i, body) {
					t.Errorf("question %d got %q, %v", i, got, err)
				}
			})
		}
		wg.Wait()
		stop()
	})
}

func TestVerdicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, stop := serve(t, clustertest.New(1), func(_ context.Context, kind uint8, _ []byte) ([]byte, error) {
			if kind == 1 {
				return nil, &rpc.Refusal{Verdict: rpc.VerdictNotLeader, Text: "10.0.0.3:9095"}
			}
			return nil, errors.New("something broke")
		})
		var refusal *rpc.Refusal
		if _, err := c.Call(t.Context(), address, 1, nil); !errors.As(err, &refusal) ||
			refusal.Verdict != rpc.VerdictNotLeader || refusal.Text != "10.0.0.3:9095" {
			t.Errorf("got %v", err)
		}
		if _, err := c.Call(t.Context(), address, 2, nil); !errors.As(err, &refusal) || refusal.Verdict != rpc.VerdictUnknown {
			t.Errorf("got %v, want an unknown outcome", err)
		}
		stop()
	})
}

func TestNotSentAndNoAnswerAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		asked := make(chan struct{}, 10)
		c, stop := serve(t, n, func(ctx context.Context, _ uint8, _ []byte) ([]byte, error) {
			asked <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if _, err := c.Call(t.Context(), "10.0.0.9:9095", 1, nil); !errors.Is(err, rpc.ErrNotSent) {
			t.Errorf("nobody listens there: %v, want ErrNotSent", err)
		}
		if _, err := c.Call(t.Context(), address, 1, make([]byte, rpc.MaxBody+1)); !errors.Is(err, rpc.ErrNotSent) {
			t.Errorf("too large: %v, want ErrNotSent", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Call(ctx, address, 1, nil); !errors.Is(err, rpc.ErrNoAnswer) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no answer in time: %v, want ErrNoAnswer", err)
		}
		<-asked
		// The other side dies with the question.
		errs := make(chan error, 1)
		go func() {
			_, err := c.Call(t.Context(), address, 1, nil)
			errs <- err
		}()
		<-asked
		n.Crash("10.0.0.1")
		if err := <-errs; !errors.Is(err, rpc.ErrNoAnswer) {
			t.Errorf("crash: %v, want ErrNoAnswer", err)
		}
		if _, err := c.Call(t.Context(), address, 1, nil); !errors.Is(err, rpc.ErrNotSent) {
			t.Errorf("after the crash: %v, want ErrNotSent", err)
		}
		stop()
	})
}

func TestCutLinkEndsInNotSentOrNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		c, stop := serve(t, n, echo)
		if _, err := c.Call(t.Context(), address, 1, nil); err != nil {
			t.Fatal(err)
		}
		n.Cut("10.0.0.2", "10.0.0.1")
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := c.Call(ctx, address, 1, nil); !errors.Is(err, rpc.ErrNoAnswer) {
				t.Errorf("over a cut link: %v, want ErrNoAnswer", err)
			}
			cancel()
		}
		n.Heal()
		if _, err := c.Call(t.Context(), address, 1, []byte("x")); err != nil {
			t.Errorf("healed: %v", err)
		}
		stop()
	})
}

func TestManyQuestionsDoNotRunAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		c, stop := serve(t, clustertest.New(1), func(context.Context, uint8, []byte) ([]byte, error) {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			running--
			mu.Unlock()
			return nil, nil
		})
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, err := c.Call(t.Context(), address, 1, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if most != 4 {
			t.Errorf("%d ran at once, want 4", most)
		}
		stop()
	})
}

func TestGarbageIsNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		c, stop := serve(t, n, echo)
		conn, err := n.Host("10.0.0.2").Dial(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("\xff\xff\xff\xffGET / HTTP/1.1\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(make([]byte, 10)); err == nil {
			t.Errorf("got %d bytes for garbage", n)
		}
		_ = conn.Close()
		stop()
		_ = c
	})
}

func TestIdleConnectionIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		dials := 0
		c, stop := serve(t, n, echo)
		dial := c.Dial
		c.Dial = func(ctx context.Context, a string) (net.Conn, error) { dials++; return dial(ctx, a) }
		for range 2 {
			if _, err := c.Call(t.Context(), address, 1, nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(6 * time.Minute)
		}
		if dials != 2 {
			t.Errorf("dialled %d times, want 2", dials)
		}
		stop()
	})
}

// Who has no time any more leaves the connection that it asked for to others.
func TestCallerThatLeavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		for range 20 {
			c, stop := serve(t, n, echo)
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := c.Call(gone, address, 1, nil); err == nil {
				t.Error("a question was answered to somebody who had left")
			}
			if got, err := c.Call(t.Context(), address, 2, []byte("x")); err != nil || string(got) != "2:x" {
				t.Errorf("the next question got %q, %v", got, err)
			}
			stop()
		}
	})
}

func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		c, stop := serve(t, n, echo)
		var open []net.Conn
		for range 70 {
			conn, err := n.Host("10.0.0.3").Dial(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, conn)
			synctest.Wait()
		}
		if _, err := open[69].Read(make([]byte, 1)); err == nil {
			t.Error("the 70th connection lives")
		}
		// Those that say nothing go after the idle timeout, and make room.
		time.Sleep(11 * time.Minute)
		if _, err := c.Call(t.Context(), address, 1, nil); err != nil {
			t.Errorf("no room after the idle ones have gone: %v", err)
		}
		for _, conn := range open {
			_ = conn.Close()
		}
		stop()
	})
}

// A connection on which nothing comes while a question waits is not asked again.
func TestDeafConnectionIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		c, stop := serve(t, n, func(ctx context.Context, kind uint8, body []byte) ([]byte, error) {
			if kind == 9 {
				<-ctx.Done()
			}
			return echo(ctx, kind, body)
		})
		dials := 0
		dial := c.Dial
		c.Dial = func(ctx context.Context, a string) (net.Conn, error) { dials++; return dial(ctx, a) }
		for _, wait := range []time.Duration{time.Second, 3 * time.Second, time.Second} {
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			if _, err := c.Call(ctx, address, 9, nil); !errors.Is(err, rpc.ErrNoAnswer) {
				t.Errorf("got %v, want ErrNoAnswer", err)
			}
			cancel()
			synctest.Wait()
		}
		if dials != 2 {
			t.Errorf("dialled %d times, want 2: after the silence of three seconds only", dials)
		}
		stop()
	})
}
