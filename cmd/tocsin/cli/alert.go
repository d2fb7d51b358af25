package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

func newAlert(s Streams) *cobra.Command {
	cmd, r := attach(group("alert", "Show and add alerts"), s)
	cmd.AddCommand(newAlertQuery(r), newAlertAdd(r))
	return cmd
}

func newAlertQuery(r *remote) *cobra.Command {
	var q client.AlertQuery
	cmd := &cobra.Command{
		Use:   "query [MATCHER...]",
		Short: "List alerts",
		Long:  "List the alerts that all given matchers match; active ones where no state is\nasked for.\n\n" + matcherForms,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := parseMatchers(args); err != nil {
				return err
			}
			q.Filter = withAlertname(args)
			if !q.Active && !q.Silenced && !q.Inhibited && !q.Unprocessed {
				q.Active = true
			}
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				alerts, err := c.Alerts(ctx, q)
				if err != nil {
					return err
				}
				return r.print(alerts, func(t *table) { alertRows(t, alerts) })
			})
		},
	}
	fs := cmd.Flags()
	fs.BoolVarP(&q.Active, "active", "a", false, "Show active alerts.")
	fs.BoolVarP(&q.Silenced, "silenced", "s", false, "Show silenced alerts.")
	fs.BoolVarP(&q.Inhibited, "inhibited", "i", false, "Show inhibited alerts.")
	fs.BoolVarP(&q.Unprocessed, "unprocessed", "u", false, "Show alerts that no group has taken up yet.")
	fs.StringVarP(&q.Receiver, "receiver", "r", "", "Show alerts of the receivers that this regular expression matches.")
	return cmd
}

func alertRows(t *table, alerts []client.Alert) {
	t.row("ALERTNAME", "STARTS AT", "SUMMARY", "STATE")
	for _, a := range alerts {
		t.row(a.Labels["alertname"], when(a.StartsAt), a.Annotations["summary"], a.Status.State)
	}
}

func newAlertAdd(r *remote) *cobra.Command {
	var annotations []string
	var start, end, generator string
	cmd := &cobra.Command{
		Use:   "add LABEL...",
		Short: "Add an alert",
		Long:  "Add an alert with the given labels, each name=value. A first argument without\n\"=\" is the alertname. Without --end it resolves after the configuration's\nresolve_timeout.",
		Args:  between(1, -1, "labels: name=value"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := postable(args, annotations, start, end)
			if err != nil {
				return err
			}
			a.GeneratorURL = generator
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				return c.PostAlerts(ctx, a)
			})
		},
	}
	fs := cmd.Flags()
	fs.StringArrayVar(&annotations, "annotation", nil, "Annotation, name=value (may be repeated).")
	fs.StringVar(&start, "start", "", "When the alert began to fire, as 2006-01-02T15:04:05Z.")
	fs.StringVar(&end, "end", "", "When the alert stops firing, as 2006-01-02T15:04:05Z.")
	fs.StringVar(&generator, "generator-url", "", "URL of what generated the alert.")
	return cmd
}

func postable(labels, annotations []string, start, end string) (client.PostableAlert, error) {
	var a client.PostableAlert
	var err error
	if a.Labels, err = parseLabels(labels); err != nil {
		return a, err
	}
	if a.Annotations, err = parsePairs("annotation", annotations); err != nil {
		return a, err
	}
	if a.StartsAt, err = parseTime("--start", start); err != nil {
		return a, err
	}
	a.EndsAt, err = parseTime("--end", end)
	return a, err
}

// parseTime reads RFC 3339; the empty text is the zero time.
func parseTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, usagef("%s %q is not a time such as 2006-01-02T15:04:05Z", flag, text)
	}
	return t, nil
}
