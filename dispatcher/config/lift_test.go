package config_test

import (
	"strings"
	"testing"

	amconfig "github.com/prometheus/alertmanager/config"
	"pgregory.net/rapid"

	"tocsin/dispatcher/config"
	"tocsin/fsm/model"
)

// rewritten is what Alertmanager reads from a text that has to be written anew
// because a key of ours is in it, and from the same text without that key.
func rewritten(t interface {
	Helper()
	Fatalf(string, ...any)
}, text string,
) (got, want string) {
	t.Helper()
	const ours = "\nreceivers:\n  - name: ours\n    email_configs: [{to: a@example.com, subject: x}]\n"
	const theirs = "\nreceivers:\n  - name: ours\n    email_configs: [{to: a@example.com, headers: {Subject: x}}]\n"
	exported, err := config.Export(&model.ConfigVersion{YAML: []byte(strings.Replace(text, "\nreceivers:\n", ours, 1))})
	if err != nil {
		t.Fatalf("export: %v\n%s", err, text)
	}
	a, err := amconfig.Load(string(exported))
	if err != nil {
		t.Fatalf("load the export: %v\n%s", err, exported)
	}
	b, err := amconfig.Load(strings.Replace(text, "\nreceivers:\n", theirs, 1))
	if err != nil {
		t.Fatalf("load the original: %v\n%s", err, text)
	}
	return a.String(), b.String()
}

// TestRewritingChangesNothing: what stands beside a key of ours means the same
// after it was turned into Alertmanager's: anchors, merges, styles, the words
// for true.
func TestRewritingChangesNothing(t *testing.T) {
	got, want := rewritten(t, `
global: {smtp_smarthost: 'm.example:25', smtp_from: f@example.com, smtp_require_tls: off, resolve_timeout: 5m}
route:
  receiver: r
  group_by: [&name alertname, cluster]
  routes:
    - &first {receiver: r, matchers: [a="b"], group_wait: 1s, repeat_interval: 3h}
    - {<<: *first, group_wait: 2s}
    - &third {match: {c: d}, group_wait: 3s, repeat_interval: 9h, continue: yes}
    - <<: [*first, *third]
      group_interval: 7m
    - group_wait: 9s
      <<: *first
receivers:
  - name: r
    webhook_configs:
      - url: http://x.example
        send_resolved: no
        max_alerts: 0x10
        timeout: 0
        payload:
          literal: |2
              two more spaces
            text

          keep: |+
            a

          strip: >-
            folded
            text
          tab: "a\tb"
          looks: ['on', on, 010, '010', 1e3, ~, null, '', "null", 12:30, 0o7, .5, 2026-01-02, '=', '<<', "a: b", '# no', "ü\u0085"]
          plain: it is - not
            # a comment
          *name : x
`)
	compareLines(t, got, want)
}

// TestAnyTextSurvivesRewriting: texts of all kinds, in all ways of writing them.
func TestAnyTextSurvivesRewriting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{
			"", " ", "x", "  indented", "trailing ", "\ttab", "- item", "# hash", "key: value", "'quoted'", `"double"`, "%tag", "{{ .Status }}", "---", "ü", "| pipe", "> fold", "!bang", "&a", "*a", "@", "`",
		}), 0, 5).Draw(t, "lines")
		indicator := rapid.SampledFrom([]string{"|2", "|2-", "|2+", ">2", ">2-", ">2+"}).Draw(t, "indicator")
		text := "\nglobal: {smtp_smarthost: 'm.example:25', smtp_from: f@example.com}\nroute: {receiver: r}\nreceivers:\n" +
			"  - name: r\n    email_configs:\n    - to: b@example.com\n      html: " + indicator + "\n"
		for _, l := range lines {
			text += "        " + l + "\n"
		}
		text += "      hello: y\n"
		if strings.Contains(text, "{{") && len(config.Check("x", []byte(text))) > 0 {
			t.Skip("not a configuration")
		}
		if _, err := amconfig.Load(text); err != nil {
			t.Skip("not a configuration")
		}
		got, want := rewritten(t, text)
		if got != want {
			t.Fatalf("it reads\n%s\nwant\n%s", got, want)
		}
	})
}

// TestPathsAreNoTemplates: braces in the path of a file or in a password are no
// business of the templates.
func TestPathsAreNoTemplates(t *testing.T) {
	text := "route: {receiver: r}\nreceivers: [{name: r, webhook_configs: [{url_file: '/x/{{', http_config: {basic_auth: {username: '{{', password: '{{ x'}}}]}]\n"
	if ps := config.Check("x.yml", []byte(text)); len(ps) > 0 {
		t.Errorf("problems are %v", ps)
	}
}
