package acceptance_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// badConfig is a configuration that must be refused.
type badConfig struct {
	name, text string
	// says is a word that the refusal must have.
	says string
	// line is the line at which ours must place the problem; 0: not looked at.
	line int
	// template is the text of a template file x.tmpl beside it.
	template string
	// crashes an Alertmanager before this version.
	crashes int
}

var badConfigs = []badConfig{
	{name: "broken YAML", text: "route:\n  receiver: hook\n  group_by: [a\nreceivers: []\n", says: "yaml"},
	{name: "tabs", text: "route:\n\treceiver: hook\n", says: "", line: 2},
	{name: "unknown key", text: "route:\n  receiver: hook\n  group_wiat: 1s\nreceivers:\n- name: hook\n", says: "group_wiat", line: 3},
	{name: "unknown section", text: "route: {receiver: hook}\nreceivers: [{name: hook}]\nrecievers: []\n", says: "recievers", line: 3},
	{name: "unknown receiver", text: "route:\n  receiver: hook\n  routes:\n  - receiver: hool\nreceivers:\n- name: hook\n", says: "hool"},
	{name: "receiver twice", text: "route: {receiver: hook}\nreceivers:\n- name: hook\n- name: hook\n", says: "hook"},
	{name: "no route", text: "receivers:\n- name: hook\n", says: "route"},
	{name: "no receivers", text: "route: {receiver: hook}\n", says: "hook"},
	{name: "empty file", text: "", says: "route"},
	{name: "a list", text: "- route\n", says: ""},
	{name: "bad regex", text: "route:\n  receiver: hook\n  routes:\n  - matchers: ['a=~\"(\"']\nreceivers: [{name: hook}]\n", says: "missing closing )"},
	{name: "bad old regex", text: "route:\n  receiver: hook\n  routes:\n  - match_re: {a: '['}\nreceivers: [{name: hook}]\n", says: "missing closing ]"},
	{name: "bad matcher", text: "route:\n  receiver: hook\n  routes:\n  - matchers: ['a']\nreceivers: [{name: hook}]\n", says: "a"},
	{name: "bad duration", text: "route: {receiver: hook, group_wait: soon}\nreceivers: [{name: hook}]\n", says: "soon"},
	{name: "interval of zero", text: "route: {receiver: hook, group_interval: 0s}\nreceivers: [{name: hook}]\n", says: "group_interval"},
	{name: "unknown time interval", text: "route:\n  receiver: hook\n  routes:\n  - mute_time_intervals: [nights]\nreceivers: [{name: hook}]\n", says: "nights"},
	{name: "bad time interval", text: "route: {receiver: hook}\nreceivers: [{name: hook}]\ntime_intervals:\n- name: n\n  time_intervals: [{times: [{start_time: '25:00', end_time: '26:00'}]}]\n", says: "25:00"},
	{name: "bad webhook URL", text: "route: {receiver: hook}\nreceivers:\n- name: hook\n  webhook_configs:\n  - url: 'ftp://x'\n", says: "ftp"},
	{name: "template that does not parse", text: "route: {receiver: hook}\nreceivers: [{name: hook}]\ntemplates: ['*.tmpl']\n", says: "nosuchfunction", template: `{{ define "x" }}{{ nosuchfunction }}{{ end }}`},
	{name: "template not closed", text: "route: {receiver: hook}\nreceivers: [{name: hook}]\ntemplates: ['*.tmpl']\n", says: "x.tmpl", template: `{{ define "x" }}{{ if true }}`},
	{name: "null integration", text: "route: {receiver: hook}\nreceivers:\n- name: hook\n  slack_configs: [null]\n", says: "slack", crashes: 99},
	{name: "null webhook", text: "route: {receiver: hook}\nreceivers:\n- name: hook\n  webhook_configs: [null]\n", says: "webhook", crashes: 99},
	{name: "null opsgenie", text: "route: {receiver: hook}\nreceivers:\n- name: hook\n  opsgenie_configs: [null]\n", says: "opsgenie", crashes: 99},
	{name: "null receiver", text: "route: {receiver: hook}\nreceivers:\n- name: hook\n-\n", says: "receiver", crashes: 99},
	{name: "null route", text: "route:\n  receiver: hook\n  routes:\n  -\nreceivers: [{name: hook}]\n", says: "route", crashes: 99},
	{name: "not UTF-8", text: "route: {receiver: hook}\nreceivers: [{name: \"ho\xff\xfeok\"}]\n", says: ""},
}

