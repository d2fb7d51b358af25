package cli

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

func newDeliveries(s Streams) *cobra.Command {
	var q client.DeliveryQuery
	cmd, r := attach(&cobra.Command{
		Use:   "deliveries",
		Short: "Show what was sent to whom, by which node, newest first",
		Args:  nothing,
	}, s)
	fs := cmd.Flags()
	fs.StringVarP(&q.Receiver, "receiver", "r", "", "Only of this receiver.")
	fs.StringVar(&q.Group, "group", "", "Only of this group key.")
	fs.StringVar(&q.Integration, "integration", "", "Only of this integration.")
	fs.StringVar(&q.Outcome, "outcome", "", "Only of this outcome: sent, failed or expired.")
	fs.Uint64Var(&q.Before, "before", 0, "Only those before this number: the last of the page before.")
	fs.IntVarP(&q.Limit, "limit", "n", 20, "How many, from 1 to 1000.")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if q.Limit < 1 || q.Limit > 1000 {
			return usagef("--limit must be from 1 to 1000, not %d", q.Limit)
		}
		return r.call(cmd, func(ctx context.Context, c *client.Client) error {
			rows, err := c.Deliveries(ctx, q)
			if err != nil {
				return err
			}
			return r.print(rows, func(t *table) { deliveryRows(t, rows) })
		})
	}
	return cmd
}

func deliveryRows(t *table, rows []client.Delivery) {
	t.row("NO", "AT", "OUTCOME", "RECEIVER", "INTEGRATION", "GROUP", "FIRING", "RESOLVED", "REASON", "NODE", "TOOK", "NOTES")
	for i := range rows {
		d := &rows[i]
		no := "-"
		if d.Seq != 0 {
			no = strconv.FormatUint(d.Seq, 10)
		}
		took := (time.Duration(d.TookMillis) * time.Millisecond).String()
		t.row(no, when(d.At), d.Outcome, d.Receiver, d.Integration, d.Group,
			strconv.FormatUint(uint64(d.Firing), 10), strconv.FormatUint(uint64(d.Resolved), 10), d.Reason,
			cmp.Or(d.NodeName, d.Node), took, deliveryNotes(d))
	}
}

func deliveryNotes(d *client.Delivery) string {
	var notes []string
	switch {
	case d.Unmerged:
		notes = append(notes, "without a quorum, not in the cluster's history yet")
	case d.Degraded:
		notes = append(notes, "without a quorum")
	}
	if d.Error != "" {
		notes = append(notes, d.Error)
	}
	return dash(strings.Join(notes, ": "))
}
