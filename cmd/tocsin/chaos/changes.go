package chaos

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// people are scenarios in which somebody changes something during a cut.
func people() []Scenario {
	cutOff := Link{Cut: true}
	late := Plan{From: breaks, To: mended, Shift: 6}
	want := Want{PerState: 1, First: []FirstWant{{Span{-1, forever}, usual + 1.5}}}
	return []Scenario{
		{
			Name: "configuration applied during a cut", Plan: late, Settle: follows, Want: want,
			Steps: []Step{cut(breaks, cutOff), {breaks + 3, "apply a configuration", applySecond}, heal(mended)},
			Check: checkSecond,
		},
		{
			Name: "silence created during a cut", Plan: late, Settle: follows, Want: want, Story: quietStory,
			Steps: []Step{cut(breaks, cutOff), {breaks + 3, "silence g25 to g29", silenceLast}, heal(mended)},
			Check: checkSilence,
		},
	}
}

// applySecond gives the nodes that are not cut off a configuration that sends
// the groups g20 to g29 to a receiver of their own. On Alertmanager that is a
// file and a reload on each of them.
func applySecond(ctx context.Context, w *World) error {
	text := strings.Replace(w.configText(), "receivers:\n", `  routes:
  - matchers: ['alertname=~"g2."']
    receiver: second
receivers:
- name: second
  webhook_configs:
  - url: http://`+fmt.Sprintf("%s:%d", addr(sinkHost), sinkPort)+"/second\n", 1)
	for i, n := range w.Others(w.Victim) {
		if err := os.WriteFile(n.Config(), []byte(text), 0o600); err != nil {
			return err
		}
		if w.Sys.Name != Tocsin {
			if err := n.Signal(syscall.SIGHUP); err != nil {
				return err
			}
			continue
		}
		if i == 0 { // the cluster passes it on
			if err := n.Do(ctx, "POST", "/-/reload", nil, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkSecond checks that the majority used the new configuration at once, and
// everybody after the cut.
func checkSecond(w *World) []string {
	var out []string
	for _, a := range w.Sink.Arrivals() {
		if a.Code/100 != 2 || !strings.HasPrefix(a.Group, "g2") {
			continue
		}
		island := a.Node == w.Victim.Name && a.At < mended+5
		if a.Receiver == "hook" && !island {
			out = append(out, fmt.Sprintf("%s was told by %s under the old configuration at %.1f s", a.Group, a.Node, a.At))
		}
	}
	return out
}

// quietStory is the standard story in which nobody is missed who does not hear
// of the last groups.
func quietStory(p Plan) Story {
	s := p.Story()
	for i := range s.Alerts {
		if s.Alerts[i].Group >= "g25" {
			s.Alerts[i].Optional = true
		}
	}
	return s
}

// silenceLast silences the groups g25 to g29 on a node that is not cut off.
func silenceLast(ctx context.Context, w *World) error {
	now := time.Now().UTC()
	body := map[string]any{
		"matchers":  []map[string]any{{"name": "alertname", "value": "g2[5-9]", "isRegex": true}},
		"startsAt":  now,
		"endsAt":    now.Add(time.Hour),
		"createdBy": "chaos", "comment": "during a cut",
	}
	return w.Others(w.Victim)[0].Do(ctx, "POST", "/api/v2/silences", body, nil)
}

// checkSilence checks that the majority kept silent, and everybody after the
// cut.
func checkSilence(w *World) []string {
	var out []string
	for _, t := range w.Sink.Told() {
		island := t.Node == w.Victim.Name && t.At < mended+1
		if t.Group >= "g25" && !island {
			out = append(out, fmt.Sprintf("%s was told by %s at %.1f s, though silenced", t.Group, t.Node, t.At))
		}
	}
	return out
}
