package rpc_test

import (
	"context"
	"encoding/binary"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/cluster/clustertest"
	"tocsin/cluster/rpc"
)

// bounded runs a server with small bounds.
func bounded(t *testing.T, n *clustertest.Network, h rpc.Handler) (stop func()) {
	t.Helper()
	l, err := n.Host("10.0.0.1").Listen(9095)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	s := &rpc.Server{Handler: h, MaxBytes: 1 << 20, FrameTimeout: 3 * time.Second}
	wg.Go(func() { s.Serve(ctx, l) })
	return func() { cancel(); wg.Wait() }
}

// head is the beginning of a question with a body of that many bytes.
func head(bytes int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(9+bytes))
	b = binary.BigEndian.AppendUint64(b, 1)
	return append(b, 1)
}

// TestHalfSentQuestionIsGivenUp: a question that has begun has to come soon; a
// connection on which none has begun may stay.
func TestHalfSentQuestionIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		stop := bounded(t, n, echo)
		for _, sent := range [][]byte{head(100)[:5], head(100), append(head(100), "half"...)} {
			c, err := n.Host("10.0.0.2").Dial(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Minute)
			begun := time.Now()
			if _, err := c.Write(sent); err != nil {
				t.Fatalf("an idle connection was closed: %v", err)
			}
			_, err = io.ReadAll(c)
			if took := time.Since(begun); took != 3*time.Second {
				t.Errorf("after %d bytes of a question it was closed after %v (%v), want 3s", len(sent), took, err)
			}
			_ = c.Close()
		}
		stop()
	})
}

// TestQuestionsAreBoundedByBytes: what is held of all connections together is
// bounded, and what was held is free again afterwards.
func TestQuestionsAreBoundedByBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		stop := bounded(t, n, func(_ context.Context, _ uint8, body []byte) ([]byte, error) {
			time.Sleep(10 * time.Second)
			return nil, nil
		})
		a := &rpc.Client{Dial: n.Host("10.0.0.2").Dial}
		b := &rpc.Client{Dial: n.Host("10.0.0.3").Dial}
		for range 3 {
			var wg sync.WaitGroup
			wg.Go(func() {
				if _, err := a.Call(t.Context(), address, 1, make([]byte, 700<<10)); err != nil {
					t.Errorf("the first question: %v", err)
				}
			})
			time.Sleep(time.Second)
			if _, err := b.Call(t.Context(), address, 1, make([]byte, 400<<10)); err == nil {
				t.Error("a question beyond the bound was answered")
			}
			if _, err := b.Call(t.Context(), address, 1, make([]byte, 100<<10)); err != nil {
				t.Errorf("one within it: %v", err)
			}
			wg.Wait()
		}
		a.Close()
		b.Close()
		stop()
	})
}
