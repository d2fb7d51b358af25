package cli

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

func newSilence(s Streams) *cobra.Command {
	cmd, r := attach(group("silence", "Show, add, change and end silences"), s)
	cmd.AddCommand(newSilenceAdd(r), newSilenceQuery(r), newSilenceUpdate(r), newSilenceExpire(r), newSilenceImport(r))
	return cmd
}

// span is when a silence is to begin and end, as the command line says it.
type span struct{ start, end, duration string }

func (sp *span) register(cmd *cobra.Command, duration string) {
	fs := cmd.Flags()
	fs.StringVarP(&sp.duration, "duration", "d", duration, "How long the silence lasts from its start, as 1h30m or 2d.")
	fs.StringVar(&sp.start, "start", "", "When the silence begins, as 2006-01-02T15:04:05Z.")
	fs.StringVar(&sp.end, "end", "", "When the silence ends, as 2006-01-02T15:04:05Z; overrules --duration.")
}

// over lays the span over s: what is not said stays as it is.
func (sp *span) over(s *client.Silence) error {
	start, err := parseTime("--start", sp.start)
	if err != nil {
		return err
	}
	end, err := parseTime("--end", sp.end)
	if err != nil {
		return err
	}
	if !start.IsZero() {
		s.StartsAt = start
	}
	switch {
	case !end.IsZero():
		s.EndsAt = end
	case sp.duration != "":
		d, err := model.ParseDuration(sp.duration)
		if err != nil || d <= 0 {
			return usagef("--duration %q is not a duration such as 1h30m or 2d", sp.duration)
		}
		s.EndsAt = s.StartsAt.Add(time.Duration(d))
	}
	if !s.EndsAt.After(s.StartsAt) {
		return usagef("the silence would end at %s, before it begins at %s", when(s.EndsAt), when(s.StartsAt))
	}
	return nil
}

func newSilenceAdd(r *remote) *cobra.Command {
	var sp span
	var author, comment string
	var annotations []string
	cmd := &cobra.Command{
		Use:   "add MATCHER...",
		Short: "Add a silence and print its ID",
		Long:  "Silence the alerts that all given matchers match.\n\n" + matcherForms,
		Args:  between(1, -1, "at least one matcher"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if comment == "" {
				return usagef("a comment is needed: say why with -c")
			}
			s := client.Silence{CreatedBy: author, Comment: comment, StartsAt: r.now().UTC()}
			if err := sp.over(&s); err != nil {
				return err
			}
			ms, err := parseMatchers(args)
			if err != nil {
				return err
			}
			s.Matchers = silenceMatchers(ms)
			if s.Annotations, err = parsePairs("annotation", annotations); err != nil {
				return err
			}
			return r.call(cmd, func(ctx context.Context, c *client.Client) error { return r.putSilence(ctx, c, s) })
		},
	}
	sp.register(cmd, "1h")
	fs := cmd.Flags()
	fs.StringVarP(&author, "author", "a", username(), "Who adds the silence.")
	fs.StringVarP(&comment, "comment", "c", "", "Why the silence is added.")
	fs.StringArrayVar(&annotations, "annotation", nil, "Annotation, name=value (may be repeated).")
	return cmd
}

// putSilence stores s and prints its ID.
func (r *remote) putSilence(ctx context.Context, c *client.Client, s client.Silence) error {
	id, err := c.PutSilence(ctx, s)
	if err != nil {
		return err
	}
	return r.print(map[string]string{"silenceID": id}, func(t *table) { t.row(id) })
}

func newSilenceUpdate(r *remote) *cobra.Command {
	var sp span
	var comment string
	cmd := &cobra.Command{
		Use:   "update ID...",
		Short: "Change when silences begin or end, or their comment",
		Args:  between(1, -1, "the IDs of the silences"),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				for _, id := range ids {
					s, err := c.Silence(ctx, id)
					if err != nil {
						return aboutSilence(id, err)
					}
					if comment != "" {
						s.Comment = comment
					}
					if err := sp.over(&s); err != nil {
						return err
					}
					if err := r.putSilence(ctx, c, s); err != nil {
						return aboutSilence(id, err)
					}
				}
				return nil
			})
		},
	}
	sp.register(cmd, "")
	cmd.Flags().StringVarP(&comment, "comment", "c", "", "The new comment.")
	return cmd
}

func newSilenceExpire(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "expire ID...",
		Short: "End silences now",
		Args:  between(1, -1, "the IDs of the silences"),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				var errs []error
				for _, id := range ids {
					if err := c.ExpireSilence(ctx, id); err != nil {
						errs = append(errs, aboutSilence(id, err))
					}
				}
				return errors.Join(errs...)
			})
		},
	}
}

func aboutSilence(id string, err error) error {
	if client.IsNotFound(err) {
		return fmt.Errorf("there is no silence %s: `tocsin silence query` lists them", id)
	}
	return fmt.Errorf("silence %s: %w", id, err)
}

func username() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}
