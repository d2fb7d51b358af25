package cli

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

func newAudit(s Streams) *cobra.Command {
	cmd, r := attach(group("audit", "Show who changed what"), s)
	cmd.AddCommand(newAuditList(r))
	return cmd
}

func newAuditList(r *remote) *cobra.Command {
	var q client.AuditQuery
	var since, before string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what people changed, newest first",
		Example: `  tocsin audit list --since 24h
  tocsin audit list --who ann --action silence`,
		Args: nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.Limit < 1 || q.Limit > 1000 {
				return usagef("--limit must be from 1 to 1000, not %d", q.Limit)
			}
			var err error
			if q.Since, err = r.moment("--since", since); err != nil {
				return err
			}
			if q.Until, err = r.moment("--until", before); err != nil {
				return err
			}
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				rows, err := c.Audit(ctx, q)
				if err != nil {
					return err
				}
				return r.print(rows, func(t *table) { auditRows(t, rows) })
			})
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&q.Who, "who", "", "Only what this one did: a token's or a user's name, or local.")
	fs.StringVar(&q.Action, "action", "", "Only this: an action such as silence.create, or its noun.")
	fs.StringVar(&q.Target, "target", "", "Only what was done to this: a silence's ID, a token's name.")
	fs.StringVar(&since, "since", "", "Only since then: a time (RFC 3339), or how long ago, such as 24h or 7d.")
	fs.StringVar(&before, "until", "", "Only before then, in the same words.")
	fs.Uint64Var(&q.Before, "before", 0, "Only those before this number: the last of the page before.")
	fs.IntVarP(&q.Limit, "limit", "n", 50, "How many, from 1 to 1000.")
	return cmd
}

// moment is a time, or how long ago it was; zero for nothing.
func (r *remote) moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		return time.Time{}, usagef("%s must be a time such as 2026-01-02T15:04:05Z, or how long ago, such as 24h; not %q", flag, text)
	}
	return r.now().Add(-time.Duration(d)), nil
}

func auditRows(t *table, rows []client.AuditRow) {
	t.row("NO", "AT", "WHO", "FROM", "NODE", "ACTION", "TARGET", "OUTCOME", "DETAIL")
	for i := range rows {
		a := &rows[i]
		t.row(strconv.FormatUint(a.Seq, 10), when(a.At), dash(a.Who), dash(a.From), dash(cmp.Or(a.NodeName, a.Node)),
			a.Action, dash(a.Target), a.Outcome, dash(a.Detail))
	}
}
