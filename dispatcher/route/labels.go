package route

import (
	"errors"
	"fmt"

	upstream "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/template"
	prommodel "github.com/prometheus/common/model"

	"tocsin/dispatcher/alert"
)

// unknownReason is what Alertmanager gives route labels for the notification's
// reason: they are the same for every message of a group.
const unknownReason = "unknown"

// RenderLabels is the route labels with their templates executed against a
// group and its alerts, as Alertmanager shows and sends them. A label whose
// template fails is left out, and said in the error beside the others' result.
func (r *Route) RenderLabels(tmpl *template.Template, group alert.Labels, alerts []*alert.Alert) (map[string]string, error) {
	if len(r.Labels) == 0 {
		return nil, nil
	}
	raw := make(prommodel.LabelSet, len(r.Labels))
	for _, p := range r.Labels {
		raw[prommodel.LabelName(p.Name)] = prommodel.LabelValue(p.Value)
	}
	sent := make([]*upstream.Alert, len(alerts))
	for i, a := range alerts {
		sent[i] = a.Upstream()
	}
	data := tmpl.Data(r.Receiver, LabelSet(group), raw, unknownReason, sent...)
	render := tmpl.RouteLabelRenderer(data)
	out := make(map[string]string, len(r.Labels))
	var errs error
	for _, p := range r.Labels {
		value, err := render(p.Name)
		if err != nil {
			errs = errors.Join(errs, fmt.Errorf("render route label %s: %w", p.Name, err))
			continue
		}
		out[p.Name] = value
	}
	return out, errs
}

// LabelSet is labels in the form that Alertmanager's packages take.
func LabelSet(ls alert.Labels) prommodel.LabelSet {
	set := make(prommodel.LabelSet, len(ls))
	for n, v := range ls.All() {
		set[prommodel.LabelName(n)] = prommodel.LabelValue(v)
	}
	return set
}
