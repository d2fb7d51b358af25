package cluster_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/cluster/mux"
	"tocsin/cluster/pki"
	"tocsin/fsm/model"
)

// authorityOf is the authority of a node's cluster, key and all.
func authorityOf(t *testing.T, n *node) *pki.Authority {
	t.Helper()
	r, ok := n.machine.View().Record(model.RecordPKI, "authorities")
	if !ok {
		t.Fatal("the state has no authority")
	}
	a, err := pki.ParseAuthorities(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, signer, err := a.Open()
	if err != nil || signer == nil {
		t.Fatalf("open the authority: %v", err)
	}
	return signer
}

func certificateOf(t *testing.T, a *pki.Authority, id model.NodeID, at time.Time) tls.Certificate {
	t.Helper()
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Sign(pki.Request{Node: id, Key: &key.PublicKey}, at)
	if err != nil {
		t.Fatal(err)
	}
	return pairOf(c, key)
}

func pairOf(c *x509.Certificate, key *ecdsa.PrivateKey) tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key}
}

// said is what a node answers to a hello.
type said struct {
	Refused bool   `json:"refused"`
	Why     string `json:"why"`
	Node    string `json:"node"`
}

// knock calls the port between nodes of machine to, from machine from, and says
// hello as the given node.
func (r *rig) knock(from, to int, protocol string, shown []tls.Certificate, as model.NodeID) said {
	r.Helper()
	d := mux.Dialer{Dial: r.net.Host(ip(from)).Dial, TLS: func() (*tls.Config, error) {
		return &tls.Config{InsecureSkipVerify: true, Certificates: shown}, nil
	}}
	c, err := d.Connect(context.Background(), ip(to)+":9095", protocol)
	if err != nil {
		r.Fatalf("knock: %v", err)
	}
	defer c.Close()
	hello, _ := json.Marshal(map[string]any{"node": as})
	_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(hello))), hello...))
	var head [2]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		r.Fatalf("hear the answer: %v", err)
	}
	b := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		r.Fatalf("hear the answer: %v", err)
	}
	var s said
	if err := json.Unmarshal(b, &s); err != nil {
		r.Fatal(err)
	}
	return s
}

