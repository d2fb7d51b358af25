package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tocsin/dispatcher/config"
	"tocsin/fsm/model"
)

func TestTargets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte("https://from.file.test/secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := `
global: { smtp_smarthost: "mail.test:587", smtp_from: a@b.test, opsgenie_api_key: k, pagerduty_url: "https://events.pd.test/x" }
route: { receiver: all }
receivers:
- name: unused
  webhook_configs: [{ url: "http://unused.test/" }]
- name: all
  webhook_configs:
  - url: http://hook.test:8080/secret
  - url: https://user:secret@hook.test/secret
  - url_file: ` + file + `
  - url_file: /does/not/exist
  - url: http://far.test/secret
    http_config: { proxy_url: "http://proxy.test:3128" }
  - url: "http://{{ .CommonLabels.x }}.test/secret"
  email_configs: [{ to: c@d.test }]
  pagerduty_configs: [{ routing_key: secret }]
  opsgenie_configs: [{}]
  slack_configs: [{ api_url: "https://hooks.slack.test/secret", channel: "#x" }]
  telegram_configs: [{ bot_token: secret, chat_id: 1 }]
  pushover_configs: [{ token: secret, user_key: secret }]
  sns_configs: [{ topic_arn: "arn:aws:sns:eu-west-1:1:x", sigv4: { region: eu-west-1 } }]
  discord_configs: [{ webhook_url: "https://discord.test/secret" }]
`
	c, err := config.Load(&model.ConfigVersion{YAML: []byte(text)}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range c.Targets() {
		got = append(got, fmt.Sprintf("%s %s %s tls=%v proxy=%v %s", x.Receiver, x.Integration, x.Address, x.TLS, x.Proxy, x.Problem))
		if strings.Contains(fmt.Sprint(x), "secret") {
			t.Errorf("%v shows a secret", x)
		}
	}
	want := []string{
		"all discord[0] discord.test:443 tls=true proxy=false ",
		"all email[0] mail.test:587 tls=false proxy=false ",
		"all opsgenie[0] api.opsgenie.com:443 tls=true proxy=false ",
		"all pagerduty[0] events.pd.test:443 tls=true proxy=false ",
		"all pushover[0] api.pushover.net:443 tls=true proxy=false ",
		"all slack[0] hooks.slack.test:443 tls=true proxy=false ",
		"all sns[0] sns.eu-west-1.amazonaws.com:443 tls=true proxy=false ",
		"all telegram[0] api.telegram.org:443 tls=true proxy=false ",
		"all webhook[0] hook.test:8080 tls=false proxy=false ",
		"all webhook[1] hook.test:443 tls=true proxy=false ",
		"all webhook[2] from.file.test:443 tls=true proxy=false ",
		"all webhook[3]  tls=false proxy=false read the file of its address: open /does/not/exist: no such file or directory",
		"all webhook[4] proxy.test:3128 tls=false proxy=true ",
		"all webhook[5]  tls=false proxy=false its address is a template",
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
