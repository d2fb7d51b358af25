package route_test

import (
	"maps"
	"net/url"
	"strings"
	"testing"

	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/template"
	prommodel "github.com/prometheus/common/model"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/route"
)

func TestRenderLabels(t *testing.T) {
	tmpl, err := template.FromGlobs(nil)
	if err != nil {
		t.Fatal(err)
	}
	tmpl.ExternalURL = &url.URL{}
	tree, err := route.New(&amconfig.Route{
		Receiver: "a.b",
		Labels:   prommodel.LabelSet{"team": "{{ .GroupLabels.team }}", "static": "x"},
		Routes: []*amconfig.Route{{Labels: prommodel.LabelSet{
			"both":  `{{ routeLabels "team" }}/{{ len .Alerts }}`,
			"bad":   "{{ .Nothing.Here }}",
			"round": `{{ routeLabels "round" }}`,
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := alert.Of(alert.NewLabels(map[string]string{"team": "core", "instance": "1"}))
	r := tree.Root().Routes[0]
	got, err := r.RenderLabels(tmpl, alert.NewLabels(map[string]string{"team": "core"}), []*alert.Alert{&a})
	want := map[string]string{"team": "core", "static": "x", "both": "core/1"}
	if !maps.Equal(got, want) {
		t.Errorf("labels are %v, want %v", got, want)
	}
	for _, name := range []string{"bad", "round"} {
		if err == nil || !strings.Contains(err.Error(), "route label "+name) {
			t.Errorf("error %v does not name %s", err, name)
		}
	}
}
