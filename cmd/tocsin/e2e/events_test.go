package e2e_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// recorded are the events in a file, by kind.
func recorded(t testing.TB, file string) map[string][]map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	out := map[string][]map[string]any{}
	for line := range strings.Lines(string(text)) {
		var e struct {
			Timestamp time.Time `json:"@timestamp"`
			Instance  string
			Data      map[string]map[string]any
		}
		if !strings.HasSuffix(line, "\n") {
			break // still being written
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Timestamp.IsZero() || e.Instance == "" {
			t.Fatalf("the event %q: %v", line, err)
		}
		for kind, data := range e.Data {
			out[kind] = append(out[kind], data)
		}
	}
	return out
}

// TestEvents has a node write down everything that happens to some alerts, in
// Alertmanager's words.
func TestEvents(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 34, "the event recorder")
	hook := rig.NewSink(t, "hook")
	n := rig.StartNode(t, rig.NodeOptions{
		Flags: []string{"--enable-feature=event-recorder"},
		Config: "route: { receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s }\n" +
			"receivers: [{ name: hook, webhook_configs: [{ url: '" + hook.URL + "' }] }]\n" +
			"inhibit_rules: [{ source_matchers: [severity=page], target_matchers: [severity=warn] }]\n" +
			"event_recorder: { file_outputs: [{ path: events.jsonl }] }\n",
	})
	file := filepath.Join(n.Dir, "events.jsonl")
	n.MustSilence(t, rig.Mute("alertname", "quiet", time.Hour))
	n.PostAlerts(
		rig.APIAlert{Labels: map[string]string{"alertname": "loud", "severity": "page"}},
		rig.APIAlert{Labels: map[string]string{"alertname": "quiet"}},
		rig.APIAlert{Labels: map[string]string{"alertname": "less", "severity": "warn"}},
	)
	if !rig.Eventually(10*time.Second, 50*time.Millisecond, func() bool { return len(hook.Accepted()) == 1 }) {
		t.Fatal("nothing was told")
	}
	n.PostAlerts(rig.APIAlert{Labels: map[string]string{"alertname": "loud", "severity": "page"}, EndsAt: new(time.Now().Add(-time.Second))})
	wanted := []string{
		"alertCreated", "alertGrouped", "alertResolved", "alertmanagerStartupEvent", "inhibitionMutedAlert", "notification", "silenceCreated", "silenceMutedAlert",
	}
	var got map[string][]map[string]any
	rig.Eventually(15*time.Second, 100*time.Millisecond, func() bool {
		got = recorded(t, file)
		return !slices.ContainsFunc(wanted, func(kind string) bool { return got[kind] == nil })
	})
	if kinds := slices.Sorted(maps.Keys(got)); !slices.Equal(kinds, wanted) {
		t.Fatalf("the events are %v, want %v", kinds, wanted)
	}
	if len(got["alertCreated"]) != 3 || len(got["alertGrouped"]) != 3 || len(got["silenceCreated"]) != 1 || len(got["alertmanagerStartupEvent"]) != 1 {
		t.Errorf("events: %d created, %d grouped, %d silences, %d starts", len(got["alertCreated"]), len(got["alertGrouped"]), len(got["silenceCreated"]), len(got["alertmanagerStartupEvent"]))
	}
	told, err := json.Marshal(got["notification"][0])
	if err != nil || !strings.Contains(string(told), `"groupKey":"{}:{alertname=\"loud\"}"`) || !strings.Contains(string(told), `"name":"webhook"`) {
		t.Errorf("the notification is %s (%v)", told, err)
	}
	if muted, _ := json.Marshal(got["silenceMutedAlert"][0]); !strings.Contains(string(muted), `alertname=\"quiet\"`) {
		t.Errorf("the muted alert is %s", muted)
	}
	if v, ok := n.Metric("alertmanager_events_recorded_total"); !ok || v < 8 {
		t.Errorf("alertmanager_events_recorded_total is %v (%v)", v, ok)
	}
	n.Terminate(t, 15*time.Second)
	if len(recorded(t, file)["alertmanagerShutdownEvent"]) != 1 {
		t.Error("the end is not written down")
	}
}

// TestEventsNeedFeature: as in Alertmanager the key alone does nothing; here that
// is said.
func TestEventsNeedFeature(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "the word about it")
	n := rig.StartNode(t, rig.NodeOptions{Config: "route: { receiver: hook }\nreceivers: [{ name: hook }]\nevent_recorder: { file_outputs: [{ path: events.jsonl }] }\n"})
	if _, said := n.Log.Wait(5*time.Second, rig.Containing("--enable-feature=event-recorder")); !said {
		t.Error("it is not said that the key has no effect")
	}
	if _, err := os.Stat(filepath.Join(n.Dir, "events.jsonl")); !os.IsNotExist(err) {
		t.Errorf("the file is there (%v)", err)
	}
}