// TestStrangersAreRefusedAndToldWhy shows every kind of bad certificate, on every
// protocol that needs a good one.
func TestStrangersAreRefusedAndToldWhy(t *testing.T) {
	bubble(t, func(r *rig) {
		a, blue := r.start(1, secure), r.start(9, secure)
		<-a.Ready()
		<-blue.Ready()
		r.until(5*time.Second, "a good certificate is welcome", func() bool {
			ours := certificateOf(t, authorityOf(t, a), "n7", time.Now())
			return !r.knock(7, 1, mux.ProtocolRPC, []tls.Certificate{ours}, "n7").Refused
		})
		ours, theirs := authorityOf(t, a), authorityOf(t, blue)
		impostor, err := pki.NewAuthority(ours.Cluster(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		key, _ := pki.NewKey()
		provisional, err := pki.Provisional("n7", key, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range []struct {
			name  string
			shown []tls.Certificate
			as    model.NodeID
			want  string
			quiet bool
		}{
			{name: "none", want: "no certificate was shown; a node gets its certificate when it joins"},
			{name: "expired", shown: []tls.Certificate{certificateOf(t, ours, "n7", time.Now().Add(-91*24*time.Hour))}, as: "n7", want: "that of node n7 ended on "},
			{name: "another cluster's", shown: []tls.Certificate{certificateOf(t, theirs, "n7", time.Now())}, as: "n7", want: "belongs to cluster " + string(theirs.Cluster()) + ", this is cluster " + string(ours.Cluster())},
			{name: "an impostor's", shown: []tls.Certificate{certificateOf(t, impostor, "n7", time.Now())}, as: "n7", want: "no authority of the cluster has signed"},
			{name: "for another node", shown: []tls.Certificate{certificateOf(t, ours, "n7", time.Now())}, as: "n8", want: "node n7 says that it is n8"},
			{name: "the authority's own", shown: []tls.Certificate{pairOf(impostor.Certificate, key)}, as: "n7", want: "is not one of a Tocsin node"},
			{name: "a newcomer's", shown: []tls.Certificate{pairOf(provisional, key)}, as: "n7", want: "not a member of a cluster yet", quiet: true},
		} {
			if c.name == "the authority's own" {
				continue // TLS does not let it through without its key
			}
			from := 20 + i // one line a peer and minute
			for _, protocol := range []string{mux.ProtocolRaft, mux.ProtocolRPC} {
				got := r.knock(from, 1, protocol, c.shown, c.as)
				if !got.Refused || !strings.Contains(got.Why, c.want) {
					r.Errorf("%s, %s: told %+v, want %q", c.name, protocol, got, c.want)
				}
			}
			want := 1
			if c.quiet {
				want = 0
			}
			if lines := linesOf(r.log(1), "refused a connection", ip(from)); len(lines) != want ||
				want == 1 && !strings.Contains(strings.ReplaceAll(lines[0], `\"`, `"`), c.want[:20]) {
				r.Errorf("%s: the log has %q", c.name, lines)
			}
		}
		stopAll(a, blue)
	})
}

// linesOf are the lines that hold all of the words.
func linesOf(log string, words ...string) []string {
	var out []string
next:
	for _, line := range strings.Split(log, "\n") {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue next
			}
		}
		out = append(out, line)
	}
	return out
}

func TestPlainTCPIsToldThatThisIsTLS(t *testing.T) {
	bubble(t, func(r *rig) {
		a := r.start(1, secure)
		<-a.Ready()
		for i, text := range []string{"\x00tcs\x0ctocsin-rpc/1", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "hello hello hello\n"} {
			c, err := r.net.Host(ip(20+i)).Dial(context.Background(), ip(1)+":9095")
			if err != nil {
				r.Fatal(err)
			}
			if _, err := c.Write([]byte(text)); err != nil {
				r.Fatal(err)
			}
			b, _ := io.ReadAll(c)
			_ = c.Close()
			if !strings.Contains(string(b), "speaks TLS") {
				r.Errorf("%q was told %q", text, b)
			}
			if strings.HasPrefix(text, "GET") != strings.HasPrefix(string(b), "HTTP/1.0 400 ") {
				r.Errorf("%q was told %q", text, b)
			}
			if lines := linesOf(r.log(1), "speaks no TLS", ip(20+i)); len(lines) != 1 {
				r.Errorf("%q: the log has %q", text, lines)
			}
		}
		a.stop()
	})
}

func TestRemovedNodeIsRefused(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio(secure)
		leader := leaderOf(nodes...)
		gone := others(nodes, leader)[0]
		rest := others(nodes, gone)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := leader.RemovePeer(ctx, gone.ID()); err != nil {
			r.Fatal(err)
		}
		shown := []tls.Certificate{certificateOf(t, authorityOf(t, leader), gone.ID(), time.Now())}
		for _, n := range rest {
			r.until(5*time.Second, "refusal", func() bool {
				got := r.knock(gone.i, n.i, mux.ProtocolRPC, shown, gone.ID())
				return got.Refused && strings.Contains(got.Why, "was removed from the cluster: "+string(gone.ID()))
			})
		}
		r.until(time.Minute, "the removed node knows", func() bool { return gone.Status().State == cluster.StateRemoved })
		r.until(time.Minute, "the removed node is told", func() bool {
			return len(linesOf(r.log(gone.i), "another node refuses this one", "was removed")) > 0
		})
		// It comes back by itself neither with its folder nor with a token's help,
		// but whoever has removed it may let it in again.
		gone.stop()
		gone = r.start(gone.i, secure, peers(1, 2, 3))
		time.Sleep(20 * time.Second)
		if s := gone.Status(); s.State != cluster.StateRemoved {
			r.Errorf("the removed node is %s", s.State)
		}
		if err := leader.AddPeer(context.Background(), gone.ID(), gone.RaftAddress()); err != nil {
			r.Fatal(err)
		}
		r.until(20*time.Second, "member again", func() bool { return votes(leader, gone.ID()) && gone.Quorum().Held })
		gone.put("again")
		stopAll(append(rest, gone)...)
	})
}

// A removed node has the authority's key, and renews its certificate like any
// other: it is remembered for longer than a certificate lasts.
func TestRemovedNodesAreNotForgotten(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio(secure)
		var ids []model.NodeID
		remove := func(of []*node) []*node {
			leader := leaderOf(of...)
			gone := others(of, leader)[0]
			if err := leader.RemovePeer(context.Background(), gone.ID()); err != nil {
				r.Fatal(err)
			}
			ids = append(ids, gone.ID())
			return others(of, gone)
		}
		rest := remove(nodes)
		time.Sleep(5 * time.Second)
		stopAll(nodes...)
		time.Sleep(3 * pki.NodeLife)
		for i, n := range rest {
			rest[i] = r.start(n.i, secure, peers(1, 2, 3))
		}
		r.until(20*time.Second, "ready", func() bool { return rest[0].isReady() && rest[1].isReady() })
		last := remove(rest)[0]
		time.Sleep(5 * time.Second)
		for _, id := range ids {
			shown := []tls.Certificate{certificateOf(t, authorityOf(t, last), id, time.Now())}
			if got := r.knock(9, last.i, mux.ProtocolRPC, shown, id); !got.Refused || !strings.Contains(got.Why, "was removed") {
				r.Errorf("removed node %s is answered %+v", id, got)
			}
		}
		stopAll(rest...)
	})
}

