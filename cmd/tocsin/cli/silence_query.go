package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

// silenceQuery chooses silences of those that the node lists.
type silenceQuery struct {
	expired, idsOnly bool
	createdBy, id    string
	within           string
}

func newSilenceQuery(r *remote) *cobra.Command {
	var q silenceQuery
	cmd := &cobra.Command{
		Use:   "query [MATCHER...]",
		Short: "List silences",
		Long:  "List the pending and active silences that have all given matchers.\n\n" + matcherForms,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := parseMatchers(args); err != nil {
				return err
			}
			keep, err := q.keep(r.now())
			if err != nil {
				return err
			}
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				all, err := c.Silences(ctx, withAlertname(args))
				if err != nil {
					return err
				}
				chosen := slices.DeleteFunc(all, func(s client.Silence) bool { return !keep(s) })
				if q.idsOnly {
					return r.print(silenceIDs(chosen), func(t *table) {
						for _, s := range chosen {
							t.row(s.ID)
						}
					})
				}
				return r.print(chosen, func(t *table) { silenceRows(t, chosen) })
			})
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&q.expired, "expired", false, "Show expired silences instead.")
	fs.BoolVarP(&q.idsOnly, "quiet", "q", false, "Only show IDs.")
	fs.StringVar(&q.createdBy, "created-by", "", "Show silences of this author.")
	fs.StringVar(&q.id, "id", "", "Show the silence of this ID.")
	fs.StringVar(&q.within, "within", "", "Show silences that end, or with --expired have ended, within this time.")
	return cmd
}

// keep is the predicate of the query's flags at now.
func (q *silenceQuery) keep(now time.Time) (func(client.Silence) bool, error) {
	var within time.Duration
	if q.within != "" {
		d, err := model.ParseDuration(q.within)
		if err != nil || d <= 0 {
			return nil, usagef("--within %q is not a duration such as 2h", q.within)
		}
		within = time.Duration(d)
	}
	return func(s client.Silence) bool {
		left := s.EndsAt.Sub(now)
		switch {
		case (left < 0) != q.expired:
			return false
		case within != 0 && left.Abs() > within:
			return false
		case q.createdBy != "" && q.createdBy != s.CreatedBy:
			return false
		}
		return q.id == "" || q.id == s.ID
	}, nil
}

func silenceIDs(silences []client.Silence) []string {
	ids := make([]string, 0, len(silences))
	for _, s := range silences {
		ids = append(ids, s.ID)
	}
	return ids
}

func silenceRows(t *table, silences []client.Silence) {
	t.row("ID", "STATE", "MATCHERS", "ENDS AT", "CREATED BY", "COMMENT")
	for _, s := range silences {
		state := ""
		if s.Status != nil {
			state = s.Status.State
		}
		t.row(s.ID, state, matcherText(s.Matchers), when(s.EndsAt), s.CreatedBy, strings.TrimSpace(s.Comment))
	}
}
