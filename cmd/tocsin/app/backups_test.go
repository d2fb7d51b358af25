package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/fsm/model"
)

const adminPath = "/api/tocsin/v1"

// ask makes a request that must be answered with 200, and returns the answer.
func (n *labNode) mustDo(t *testing.T, method, path, body string) string {
	t.Helper()
	w := n.do(method, path, body)
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w.Body.String()
}

func (n *labNode) silenceNow(t *testing.T, name string) string {
	t.Helper()
	var out struct{ SilenceID string }
	body := fmt.Sprintf(`{"matchers":[{"name":"alertname","value":%q,"isRegex":false}],"startsAt":%q,"endsAt":%q,"createdBy":"me","comment":"why"}`,
		name, time.Now().Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339))
	if err := json.Unmarshal([]byte(n.mustDo(t, "POST", "/api/v2/silences", body)), &out); err != nil {
		t.Fatal(err)
	}
	return out.SilenceID
}

// TestRestoreOfARunningCluster: all nodes go by the backup again, what was told is
// told nobody again, a second restore changes nothing, and neither does one that
// is refused.
func TestRestoreOfARunningCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 3)
		kept := l.nodes[0].silenceNow(t, "kept")
		l.post(`{"alertname":"before"}`, time.Now().Add(24*time.Hour))
		within(t, time.Minute, "it is told", func() bool { return len(l.inbox.about("before", "firing")) == 1 })
		backup := l.nodes[1].mustDo(t, "GET", adminPath+"/snapshot", "")

		l.post(`{"alertname":"after"}`, time.Now().Add(24*time.Hour))
		within(t, time.Minute, "it is told", func() bool { return len(l.inbox.about("after", "firing")) == 1 })
		l.nodes[2].mustDo(t, "DELETE", "/api/v2/silence/"+kept, "")
		added := l.nodes[2].silenceNow(t, "added")
		yaml, err := json.Marshal(map[string]string{"yaml": strings.Replace(labConfig, "12h", "13h", 1)})
		if err != nil {
			t.Fatal(err)
		}
		l.nodes[0].mustDo(t, "POST", adminPath+"/config", string(yaml))

		before := l.nodes[0].Machine().View()
		for what, bad := range map[string]string{
			"it is cut off": backup[:len(backup)/2], "not a backup made by tocsin": "x", "the backup is damaged": backup[:len(backup)/2] + "?" + backup[len(backup)/2+1:],
		} {
			if w := l.nodes[0].do("POST", adminPath+"/snapshot/restore", bad); w.Code != 422 || !strings.Contains(w.Body.String(), what) {
				t.Errorf("%s: %d %s", what, w.Code, w.Body)
			}
		}
		if got := l.nodes[0].mustDo(t, "POST", adminPath+"/snapshot/restore?dry_run=true", backup); !strings.Contains(got, `"config_from":1`) {
			t.Errorf("a dry run says %s", got)
		}
		if v := l.nodes[0].Machine().View(); v.Config().Rev != before.Config().Rev || v.SilenceRev() != before.SilenceRev() {
			t.Fatal("what was refused, or was not meant, has changed something")
		}

		got := l.nodes[2].mustDo(t, "POST", adminPath+"/snapshot/restore", backup)
		if !strings.Contains(got, `"config_from":1,"config_rev":3`) || !strings.Contains(got, `"silences_changed":1,"silences_expired":1,"doubted":0`) {
			t.Errorf("the restore says %s", got)
		}
		time.Sleep(time.Second)
		for _, n := range l.nodes {
			v := n.Machine().View()
			if string(v.Config().YAML) != labConfig || v.Config().Rev != 3 {
				t.Errorf("%s runs version %d", n.ip, v.Config().Rev)
			}
			for id, want := range map[string]model.SilenceState{kept: model.SilenceActive, added: model.SilenceExpired} {
				if s, ok := v.Silence(id); !ok || s.State(model.Millis(time.Now().UnixMilli())) != want {
					t.Errorf("%s: silence %s is %+v, want it %v", n.ip, id, s, want)
				}
			}
		}
		if got := l.nodes[0].mustDo(t, "POST", adminPath+"/snapshot/restore", backup); !strings.Contains(got, `"changes":0`) {
			t.Errorf("a second restore says %s", got)
		}
		time.Sleep(10 * time.Minute)
		for _, name := range []string{"before", "after"} {
			if n := len(l.inbox.about(name, "firing")); n != 1 {
				t.Errorf("%s was told %d times, want once", name, n)
			}
		}
	})
}

