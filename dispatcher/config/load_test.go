package config_test

import (
	"crypto/md5"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	amconfig "github.com/prometheus/alertmanager/config"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/config"
	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

// TestGuide: the configuration of the guide works as it stands there.
func TestGuide(t *testing.T) {
	v := bundle(t, "guide.yml")
	if ps := config.Check("guide.yml", v.YAML); len(ps) > 0 {
		t.Errorf("Check finds:\n%v", ps)
	}
	if ps := config.CheckVersion("guide.yml", v, config.Options{}); len(ps) > 0 {
		t.Errorf("CheckVersion finds:\n%v", ps)
	}
	c, err := config.Load(v, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mail := c.Upstream.Receivers[1].EmailConfigs[0]
	if mail.Headers["Subject"] != "CRITICAL: {{ .GroupLabels.alertname }}" {
		t.Errorf("subject is %q", mail.Headers["Subject"])
	}
	if !strings.HasPrefix(mail.Text, "{{ range .Alerts }}\nAlert:") || mail.HTML != "" {
		t.Errorf("text is %q and html %q", mail.Text, mail.HTML)
	}
	if got := c.Routes.Match(alert.NewLabels(map[string]string{"severity": "warning"}))[0].Receiver; got != "warning-alerts" {
		t.Errorf("a warning goes to %s", got)
	}
	if _, err := amconfig.Load(string(v.YAML)); err == nil {
		t.Error("Alertmanager takes the guide's text; the sample shows nothing")
	}
}

func TestExport(t *testing.T) {
	for _, name := range []string{"guide.yml", "all.yml"} {
		v := bundle(t, name)
		out, err := config.Export(v)
		if err != nil {
			t.Fatal(err)
		}
		c, err := amconfig.Load(string(out))
		if err != nil {
			t.Fatalf("%s: Alertmanager refuses the export: %v", name, err)
		}
		if name == "all.yml" && string(out) != string(v.YAML) {
			t.Error("a text without keys of ours is changed by the export")
		}
		loaded, err := config.Load(v, config.Options{BaseDir: configs})
		if err != nil {
			t.Fatal(err)
		}
		if loaded.Masked() != c.String() {
			t.Errorf("%s: Alertmanager would show\n%s\nwe show\n%s", name, c, loaded.Masked())
		}
	}
	_, err := config.Export(&model.ConfigVersion{YAML: []byte("route: 1")})
	var problems config.Problems
	if !errors.As(err, &problems) {
		t.Errorf("exporting a broken text says %v, want Problems", err)
	}
}

// TestAllIntegrations: all eighteen are built from one configuration, each with
// an identity, and nothing shows a secret.
func TestAllIntegrations(t *testing.T) {
	v := bundle(t, "all.yml")
	if ps := config.CheckVersion("all.yml", v, config.Options{BaseDir: configs}); len(ps) > 0 {
		t.Fatal(ps)
	}
	c, err := config.Load(v, config.Options{BaseDir: configs})
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	seen := make(map[string]bool)
	for _, i := range c.Receivers["everything"].Integrations {
		types = append(types, i.Name())
		if !strings.HasPrefix(i.Identity(), i.Name()+"/") || seen[i.Identity()] {
			t.Errorf("the identity of %s is %q", i.Name(), i.Identity())
		}
		seen[i.Identity()] = true
	}
	slices.Sort(types)
	if !slices.Equal(types, notify.Types()) {
		t.Errorf("built are %v, want %v", types, notify.Types())
	}
	if strings.Contains(c.Masked(), "hush") {
		t.Error("the masked text shows a secret")
	}
	if _, err := amconfig.Load(c.Masked()); err != nil {
		t.Errorf("Alertmanager does not read the masked text: %v", err)
	}
	if _, ok := c.Receivers["unused"]; ok || len(c.Receivers) != 3 {
		t.Errorf("built are %d receivers, want the three that routes name", len(c.Receivers))
	}
	if len(c.ReceiverNames) != 4 || c.ReceiverNames[0].Labels["owner"] != "ops" || c.ReceiverNames[3].Name != "unused" {
		t.Errorf("receivers for the API are %v", c.ReceiverNames)
	}
	if c.ResolveTimeout != 3*time.Minute || len(c.InhibitRules) != 1 || c.Rev != v.Rev {
		t.Errorf("resolve timeout %v, %d inhibit rules, revision %d", c.ResolveTimeout, len(c.InhibitRules), c.Rev)
	}
	for _, name := range []string{"nights", "workdays"} {
		if _, _, err := c.Intervals.Mutes([]string{name}, time.Now()); err != nil {
			t.Errorf("interval %s: %v", name, err)
		}
	}
}

// TestMaskedSlackToken: filling in an app token leaves settings that
// Alertmanager's parser forbids; what we show is read back all the same.
func TestMaskedSlackToken(t *testing.T) {
	c := load(t, `
global: {slack_app_token: hush-token}
route: {receiver: a}
receivers:
  - name: a
    slack_configs: [{channel: x}]
    webhook_configs: [{url: 'https://x.example/hush-url', http_config: {http_headers: {X: {secrets: [hush-header]}}}}]
`)
	if strings.Contains(c.Masked(), "hush") {
		t.Errorf("the masked text shows a secret:\n%s", c.Masked())
	}
	if _, err := amconfig.Load(c.Masked()); err != nil {
		t.Errorf("Alertmanager does not read the masked text: %v\n%s", err, c.Masked())
	}
}

func TestHash(t *testing.T) {
	text := []byte("route: {receiver: a}\nreceivers: [{name: a}]\n")
	sum := md5.Sum(text)
	var want float64
	for i := 5; i >= 0; i-- {
		want = want*256 + float64(sum[i])
	}
	if got := load(t, string(text)).Hash; got != want {
		t.Errorf("hash is %v, want %v", got, want)
	}
}

// TestBuildProblems: what only shows when a receiver is built is found too, also
// in receivers that no route names, at the receiver's place.
func TestBuildProblems(t *testing.T) {
	v := &model.ConfigVersion{YAML: []byte(`
route: {receiver: a}
receivers:
  - name: a
  - name: b
    webhook_configs: [{url: 'http://x.example', http_config: {tls_config: {ca_file: not-there.pem}}}]
`)}
	ps := config.CheckVersion("x.yml", v, config.Options{BaseDir: configs})
	if len(ps) != 1 || ps[0].Line != 5 || !strings.Contains(ps[0].Message, "not-there.pem") {
		t.Errorf("problems are %v", ps)
	}
	if _, err := config.Load(v, config.Options{BaseDir: configs}); err != nil {
		t.Errorf("a receiver that nobody uses keeps the configuration from loading: %v", err)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "url"), []byte("http://x.example"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(&model.ConfigVersion{YAML: []byte(`
route: {receiver: a}
receivers:
  - name: a
    webhook_configs:
      - url_file: ` + filepath.Join(dir, "gone") + `
        http_config:
          basic_auth: {username: u, password_file: password}
          http_headers: {X: {files: [url]}}
`)}, config.Options{BaseDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range c.Files {
		got = append(got, filepath.Base(f.Path))
		if missing := filepath.Base(f.Path) == "gone"; missing != (f.Err != nil) || missing != (f.SHA256 == [32]byte{}) {
			t.Errorf("%s: %v, %x", f.Path, f.Err, f.SHA256)
		}
	}
	if !slices.Equal(got, []string{"gone", "password", "url"}) {
		t.Errorf("files are %v", got)
	}
}

// TestFilesAreNeededBeforeAVersionRuns: a version that is proposed is refused for
// a file that is not there, at the line that names it; one that runs is loaded.
func TestFilesAreNeededBeforeAVersionRuns(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "there"), []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	v := &model.ConfigVersion{YAML: []byte(`route: {receiver: a}
receivers:
  - name: a
    webhook_configs:
      - url: http://x.example
        http_config:
          basic_auth: {username: u, password_file: there}
      - url: http://y.example
        http_config:
          basic_auth: {username: u, password_file: gone}
`)}
	if ps := config.CheckVersion("x.yml", v, config.Options{BaseDir: dir}); len(ps) > 0 {
		t.Errorf("what runs may name a file that is gone: %v", ps)
	}
	ps := config.CheckVersion("x.yml", v, config.Options{BaseDir: dir, NeedFiles: true})
	if len(ps) != 1 || ps[0].Line != 10 || !strings.Contains(ps[0].Message, filepath.Join(dir, "gone")) {
		t.Errorf("problems: %v, want one at line 10", ps)
	}
}
