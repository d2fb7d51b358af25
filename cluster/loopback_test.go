package cluster_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/fsm"
	"tocsin/fsm/model"
	"tocsin/store"
)

// freePort is a port that nobody listens on at the moment.
func freePort(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// onLoopback starts three nodes over real TCP and UDP, with synced files.
func onLoopback(tb testing.TB) []*cluster.Node {
	tb.Helper()
	var nodes []*cluster.Node
	first := freePort(tb)
	for i := range 3 {
		dir := tb.TempDir()
		state, err := store.OpenState(filepath.Join(dir, "state.db"), store.Options{})
		if err != nil {
			tb.Fatal(err)
		}
		local, err := store.OpenLocal(filepath.Join(dir, "local.db"), store.Options{})
		if err != nil {
			tb.Fatal(err)
		}
		machine, err := fsm.Open(fsm.Options{State: state})
		if err != nil {
			tb.Fatal(err)
		}
		opts := cluster.Options{DataDir: dir, GossipBind: "127.0.0.1:0", Machine: machine, Local: local}
		if i == 0 {
			opts.GossipBind, opts.RaftBind = first, "127.0.0.1:0"
		} else {
			opts.Peers = []string{first}
		}
		n, err := cluster.Open(opts)
		if err != nil {
			tb.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- n.Run(ctx) }()
		tb.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				tb.Error(err)
			}
			_, _, _ = machine.Close(), local.Close(), state.Close()
		})
		begun := time.Now()
		select {
		case <-n.Ready():
			tb.Logf("node %d is ready after %v", i+1, time.Since(begun))
		case <-time.After(30 * time.Second):
			tb.Fatalf("node %d is not ready: %+v", i+1, n.Status())
		}
		nodes = append(nodes, n)
	}
	return nodes
}

var tokens atomic.Uint64

func claimAndSettle(ctx context.Context, n *cluster.Node, k model.DeliveryKey) error {
	var tok model.Token
	binary.BigEndian.PutUint64(tok[:], tokens.Add(1))
	var rev uint64
	if e, ok := n.Entry(k); ok {
		rev = e.Rev
	}
	g, err := n.Claim(ctx, model.ClaimRequest{Key: k, Token: tok, Node: n.ID(), BaseRev: rev, Firing: model.NewAlertSet(1, 2)})
	if err != nil || g.Denied != model.DeniedNot {
		return fmt.Errorf("claim: %v %w", g.Denied, err)
	}
	return n.Settle(ctx, model.Settlement{
		Key: k, Token: tok, Node: n.ID(), Firing: model.NewAlertSet(1, 2),
		Delivery: model.Delivery{ID: "d", Key: k, Node: n.ID(), Token: tok, Outcome: model.OutcomeSent},
	})
}

func TestThreeNodesOverLoopback(t *testing.T) {
	nodes := onLoopback(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for i, n := range nodes {
		if err := claimAndSettle(ctx, n, key(fmt.Sprint(i))); err != nil {
			t.Errorf("node %d: %v", i+1, err)
		}
	}
}

// BenchmarkClaims claims and settles on all three nodes, 64 at a time on each.
func BenchmarkClaims(b *testing.B) {
	for _, at := range []int{1, 64} {
		b.Run(fmt.Sprintf("at-a-time=%d", at), func(b *testing.B) {
			nodes := onLoopback(b)
			b.ResetTimer()
			var next atomic.Int64
			var wg sync.WaitGroup
			for i, n := range nodes {
				for range at {
					wg.Go(func() {
						for {
							c := next.Add(1)
							if c > int64(b.N) {
								return
							}
							ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
							if err := claimAndSettle(ctx, n, key(fmt.Sprintf("%d/%d", i, c))); err != nil {
								b.Error(err)
							}
							cancel()
						}
					})
				}
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}
