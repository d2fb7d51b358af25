package cluster_test

import (
	"context"
	"io"
	"testing"
	"time"

	"tocsin/cluster"
)

// TestExchangePeers: they are known from Raft also when gossip is blocked, and
// the connection to them is open then.
func TestExchangePeers(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		defer stopAll(nodes...)
		for _, n := range nodes {
			if got := n.ExchangePeers(); len(got) != 2 || !got[0].Alive || !got[1].Alive {
				t.Fatalf("node %d exchanges alerts with %+v, want both others, alive", n.i, got)
			}
		}
		l := nodes[0].ExchangeListener()
		heard := make(chan string, 1)
		go func() {
			c, err := l.Accept()
			if err != nil {
				heard <- err.Error()
				return
			}
			b, _ := io.ReadAll(c)
			heard <- string(b)
		}()
		c, err := nodes[1].DialExchange(context.Background(), nodes[0].RaftAddress())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte("alerts"))
		_ = c.Close()
		if got := <-heard; got != "alerts" {
			t.Errorf("heard %q", got)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestSilentNodeIsInNoRanks: a node that does not know all alerts yet leaves the
// turns to the others.
func TestSilentNodeIsInNoRanks(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		defer stopAll(nodes...)
		nodes[2].stop()
		fresh, err := r.open(3, peers(1, 2, 3), expect(3))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		fresh.cancel, fresh.done = cancel, make(chan error, 1)
		go func() { fresh.done <- fresh.Run(ctx) }()
		nodes[2] = fresh
		r.until(20*time.Second, "the node is back", fresh.isReady)
		time.Sleep(5 * time.Second)
		for i := range 20 {
			k := key(string(rune('a' + i)))
			if _, of := nodes[0].Rank(k); of != 2 {
				t.Fatalf("%d nodes take turns, want the two that do", of)
			}
			if rank, of := fresh.Rank(k); rank != 2 || of != 3 {
				t.Fatalf("the silent node ranks %d of %d, want behind both others", rank, of)
			}
		}
		if p := peerOf(nodes[0], fresh.ID()); !p.Silent || !p.Voter {
			t.Errorf("the others see it as %+v, want a voter that is silent", p)
		}
		fresh.TakeTurns()
		r.until(3*time.Second, "all three take turns", func() bool {
			_, of := nodes[0].Rank(key("x"))
			return of == 3
		})
	})
}

func peerOf(n *node, id any) cluster.Peer {
	for _, p := range n.ListPeers() {
		if p.ID == id {
			return p
		}
	}
	return cluster.Peer{}
}
