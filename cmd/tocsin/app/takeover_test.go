package app_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/alertmanager/silence/silencepb"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tocsin/dispatcher/alert"
)

// leave writes what an Alertmanager leaves behind: a silence, and that it has told
// of the alerts.
func leave(t *testing.T, dir, silence string, names ...string) {
	t.Helper()
	now, later := timestamppb.New(time.Now()), timestamppb.New(time.Now().Add(5*time.Hour))
	write := func(name string, records ...proto.Message) {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, r := range records {
			if _, err := protodelim.MarshalTo(f, r); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("silences", &silencepb.MeshSilence{Silence: &silencepb.Silence{
		Id: silence, Matchers: []*silencepb.Matcher{{Name: "alertname", Pattern: silence}}, StartsAt: now, EndsAt: later, UpdatedAt: now,
	}})
	var told []proto.Message
	for _, name := range names {
		told = append(told, &nflogpb.MeshEntry{ExpiresAt: later, Entry: &nflogpb.Entry{
			GroupKey:  []byte(`{}:{alertname="` + name + `"}`),
			Receiver:  &nflogpb.Receiver{GroupName: "team", Integration: "webhook"},
			Timestamp: now, FiringAlerts: []uint64{uint64(alert.NewLabels(map[string]string{"alertname": name}).Hash())},
		}})
	}
	write("nflog", told...)
}

// TestNewClusterOfOldFolders has three nodes form a cluster, each on the folder of
// an Alertmanager that knew something of its own: together they know all of it.
func TestNewClusterOfOldFolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := map[string]string{"node1": "One", "node2": "Two", "node3": "Three"}
		l := newLabOf(t, 3, func(n *labNode) {
			name := own[n.opts.Settings.Cluster.PeerName]
			leave(t, n.opts.Settings.DataDir, "Silenced"+name, "All", "Only"+name)
		})
		within(t, time.Minute, "all nodes have all that the folders had", func() bool {
			return !slices.ContainsFunc(l.nodes, func(n *labNode) bool {
				entries := 0
				for range n.Machine().View().Entries() {
					entries++
				}
				return n.Machine().View().SilenceCount() != 3 || entries != 4
			})
		})
		for _, name := range []string{"All", "OnlyOne", "OnlyTwo", "OnlyThree", "SilencedOne", "SilencedTwo", "SilencedThree", "New"} {
			l.post(`{"alertname":"`+name+`"}`, time.Now().Add(time.Hour))
		}
		time.Sleep(5 * time.Minute)
		for _, name := range []string{"All", "OnlyOne", "OnlyTwo", "OnlyThree", "SilencedOne", "SilencedTwo", "SilencedThree"} {
			if got := l.inbox.about(name, "firing"); len(got) != 0 {
				t.Errorf("%s was told again, or although it is silenced: %+v", name, got)
			}
		}
		if got := l.inbox.about("New", "firing"); len(got) != 1 {
			t.Errorf("what is new was told %d times", len(got))
		}
		// What is over is told to those who were told that it fires.
		l.post(`{"alertname":"OnlyTwo"}`, time.Now().Add(-time.Millisecond))
		time.Sleep(2 * time.Minute)
		if got := l.inbox.about("OnlyTwo", "resolved"); len(got) != 1 {
			t.Errorf("the end was told %d times", len(got))
		}
	})
}
