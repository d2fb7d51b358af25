package cluster_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/cluster/pki"
)

// secure is a node that speaks TLS over the network in memory.
func secure(o *cluster.Options) { o.Security.OverInjected = true }

// withToken is a secure node with a join token.
func withToken(t pki.Token) option {
	return func(o *cluster.Options) { o.Security.OverInjected, o.Security.JoinToken = true, &t }
}

// offlineToken is one that was made before the cluster.
func offlineToken() pki.Token { return pki.NewToken(pki.Fingerprint{}, time.Time{}) }

func TestOpenClusterSpeaksTLSFromTheFirstMinute(t *testing.T) {
	bubble(t, func(r *rig) {
		begin := time.Now()
		a := r.start(1, secure)
		<-a.Ready()
		if took := time.Since(begin); took > time.Second {
			r.Errorf("ready after %v, want within a second", took)
		}
		a.put("before")
		begin = time.Now()
		b := r.start(2, secure, peers(1))
		<-b.Ready()
		r.until(2*time.Second, "the vote", func() bool { return votes(b, b.ID()) })
		if took := time.Since(begin); took > 2*time.Second {
			r.Errorf("joining took %v, want within 2 s", took)
		}
		b.put("after")
		r.sameState(a, b)
		if !strings.Contains(r.log(2), "trusted at first sight") {
			r.Errorf("the newcomer does not say whom it trusts and why:\n%s", r.log(2))
		}
		stopAll(b, a)
		a, b = r.start(1, secure), r.start(2, secure, peers(1))
		r.until(10*time.Second, "both again", func() bool { return a.isReady() && b.isReady() })
		b.put("again")
		stopAll(b, a)
	})
}

func TestEmptyNodesFormAnOpenCluster(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio(secure)
		for _, n := range nodes {
			n.put("s" + string(n.ID()))
		}
		r.sameState(nodes...)
		stopAll(nodes...)
	})
}

func TestEmptyNodesWithOneTokenFormAClosedCluster(t *testing.T) {
	bubble(t, func(r *rig) {
		token := offlineToken()
		nodes := r.trio(withToken(token))
		for _, n := range nodes {
			n.put("s" + string(n.ID()))
		}
		r.sameState(nodes...)
		// Whoever has the token joins, whoever has none or another does not.
		d := r.start(4, withToken(token), peers(1, 2, 3))
		<-d.Ready()
		none := r.start(5, secure, peers(1, 2, 3))
		other := r.start(6, withToken(offlineToken()), peers(1, 2, 3))
		time.Sleep(30 * time.Second)
		for _, n := range []*node{none, other} {
			if s := n.Status(); s.State != cluster.StateWaiting {
				r.Errorf("node %d is %s", n.i, s.State)
			}
			r.Logf("node %d waits for: %s", n.i, n.Status().Waiting)
		}
		if s := none.Status(); !strings.Contains(s.Waiting, "the cluster is closed and no join token was shown") ||
			!strings.Contains(s.Waiting, "--cluster.join-token-file") {
			r.Errorf("a node without a token waits for %q", s.Waiting)
		}
		if said := strings.Count(r.log(1), "refused a node that wants to join"); said < 1 || said > 2 {
			r.Errorf("the cluster said %d times that it refused two nodes:\n%s", said, r.log(1))
		}
		if said := strings.Count(r.log(1), "refused gossip"); said < 1 || said > 4 {
			r.Errorf("gossip of strangers was complained of %d times", said)
		}
		if s := other.Status(); !strings.Contains(s.Waiting, "join token is wrong") {
			r.Errorf("a node with a wrong token waits for %q", s.Waiting)
		}
		stopAll(append(nodes, d, none, other)...)
	})
}
