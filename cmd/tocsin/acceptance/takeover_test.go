package acceptance_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// TestTakesOverWhereAlertmanagerLeftOff tells what ended while the two changed
// places, and repeats what still fires when the Alertmanager would have: counted
// from its notification, not from the start of the new program.
func TestTakesOverWhereAlertmanagerLeftOff(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "importing")
	const repeat = 10 * time.Second
	old := rig.NeedTool(t, "prometheus-alertmanager")
	hook := rig.NewSink(t, "hook")
	o := rig.NodeOptions{
		Name: "alertmanager", Dir: t.TempDir(), Program: old,
		Config: config(hook, routing{wait: "100ms", repeat: repeat.String()}),
	}
	am := rig.StartNode(t, o)
	still, over := rig.A("alertname", "still").API(time.Now()), rig.A("alertname", "over").API(time.Now())
	am.PostAlerts(still, over)
	if !hook.Await(2, 5*time.Second) {
		t.Fatal("the Alertmanager did not tell")
	}
	told := hook.Accepted()[1].At
	time.Sleep(200 * time.Millisecond) // until it has noted that
	am.Terminate(t, 10*time.Second)

	o.Name, o.Program = "node", ""
	n := rig.StartNode(t, o)
	ended := time.Now()
	over.EndsAt = &ended
	n.PostAlerts(still, over)
	if !hook.Await(3, 5*time.Second) {
		t.Fatal("what ended meanwhile was not told")
	}
	if m := hook.Accepted()[2].Message; m.GroupLabels["alertname"] != "over" || m.Status != "resolved" {
		t.Errorf("the first message after the change was %s of %v, want the end of the one that ended", m.Status, m.GroupLabels)
	}
	if !hook.Await(4, repeat+5*time.Second) {
		t.Fatal("what still fires was not repeated")
	}
	all := hook.Accepted()
	if m := all[3].Message; m.GroupLabels["alertname"] != "still" || m.Status != "firing" {
		t.Errorf("then came %s of %v, want the repetition of what still fires", m.Status, m.GroupLabels)
	}
	if after := all[3].At.Sub(told); after < repeat-time.Second || after > repeat+4*time.Second {
		t.Errorf("it was repeated %v after the Alertmanager had told it, want about %v", after, repeat)
	}
	// A restart takes nothing over again.
	n.Terminate(t, 10*time.Second)
	again := rig.StartNode(t, o)
	again.PostAlerts(still)
	time.Sleep(3 * time.Second)
	if got := len(hook.Accepted()); got != 4 {
		t.Errorf("after a restart the receiver has %d messages, want 4", got)
	}
}

// TestMigrateCheckReadsAnAlertmanager looks at a running one, of which nothing is
// known but its address and the file.
func TestMigrateCheckReadsAnAlertmanager(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "looking at Alertmanagers")
	hook := rig.NewSink(t, "hook")
	am := rig.StartNode(t, rig.NodeOptions{
		Name: "alertmanager", Dir: t.TempDir(), Config: config(hook, routing{}), Program: rig.NeedTool(t, "prometheus-alertmanager"),
		Flags: []string{"--cluster.peer=127.0.0.1:1"}, Hasty: true,
	})
	am.MustSilence(t, rig.Mute("alertname", "muted", time.Hour))
	argv := rig.Tested(t).Tool("migrate", "check", "--url", am.Base, "--config", filepath.Join(am.Dir, "config.yml"))
	out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("it ended with %v, want 2: a peer and a port are something to do\n%s", err, out)
	}
	for _, want := range []string{"it is Alertmanager 0.", "from its /debug/pprof/cmdline", "1 silences are active", "it has 1 --cluster.peer", "the configuration is valid here"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
}
