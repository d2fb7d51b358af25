package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/cluster/pki"
	"tocsin/fsm/model"
)

var operator = model.Actor{Name: "tester"}

// token makes a join token at n.
func (n *node) token(ttl time.Duration, uses int) pki.Token {
	n.rig.Helper()
	made, err := n.CreateJoinToken(context.Background(), operator, ttl, uses)
	if err != nil {
		n.rig.Fatal(err)
	}
	t, err := pki.ParseToken(made.Text)
	if err != nil {
		n.rig.Fatal(err)
	}
	return t
}

// soon is a context of a join.
func soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 20*time.Second)
}

func TestJoinTokens(t *testing.T) {
	bubble(t, func(r *rig) {
		a := r.start(1, withToken(offlineToken()))
		<-a.Ready()
		once, short, revoked := a.token(time.Hour, 1), a.token(time.Minute, 0), a.token(time.Hour, 0)
		if found, err := a.RevokeJoinToken(context.Background(), operator, revoked.ID.String()); !found || err != nil {
			r.Fatalf("revoke: %v, %v", found, err)
		}
		b := r.start(2, withToken(once), peers(1))
		<-b.Ready()
		b.put("b")
		time.Sleep(2 * time.Minute)
		for i, c := range map[int]struct {
			token pki.Token
			want  string
		}{
			3: {once, "the join token has been used: 1 of 1 times, last by node " + string(b.ID())},
			4: {short, "the join token has expired: it ended on"},
			5: {revoked, "the join token is wrong: the cluster has no token"},
			6: {offlineToken(), "the join token is wrong: the cluster has no token"},
		} {
			n := r.start(i, withToken(c.token), peers(1))
			r.until(10*time.Second, "the refusal is told", func() bool { return strings.Contains(n.Status().Waiting, c.want) })
			if s := n.Status(); s.State != cluster.StateWaiting || !strings.Contains(s.Waiting, "tocsin raft token create") {
				r.Errorf("node %d is %s and waits for %q", i, s.State, s.Waiting)
			}
			if lines := linesOf(r.log(1), "refused a node that wants to join", ip(i)); len(lines) != 1 || !strings.Contains(strings.ReplaceAll(lines[0], `\"`, `"`), c.want) {
				r.Errorf("the log of the member has %q, want %q", lines, c.want)
			}
			n.stop()
		}
		// A forged one: the right ID with another secret.
		forged := offlineToken()
		forged.ID = once.ID
		n := r.start(7, withToken(forged), peers(1))
		r.until(10*time.Second, "the refusal is told", func() bool {
			return strings.Contains(n.Status().Waiting, "the node does not know its secret")
		})
		n.stop()
		shown := fmt.Sprintf("%+v", a.JoinTokens())
		if key := once.Key(); strings.Contains(shown, fmt.Sprintf("%x", key[:6])) || strings.Contains(shown, fmt.Sprint(key[:6])) ||
			len(a.JoinTokens()) != 3 {
			r.Errorf("the list shows %s", shown)
		}
		for i := 1; i < 8; i++ {
			for _, tok := range []pki.Token{once, short, revoked, forged} {
				if text := tok.Text(); strings.Contains(r.log(i), text[len(text)-40:]) {
					r.Errorf("node %d logged a token", i)
				}
			}
		}
		stopAll(b, a)
	})
}

func TestAWaitingNodeIsToldToJoin(t *testing.T) {
	bubble(t, func(r *rig) {
		a := r.start(1, withToken(offlineToken()))
		<-a.Ready()
		a.put("before")
		lost := r.start(2, secure, peers(77)) // its peers are not there
		other := r.start(3, secure)
		<-other.Ready()
		time.Sleep(5 * time.Second)
		ctx, cancel := soon()
		defer cancel()
		token := a.token(time.Hour, 1)
		wrong := other.token(time.Hour, 1)
		for name, c := range map[string]struct {
			node    *node
			address string
			token   *pki.Token
			want    error
			says    string
		}{
			"without a token":     {lost, a.RaftAddress(), nil, cluster.ErrRefused, "the cluster is closed"},
			"another cluster's":   {lost, a.RaftAddress(), &wrong, cluster.ErrRefused, "the join token is wrong"},
			"at itself":           {lost, lost.RaftAddress(), &token, cluster.ErrJoinSelf, ""},
			"at nobody":           {lost, ip(88) + ":9095", &token, cluster.ErrRefused, ip(88)},
			"a member of another": {other, a.RaftAddress(), &token, cluster.ErrIsMemberOf, "empty data folder"},
		} {
			if did, err := c.node.JoinAt(ctx, c.address, c.token); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				r.Errorf("%s: %q, %v", name, did, err)
			}
		}
		did, err := lost.JoinAt(ctx, a.RaftAddress(), &token)
		if err != nil || !strings.Contains(did, "is a member of cluster "+string(a.Status().ClusterID)+" now") {
			r.Fatalf("join: %q, %v", did, err)
		}
		<-lost.Ready()
		r.until(5*time.Second, "the vote", func() bool { return votes(a, lost.ID()) })
		lost.put("after")
		r.until(5*time.Second, "gossip has met", func() bool {
			p := a.ListPeers()
			return p[0].GossipAddress != "" && p[1].GossipAddress != ""
		})
		did, err = lost.JoinAt(ctx, a.RaftAddress(), &token)
		if err != nil || !strings.Contains(did, "nothing to do") {
			r.Errorf("join again: %q, %v", did, err)
		}
		r.sameState(a, lost)
		stopAll(lost, other, a)
	})
}

func TestAnOpenClusterIsClosed(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio(secure)
		ctx, cancel := soon()
		defer cancel()
		if changed, err := nodes[0].RequireJoinToken(ctx, operator, true); !changed || err != nil {
			r.Fatalf("close: %v, %v", changed, err)
		}
		r.until(5*time.Second, "closed everywhere", nodes[1].RequiresJoinToken)
		if changed, err := nodes[1].RequireJoinToken(ctx, operator, true); changed || err != nil {
			r.Errorf("close again: %v, %v", changed, err)
		}
		r.untilAtRest(nodes...)
		stranger := r.start(4, secure, peers(1, 2, 3))
		r.until(10*time.Second, "the stranger is told", func() bool {
			return strings.Contains(stranger.Status().Waiting, "the cluster is closed")
		})
		token := nodes[2].token(time.Hour, 1)
		if _, err := stranger.JoinAt(ctx, nodes[0].RaftAddress(), &token); err != nil {
			r.Fatal(err)
		}
		<-stranger.Ready()
		stranger.put("in")
		nodes = append(nodes, stranger)
		r.until(5*time.Second, "the vote", func() bool { return votes(nodes[0], stranger.ID()) })
		if changed, err := nodes[0].RequireJoinToken(ctx, operator, false); !changed || err != nil {
			r.Fatalf("open: %v, %v", changed, err)
		}
		r.untilAtRest(nodes...)
		free := r.start(5, secure, peers(1))
		<-free.Ready()
		stopAll(append(nodes, free)...)
	})
}
