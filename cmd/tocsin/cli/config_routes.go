package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/config"
	"tocsin/dispatcher/route"
)

// ErrReceivers says that an alert goes elsewhere than was expected.
var ErrReceivers = errors.New("the alert does not reach the receivers that were expected")

func newConfigRoutes(r *remote) *cobra.Command {
	var source routeSource
	cmd := group("routes", "Show the routing tree, and try it",
		newRoutesShow(r, &source), newRoutesTest(r, &source))
	fs := cmd.PersistentFlags()
	fs.StringVar(&source.file, "config.file", "", "Look at this file instead of what the cluster runs; no node is needed.")
	fs.Uint64Var(&source.rev, "rev", 0, "Look at an older version.")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return r.showRoutes(cmd, &source) }
	return cmd
}

// routeSource says whose routes are looked at.
type routeSource struct {
	file string
	rev  uint64
}

func newRoutesShow(r *remote, source *routeSource) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show the routing tree",
		Args:  nothing,
		RunE:  func(cmd *cobra.Command, _ []string) error { return r.showRoutes(cmd, source) },
	}
}

func newRoutesTest(r *remote, source *routeSource) *cobra.Command {
	var verify []string
	var tree bool
	cmd := &cobra.Command{
		Use:   "test LABEL=VALUE...",
		Short: "Say which receivers an alert with these labels reaches",
		Long: "Say which receivers an alert with these labels reaches, in the order of the\n" +
			"configuration. With --verify.receivers the exit code is 1 if they are others.",
		Args: between(1, -1, "labels such as alertname=Down team=db"),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, a := range args {
				if i := strings.IndexByte(a, '='); i < 1 {
					return usagef("%q is not LABEL=VALUE", a)
				}
			}
			taken, err := r.testRoutes(cmd, source, args)
			if err != nil {
				return err
			}
			if err := r.showTaken(&taken, tree); err != nil {
				return err
			}
			if got := strings.Join(taken.Receivers, ","); len(verify) > 0 && got != strings.Join(verify, ",") {
				return fmt.Errorf("%w: expected %s, got %s", ErrReceivers, strings.Join(verify, ","), got)
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&verify, "verify.receivers", nil, "The receivers that are expected, in this order.")
	cmd.Flags().BoolVar(&tree, "tree", false, "Show the routes that are taken, with the group that the alert falls into.")
	return cmd
}

func (r *remote) showTaken(taken *client.Taken, tree bool) error {
	return r.print(taken, func(t *table) {
		if !tree {
			t.row(strings.Join(taken.Receivers, ","))
			return
		}
		t.row("RECEIVER", "ROUTE", "GROUP")
		for _, by := range taken.Routes {
			t.row(by.Receiver, by.ID, by.GroupKey)
		}
	})
}

func (r *remote) showRoutes(cmd *cobra.Command, source *routeSource) error {
	var root client.Route
	if source.file != "" {
		tree, err := routesOf(source.file)
		if err != nil {
			return err
		}
		root = shownRoute(tree.Root())
	} else if err := r.call(cmd, func(ctx context.Context, c *client.Client) (err error) {
		root, err = c.Routes(ctx, source.rev)
		return err
	}); err != nil {
		return err
	}
	if r.output == asJSON {
		return printJSON(r.Out, root)
	}
	fmt.Fprintln(r.Out, "Routing tree:\n.")
	drawRoute(r.Out, &root, "└── ", "    ")
	return nil
}

// drawRoute draws a route and those below it.
func drawRoute(w io.Writer, route *client.Route, first, rest string) {
	name := "{" + strings.Join(route.Matchers, ",") + "}"
	if name == "{}" {
		name = "default-route"
	}
	more := ""
	if route.Continue {
		more = "  continue: true"
	}
	fmt.Fprintf(w, "%s%s%s  receiver: %s\n", first, name, more, route.Receiver)
	for i := range route.Routes {
		if i == len(route.Routes)-1 {
			drawRoute(w, &route.Routes[i], rest+"└── ", rest+"    ")
		} else {
			drawRoute(w, &route.Routes[i], rest+"├── ", rest+"│   ")
		}
	}
}

func (r *remote) testRoutes(cmd *cobra.Command, source *routeSource, labels []string) (client.Taken, error) {
	if source.file != "" {
		tree, err := routesOf(source.file)
		if err != nil {
			return client.Taken{}, err
		}
		return taken(tree, labels), nil
	}
	var out client.Taken
	err := r.call(cmd, func(ctx context.Context, c *client.Client) (err error) {
		out, err = c.TestRoutes(ctx, source.rev, labels)
		return err
	})
	return out, err
}

// routesOf is the routing tree of a file.
func routesOf(file string) (*route.Tree, error) {
	if err := config.InitMode(config.ModeDefault, nil); err != nil {
		return nil, err
	}
	v, err := config.Bundle(file)
	if err != nil {
		return nil, err
	}
	tree, err := config.Routes(v)
	var problems config.Problems
	if errors.As(err, &problems) {
		for i := range problems {
			problems[i].File = givenName(problems[i].File, file)
		}
		return nil, problems
	}
	return tree, err
}

// taken says where labels go in a tree.
func taken(tree *route.Tree, labels []string) client.Taken {
	set := make(map[string]string)
	for _, l := range labels {
		if name, value, _ := strings.Cut(l, "="); value != "" {
			set[name] = value
		}
	}
	ls := alert.NewLabels(set)
	var out client.Taken
	for _, r := range tree.Match(ls) {
		out.Routes = append(out.Routes, client.TakenRoute{ID: r.ID, Receiver: r.Receiver, GroupKey: r.GroupKey(r.GroupLabels(ls))})
		out.Receivers = append(out.Receivers, r.Receiver)
	}
	return out
}

func shownRoute(r *route.Route) client.Route {
	out := client.Route{
		ID: r.ID, Receiver: r.Receiver, Continue: r.Continue, GroupBy: r.GroupBy,
		GroupWait: r.GroupWait.String(), GroupInterval: r.GroupInterval.String(), RepeatInterval: r.RepeatInterval.String(),
	}
	if r.GroupByAll {
		out.GroupBy = []string{"..."}
	}
	for _, m := range r.Matchers {
		out.Matchers = append(out.Matchers, m.String())
	}
	for _, child := range r.Routes {
		out.Routes = append(out.Routes, shownRoute(child))
	}
	return out
}
