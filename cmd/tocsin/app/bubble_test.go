package app_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/cluster"
	"tocsin/dispatcher/notify"
)

// TestWholeNodes runs three whole nodes through an election, a notification, a
// cut, and its healing. It cites the design's invariants.
func TestWholeNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 3)
		leader, others := l.leader()
		if leader == nil || len(others) != 2 {
			t.Fatal("three nodes are ready, and not one of them leads")
		}

		// I2: one message, although all three have the alert.
		l.post(`{"alertname":"Whole"}`, time.Now().Add(time.Hour))
		time.Sleep(time.Minute)
		if got := l.inbox.about("Whole", "firing"); len(got) != 1 {
			t.Fatalf("told %d times with a quorum, want once: %+v", len(got), got)
		} else if want := l.firstID(); got[0].ID != want {
			t.Errorf("its delivery ID is %s, want %s: of this cluster, key and content", got[0].ID, want)
		}

		// The leader is cut off from both others; all still reach the receiver.
		l.net.Split([]string{leader.ip}, []string{others[0].ip, others[1].ip})
		within(t, 10*time.Second, "the majority elects a new leader", func() bool {
			return others[0].Cluster().Quorum().Held && others[1].Cluster().Quorum().Held && !leader.Cluster().Quorum().Held
		})
		if w := leader.do(http.MethodPost, "/api/v2/silences", silenceJSON()); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("a write without a quorum was answered with %d %s", w.Code, w.Body)
		}

		// I10: both sides tell of a new alert, the one without a quorum as well;
		// I3: what is told twice has the same delivery ID.
		l.post(`{"alertname":"Cut"}`, time.Now().Add(time.Hour))
		time.Sleep(2 * time.Minute)
		told := l.inbox.about("Cut", "firing")
		if len(told) != 2 || told[0].ID == "" || told[0].ID != told[1].ID {
			t.Errorf("during the cut told %d times, want once on either side, with one delivery ID: %+v", len(told), told)
		}

		// I18, I5: after the heal nothing is left over, and all states are equal.
		l.net.Heal()
		within(t, time.Minute, "overlays are merged and states are equal", l.settled)

		// What was told on both sides is not told again, and its end is told once.
		time.Sleep(2 * time.Minute)
		if again := l.inbox.about("Cut", "firing"); len(again) != len(told) {
			t.Errorf("after the heal it was told again: %+v", again)
		}
		l.post(`{"alertname":"Cut"}`, time.Now().Add(-time.Millisecond))
		time.Sleep(2 * time.Minute)
		if got := l.inbox.about("Cut", "resolved"); len(got) != 1 {
			t.Errorf("its end was told %d times: %+v", len(got), got)
		}
		if got := l.inbox.about("Whole", "firing"); len(got) != 1 {
			t.Errorf("an alert from before the cut was told %d times: %+v", len(got), got)
		}
	})
}

// firstID is the delivery ID of the only message that was sent so far.
func (l *lab) firstID() string {
	v := l.nodes[0].Machine().View()
	for e := range v.Entries() {
		return notify.DeliveryID(v.Cluster(), e.Key, 0, e.Must, nil)
	}
	return "none: the ledger is empty"
}

// settled reports whether nothing of a cut is left: no overlay waits, no claim
// lives, one node leads, and all states are the same.
func (l *lab) settled() bool {
	leaders := 0
	first := l.nodes[0].Machine().View()
	for _, n := range l.nodes {
		s, v := n.Cluster().Status(), n.Machine().View()
		if s.State == cluster.StateLeader {
			leaders++
		}
		if s.OverlaysPending > 0 || v.ClaimCount() > 0 || v.Index() != first.Index() || v.StateHash() != first.StateHash() {
			return false
		}
	}
	return leaders == 1
}

func silenceJSON() string {
	return `{"matchers":[{"name":"a","value":"b","isRegex":false}],"startsAt":"2000-01-01T00:00:00Z","endsAt":"2100-01-01T00:00:00Z","createdBy":"t","comment":"t"}`
}