// The list of removed nodes fits into its record, however many there were.
func TestRemovedNodesAreBounded(t *testing.T) {
	list := map[model.NodeID]time.Time{}
	now := time.Now().UTC().Truncate(time.Second)
	for i := range 2000 {
		id := model.NodeID(fmt.Sprintf("%0128d", i))
		cluster.ForgetRemovals(list, cluster.MaxRemovals-1)
		list[id] = now.Add(time.Duration(i) * time.Second)
		if _, ok := list[model.NodeID(fmt.Sprintf("%0128d", max(0, i-200)))]; !ok {
			t.Fatalf("after %d removals the one 200 before is forgotten", i)
		}
	}
	body, err := json.Marshal(list)
	if err != nil || len(body) > model.MaxRecordBytes {
		t.Errorf("the list has %d bytes, %v", len(body), err)
	}
}

// A leader that is removed cannot write down that it was: the next one does.
func TestRemovedLeaderIsRefused(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio(secure)
		gone := leaderOf(nodes...)
		rest := others(nodes, gone)
		shown := []tls.Certificate{certificateOf(t, authorityOf(t, gone), gone.ID(), time.Now())}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := rest[0].RemovePeer(ctx, gone.ID()); err != nil {
			r.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		for _, n := range rest {
			if got := r.knock(gone.i, n.i, mux.ProtocolRPC, shown, gone.ID()); !got.Refused || !strings.Contains(got.Why, "was removed from the cluster") {
				r.Errorf("node %d answers the removed leader with %+v", n.i, got)
			}
			if _, ok := n.machine.View().Node(gone.ID()); ok {
				r.Errorf("node %d keeps the record of the removed leader", n.i)
			}
		}
		rest[0].put("without")
		stopAll(append(rest, gone)...)
	})
}

// Who calls again and again without a certificate takes no member's place.
func TestAStrangerKeepsNobodyOut(t *testing.T) {
	bubble(t, func(r *rig) {
		a := r.start(1, secure)
		<-a.Ready()
		d := mux.Dialer{Dial: r.net.Host(ip(50)).Dial, TLS: func() (*tls.Config, error) {
			return &tls.Config{InsecureSkipVerify: true}, nil
		}}
		for range 100 {
			c, err := d.Connect(context.Background(), ip(1)+":9095", mux.ProtocolRPC)
			if err != nil {
				continue // hung up on
			}
			defer c.Close()
		}
		shown := []tls.Certificate{certificateOf(t, authorityOf(t, a), "member", time.Now())}
		if got := r.knock(9, 1, mux.ProtocolRPC, shown, "member"); got.Refused {
			r.Errorf("a member is answered %+v", got)
		}
		a.stop()
	})
}

// TestNoiseHarmsNothing sends random bytes to both ports of a member.
func TestNoiseHarmsNothing(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio(secure)
		noise := newNoise(42)
		for i := range 400 {
			c, err := r.net.Host(ip(50)).Dial(context.Background(), ip(1)+":9095")
			if err != nil {
				r.Fatal(err)
			}
			_, _ = c.Write(noise.bytes(i))
			_ = c.Close()
		}
		time.Sleep(6 * time.Second)
		enrolNoise(r, noise, 200)
		transport, err := r.net.Host(ip(51)).Gossip(9094)
		if err != nil {
			r.Fatal(err)
		}
		for i := range 1000 {
			_, _ = transport.WriteTo(noise.bytes(i), ip(1)+":9094")
		}
		for i := range 200 {
			c, err := transport.DialTimeout(ip(1)+":9094", time.Second)
			if err != nil {
				r.Fatal(err)
			}
			_, _ = c.Write(noise.bytes(i))
			_ = c.Close()
		}
		_ = transport.Shutdown()
		for _, n := range nodes {
			n.put("after" + string(n.ID()))
			if s := n.Status(); s.Quorum.Reachable != 3 {
				r.Errorf("node %d sees %d of 3 voters", n.i, s.Quorum.Reachable)
			}
		}
		if lines := linesOf(r.log(1), "level=WARN", ip(50)); len(lines) > 4 {
			r.Errorf("the log was flooded with %d lines: %q ...", len(lines), lines[:4])
		}
		if lines := linesOf(r.log(1), "level=WARN", ip(51)); len(lines) > 4 {
			r.Errorf("the log was flooded with %d lines: %q ...", len(lines), lines[:4])
		}
		stopAll(nodes...)
	})
}

// enrolNoise sends noise where anybody may speak: on the protocol for newcomers.
func enrolNoise(r *rig, noise *noise, times int) {
	d := mux.Dialer{Dial: r.net.Host(ip(50)).Dial, TLS: func() (*tls.Config, error) {
		return &tls.Config{InsecureSkipVerify: true}, nil
	}}
	for i := range times {
		c, err := d.Connect(context.Background(), ip(1)+":9095", mux.ProtocolEnrol)
		if err != nil {
			time.Sleep(time.Second) // too many from one address at a time
			continue
		}
		body := noise.bytes(i)
		if i%2 == 0 {
			body = append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
		}
		if i%4 == 0 {
			body = noise.question()
		}
		_, _ = c.Write(body)
		if i%3 == 0 {
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			_, _ = io.Copy(io.Discard, io.LimitReader(c, 1<<16))
		}
		_ = c.Close()
	}
}
