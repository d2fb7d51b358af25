package config_test

import (
	"slices"
	"strings"
	"testing"

	"tocsin/dispatcher/config"
	"tocsin/fsm/model"
)

const diffBase = `# the old password was swordfish1
global:
  smtp_auth_password: hunter22
route:
  receiver: a
receivers:
  - name: a
    webhook_configs:
      - url: http://a.example/hook-one
`

func versionOf(rev uint64, yaml string, templates ...model.TemplateFile) *model.ConfigVersion {
	return &model.ConfigVersion{Rev: rev, YAML: []byte(yaml), Templates: templates}
}

func TestCompare(t *testing.T) {
	other := strings.NewReplacer("receiver: a", "receiver: b", "name: a", "name: b").Replace(diffBase)
	d, err := config.Compare(versionOf(3, diffBase), versionOf(4, other))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--- version 3/alertmanager.yml\n+++ version 4/alertmanager.yml\n", "-    receiver: a\n+    receiver: b\n"} {
		if !strings.Contains(d.Text, want) {
			t.Errorf("%q is not in\n%s", want, d.Text)
		}
	}
	same, err := config.Compare(versionOf(3, diffBase), versionOf(4, diffBase))
	if err != nil || !same.Empty() || same.Silent {
		t.Errorf("equal texts: %+v, %v", same, err)
	}
	quiet, err := config.Compare(versionOf(3, diffBase), versionOf(4, "# a remark\n"+diffBase))
	if err != nil || !quiet.Empty() || !quiet.Silent {
		t.Errorf("a remark more: %+v, %v", quiet, err)
	}
	first, err := config.Compare(nil, versionOf(1, diffBase))
	if err != nil || !strings.HasPrefix(first.Text, "--- /dev/null\n+++ version 1/alertmanager.yml\n") {
		t.Errorf("the first version: %+v, %v", first, err)
	}
	if _, err := config.Compare(versionOf(1, diffBase), versionOf(2, "{")); err == nil {
		t.Error("no YAML was compared")
	}
}

// TestCompareHidesSecrets looks for every secret in all that a comparison says,
// wherever it stands, and finds the place of those that differ.
func TestCompareHidesSecrets(t *testing.T) {
	other := strings.NewReplacer("hunter22", "hunter33", "hook-one", "hook-two", "swordfish1", "swordfish2").Replace(diffBase)
	leak := model.TemplateFile{Name: "a.tmpl", Text: []byte("{{ define \"x\" }}hunter33{{ end }}\nno end")}
	d, err := config.Compare(versionOf(3, diffBase), versionOf(4, other, leak))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hunter", "swordfish", "hook-"} {
		if strings.Contains(d.Text+strings.Join(d.Secrets, " "), secret) {
			t.Errorf("%s is in %+v", secret, d)
		}
	}
	want := []string{"global.smtp_auth_password", "receivers[a].webhook_configs[0].url"}
	if !slices.Equal(d.Secrets, want) {
		t.Errorf("secrets that differ: %v, want %v", d.Secrets, want)
	}
	if !strings.Contains(d.Text, "+++ version 4/a.tmpl\n@@ -0,0 +1,3 @@\n+{{ define \"x\" }}<secret>{{ end }}\n+no end\n+\\ No newline at end of file\n") {
		t.Errorf("the template:\n%s", d.Text)
	}
}