// TestARestoreOfAnotherCluster is refused unless it is forced; then what the other
// one told is in doubt here.
func TestARestoreOfAnotherCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := newLab(t, 1)
		id := other.nodes[0].silenceNow(t, "theirs")
		other.post(`{"alertname":"theirs told"}`, time.Now().Add(24*time.Hour))
		within(t, time.Minute, "it is told", func() bool { return len(other.inbox.about("theirs told", "firing")) == 1 })
		backup := other.nodes[0].mustDo(t, "GET", adminPath+"/snapshot", "")
		l := newLab(t, 1)
		n := l.nodes[0]
		if w := n.do("POST", adminPath+"/snapshot/restore", backup); w.Code != 422 || !strings.Contains(w.Body.String(), "give --force") {
			t.Errorf("unforced: %d %s", w.Code, w.Body)
		}
		cluster := n.Machine().View().Cluster()
		if got := n.mustDo(t, "POST", adminPath+"/snapshot/restore?force=true", backup); !strings.Contains(got, `"foreign":true`) || !strings.Contains(got, `"doubted":1`) {
			t.Errorf("forced: %s", got)
		}
		v := n.Machine().View()
		if _, ok := v.Silence(id); !ok || v.Cluster() != cluster {
			t.Errorf("the silence is there: %v, the cluster is %s, was %s", ok, v.Cluster(), cluster)
		}
		// Whether the receiver knows that it fires is not certain: it is told again.
		l.post(`{"alertname":"theirs told"}`, time.Now().Add(24*time.Hour))
		within(t, time.Minute, "what fires is told again", func() bool { return len(l.inbox.about("theirs told", "firing")) == 1 })
	})
}

// TestScheduledBackups: every node makes its own, keeps as many as it is told to,
// and stops when it is told to.
func TestScheduledBackups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 2)
		files := func(n *labNode) int {
			all, err := filepath.Glob(filepath.Join(n.opts.Settings.DataDir, "backups", "*"))
			if err != nil {
				t.Fatal(err)
			}
			return len(all)
		}
		for _, bad := range []string{`{"every_seconds":5}`, `{"every_seconds":60,"keep":-1}`, `{"every_seconds":60,"dir":"../x"}`, `{"every_seconds":60,"recipients":["me"]}`} {
			if w := l.nodes[0].do("PUT", adminPath+"/snapshot/schedule", bad); w.Code != 422 {
				t.Errorf("%s: %d %s", bad, w.Code, w.Body)
			}
		}
		l.nodes[0].mustDo(t, "PUT", adminPath+"/snapshot/schedule", `{"every_seconds":60,"keep":2}`)
		time.Sleep(10 * time.Second)
		for _, n := range l.nodes {
			if got := files(n); got != 1 {
				t.Errorf("%s has %d backups at first, want one", n.ip, got)
			}
		}
		foreign := filepath.Join(l.nodes[1].opts.Settings.DataDir, "backups", "notes.txt")
		if err := os.WriteFile(foreign, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if a, b := files(l.nodes[0]), files(l.nodes[1]); a != 2 || b != 3 {
			t.Errorf("after minutes there are %d and %d files, want 2 backups on each, and a note on one", a, b)
		}
		if got := l.nodes[1].mustDo(t, "GET", adminPath+"/snapshot/schedule", ""); !strings.Contains(got, `"keep":2,"dir":"backups"`) || !strings.Contains(got, "tocsin-node2-") {
			t.Errorf("the schedule says %s", got)
		}
		l.nodes[1].mustDo(t, "PUT", adminPath+"/snapshot/schedule", `{"every_seconds":0}`)
		time.Sleep(time.Second)
		if err := os.RemoveAll(filepath.Join(l.nodes[0].opts.Settings.DataDir, "backups")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if got := files(l.nodes[0]); got != 0 {
			t.Errorf("%d backups were made after the schedule was ended", got)
		}
	})
}

// TestBackupsAfterAClockThatWasAhead: what was made while the clock was ahead goes
// before what was made since, and what a crash has left goes too.
func TestBackupsAfterAClockThatWasAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1)
		data := l.nodes[0].opts.Settings.DataDir
		dir := filepath.Join(data, "backups")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		ahead := []string{"tocsin-node1-20990101T000000Z.snapshot", "tocsin-node1-20990101T000100Z.snapshot"}
		crashed := ".tocsin-node1-19991231T000000Z.snapshot.partial-1"
		for _, name := range append(ahead, crashed) {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		old := time.Now().Add(-48 * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, crashed), old, old); err != nil {
			t.Fatal(err)
		}
		l.nodes[0].mustDo(t, "PUT", adminPath+"/snapshot/schedule", `{"every_seconds":60,"keep":2}`)
		for _, want := range []int{1, 0} { // how many of those from the future are left after each minute
			time.Sleep(70 * time.Second)
			left, mine := 0, 0
			all, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range all {
				if slices.Contains(ahead, e.Name()) {
					left++
				} else if e.Name() != crashed {
					mine++
				}
			}
			if left != want || mine != 2-want {
				t.Errorf("there are %d backups from the future and %d from now, want %d and %d: %v", left, mine, want, 2-want, all)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, crashed)); !os.IsNotExist(err) {
			t.Error("what a crash left is still there")
		}
	})
}

// TestStartClearsRestores: a restore that the machine's end interrupted leaves no
// secrets behind.
func TestStartClearsRestores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1)
		left := filepath.Join(l.nodes[0].opts.Settings.DataDir, ".restore-1")
		if err := errors.Join(os.Mkdir(left, 0o700), os.WriteFile(filepath.Join(left, "backup"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := l.nodes[0].Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.start(l.nodes[0])
		if _, err := os.Stat(left); !os.IsNotExist(err) {
			t.Error("it is there still")
		}
	})
}