// lay writes a bad configuration into a folder.
func (b badConfig) lay(t *testing.T, dir string) {
	t.Helper()
	for file, text := range map[string]string{"config.yml": b.text, "x.tmpl": b.template} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// refused checks what is said about the refusal.
func (b badConfig) refused(t *testing.T, said string) {
	t.Helper()
	if !strings.Contains(strings.ToLower(said), strings.ToLower(b.says)) {
		t.Errorf("the refusal does not mention %q: %s", b.says, said)
	}
	if strings.Contains(said, "goroutine ") || strings.Contains(said, "panic:") {
		t.Errorf("the refusal is a crash: %s", said)
	}
	if b.line == 0 || rig.Tested(t).Oracle {
		return
	}
	if !strings.Contains(said, fmt.Sprintf("line %d", b.line)) && !strings.Contains(said, fmt.Sprintf("config.yml:%d", b.line)) {
		t.Errorf("the refusal does not say that it is line %d: %s", b.line, said)
	}
}

// TestBadConfigOnReload offers each bad configuration to one running server: it
// is refused, the active one stays, and the server goes on.
func TestBadConfigOnReload(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	good := config(hook, routing{wait: "1ms", interval: "500ms"})
	n := rig.StartNode(t, rig.NodeOptions{Config: good})
	before, err := n.Status()
	if err != nil {
		t.Fatal(err)
	}
	hash, _ := n.Metric("alertmanager_config_hash")
	for i, b := range badConfigs {
		if b.crashes > 0 && rig.Tested(t).Oracle {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			b.lay(t, n.Dir)
			r := n.HTTPReload()
			if r.Code != http.StatusInternalServerError || !strings.HasPrefix(r.Body, "failed to reload config: ") {
				t.Fatalf("POST /-/reload: %v, want 500 with the reason", r)
			}
			b.refused(t, r.Body)
			stays(t, n, before, hash)
			// The active configuration still tells.
			name := fmt.Sprint("after ", i)
			told := len(hook.Accepted())
			n.PostAlerts(rig.A("alertname", name).API(time.Now()))
			if !hook.Await(told+1, 3*time.Second) {
				t.Error("no notification after the refused reload")
			}
		})
		if !n.Running() {
			t.Fatalf("the server ended on %q", b.name)
		}
	}
	reloadsByHand(t, n, before, hash)
	n.WriteConfig(t, good)
	if r := n.HTTPReload(); r.Code != http.StatusOK {
		t.Errorf("reload of the good configuration after all that: %v", r)
	}
	if v, _ := n.Metric("alertmanager_config_last_reload_successful"); v != 1 {
		t.Errorf("config_last_reload_successful is %v after a good reload, want 1", v)
	}
}

// reloadsByHand refuses the same by SIGHUP, and when the file is not there.
func reloadsByHand(t *testing.T, n *rig.Node, before rig.Status, hash float64) {
	t.Helper()
	n.WriteConfig(t, badConfigs[2].text)
	if n.Reload(t) {
		t.Error("SIGHUP with a bad configuration seems to have loaded it")
	}
	stays(t, n, before, hash)
	if err := os.Remove(filepath.Join(n.Dir, "config.yml")); err != nil {
		t.Fatal(err)
	}
	if r := n.HTTPReload(); r.Code != http.StatusInternalServerError || !strings.Contains(r.Body, "config.yml") {
		t.Errorf("reload without a file: %v, want 500 naming the file", r)
	}
	stays(t, n, before, hash)
}

// stays checks that the active configuration is still the old one, and that the
// metrics say that the last reload failed.
func stays(t *testing.T, n *rig.Node, before rig.Status, hash float64) {
	t.Helper()
	if v, ok := n.Metric("alertmanager_config_last_reload_successful"); !ok || v != 0 {
		t.Errorf("config_last_reload_successful is %v (%v), want 0", v, ok)
	}
	if v, _ := n.Metric("alertmanager_config_hash"); v != hash && !rig.Tested(t).Oracle {
		t.Errorf("config_hash went from %v to %v", hash, v)
	}
	if st, err := n.Status(); err != nil || st.Config.Original != before.Config.Original {
		t.Errorf("the active configuration changed (%v):\n%s", err, st.Config.Original)
	}
}

// TestBadConfigOnStart starts a server with each bad configuration: it must end
// at once with exit code 1 and say why.
func TestBadConfigOnStart(t *testing.T) {
	t.Parallel()
	for _, b := range append([]badConfig{{name: "no file", says: "config.yml"}}, badConfigs...) {
		t.Run(b.name, func(t *testing.T) {
			if b.crashes > 0 {
				rig.SkipOracle(t, b.crashes, "surviving it")
			}
			dir := t.TempDir()
			if b.text != "" || b.name == "empty file" {
				b.lay(t, dir)
			}
			n := rig.Launch(t, rig.NodeOptions{Dir: dir})
			ends(t, n.Process)
			b.refused(t, n.Log.Text())
		})
	}
}

// ends checks that a process ends soon by itself with exit code 1, without a
// crash.
func ends(t *testing.T, p *rig.Process) {
	t.Helper()
	code, ok := p.Wait(10 * time.Second)
	switch {
	case !ok:
		t.Errorf("%s still runs after 10 s, want an end with exit code 1", p.Name)
	case code != 1:
		t.Errorf("%s ended with exit code %d, want 1", p.Name, code)
	}
	if text := p.Log.Text(); strings.Contains(text, "panic:") || strings.Contains(text, "goroutine 1 [") {
		t.Errorf("%s crashed: %s", p.Name, text)
	}
}
