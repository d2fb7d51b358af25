package app

import (
	"context"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/config"
	"tocsin/dispatcher/plan"
	"tocsin/fsm/model"
	"tocsin/httpapi/admin"
)

// planner says what another configuration would change.
type planner struct{ node *Node }

// Plan looks at the alerts, silences and ledger of this node at this moment.
func (p *planner) Plan(_ context.Context, v *model.ConfigVersion) (plan.Plan, error) {
	load := p.node.load
	load.Metrics = nil
	next, err := config.Load(v, load)
	if err != nil {
		return plan.Plan{}, err
	}
	view := p.node.machine.View()
	return plan.Of(plan.Input{
		Old: p.node.configs.running.Load(), New: next,
		Alerts: p.node.alerts.All(),
		Silenced: func(a *alert.Alert, _ time.Time) bool {
			return len(p.node.dispatch.Status(a).SilencedBy) > 0
		},
		Entry: view.Entry, Entries: view.Entries(),
		Now: p.node.cluster.Now(),
	})
}

// Objections asks the other voters whether they can load a version.
func (p *planner) Objections(ctx context.Context, v *model.ConfigVersion) []admin.Invalid {
	var out []admin.Invalid
	for _, o := range p.node.cluster.AskVoters(ctx, model.Encode(v)) {
		out = append(out, invalidOf(o))
	}
	return out
}
