package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/cluster/pki"
	"tocsin/cmd/tocsin/client"
)

func newJoinToken(r *remote) *cobra.Command {
	return group("token", "Make, list and revoke join tokens, and say whether nodes need one",
		newJoinTokenCreate(r), newJoinTokenList(r), newJoinTokenRevoke(r), newJoinTokenRequire(r))
}

// joinTokenOrder is what is asked for.
type joinTokenOrder struct {
	ttl     time.Duration
	uses    int
	offline bool
	out     string
}

func newJoinTokenCreate(r *remote) *cobra.Command {
	var o joinTokenOrder
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a join token, and print it",
		Long: "Make a join token, and print it: this once, nothing keeps it. It names the\ncluster's authority, so that its holder joins no other cluster, and has a secret.\n\n" +
			"With --offline it is made without a cluster, for the nodes that found one: give\nall of them the same file with --cluster.join-token-file. The cluster is closed\nthen, and others join with the same token until it ends or is revoked.",
		Args: nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.offline {
				return r.createOffline(cmd, o)
			}
			if o.ttl < time.Second {
				return usagef("--ttl must be a second or more, not %v", o.ttl)
			}
			out, err := openSecret("--out", o.out)
			if err != nil {
				return err
			}
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				t, err := c.CreateJoinToken(ctx, client.NewJoinToken{TTL: int64(o.ttl.Seconds()), Uses: o.uses})
				if err != nil {
					return out.giveUp(err)
				}
				return r.showJoinToken(t, out)
			})
		},
	}
	fs := cmd.Flags()
	fs.DurationVar(&o.ttl, "ttl", time.Hour, "How long it is good. With --offline it does not end unless this is given.")
	fs.IntVar(&o.uses, "uses", 1, "How many nodes may join with it; 0 = any number. Not with --offline: that is for any number.")
	fs.BoolVar(&o.offline, "offline", false, "Make a token for a cluster that is not founded yet. No node is asked.")
	fs.StringVar(&o.out, "out", "", "Write the token into this new file, which only you can read, instead of printing it.")
	return cmd
}

// createOffline makes a token for a cluster that is not founded yet.
func (r *remote) createOffline(cmd *cobra.Command, o joinTokenOrder) error {
	if cmd.Flags().Changed("uses") {
		return usagef("--uses and --offline exclude each other: a token of --offline is for any number of nodes")
	}
	var expires time.Time
	if cmd.Flags().Changed("ttl") {
		expires = r.now().Add(o.ttl)
	}
	out, err := openSecret("--out", o.out)
	if err != nil {
		return err
	}
	t := pki.NewToken(pki.Fingerprint{}, expires)
	return r.showJoinToken(client.JoinToken{ID: t.ID.String(), Expires: t.Expires, Token: t.Text(), Used: []client.JoinUse{}}, out)
}

func (r *remote) showJoinToken(t client.JoinToken, out *secretFile) error {
	if out != nil {
		if err := out.write(t.Token); err != nil {
			return fmt.Errorf("%w: the join token %s is made, and its text lost; revoke it with `tocsin raft token revoke %s`", err, t.ID, t.ID)
		}
		fmt.Fprintf(r.Err, "Join token %s is in %s.\n", t.ID, out.path)
		return nil
	}
	if r.output == asJSON {
		return printJSON(r.Out, t)
	}
	fmt.Fprintln(r.Out, t.Token)
	fmt.Fprintf(r.Err, "Join token %s, for %s, until %s. Keep it secret; give it to a node with --cluster.join-token-file.\n",
		t.ID, usesText(t.Uses), untilText(t.Expires))
	return nil
}

func usesText(uses int) string {
	switch uses {
	case 0:
		return "any number of nodes"
	case 1:
		return "one node"
	default:
		return strconv.Itoa(uses) + " nodes"
	}
}

func untilText(t time.Time) string {
	if t.IsZero() {
		return "it is revoked"
	}
	return when(t)
}

func newJoinTokenList(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the join tokens, without their secrets",
		Args:  nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				all, err := c.JoinTokens(ctx)
				if err != nil {
					return err
				}
				return r.printJoinTokens(all)
			})
		},
	}
}

func (r *remote) printJoinTokens(all client.JoinTokens) error {
	if all.Required {
		r.printf("The cluster is closed: nodes need a join token.\n")
	} else {
		r.printf("The cluster is open: whoever reaches the port between nodes may join. `tocsin raft token require on` closes it.\n")
	}
	if len(all.Tokens) == 0 && r.output == asTable {
		return nil
	}
	return r.print(all, func(t *table) {
		t.row("ID", "CREATED", "BY", "EXPIRES", "USED", "LAST NODE")
		for _, k := range all.Tokens {
			expires := when(k.Expires)
			if k.Expired {
				expires = "expired"
			}
			of, last := "", "-"
			if k.Uses > 0 {
				of = fmt.Sprintf(" of %d", k.Uses)
			}
			if n := len(k.Used); n > 0 {
				last = k.Used[n-1].Node
			}
			t.row(k.ID, when(k.Created), k.CreatedBy, expires, fmt.Sprintf("%d%s", len(k.Used), of), last)
		}
	})
}

func newJoinTokenRevoke(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "Revoke a join token; nodes that have joined stay",
		Args:  between(1, 1, "a join token's ID, which `tocsin raft token list` shows"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				all, err := c.RevokeJoinToken(ctx, args[0])
				if client.IsNotFound(err) && r.output == asTable {
					r.printf("There is no join token %s: nothing to do.\n", args[0])
					return nil
				}
				if err != nil {
					return err
				}
				return r.printJoinTokens(all)
			})
		},
	}
}

func newJoinTokenRequire(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:       "require on|off",
		Short:     "Close the cluster, so that nodes need a token to join, or open it",
		Args:      between(1, 1, "on or off"),
		ValidArgs: []string{"on", "off"},
		RunE: func(cmd *cobra.Command, args []string) error {
			word := strings.ToLower(args[0])
			if word != "on" && word != "off" {
				return usagef("%s needs on or off, not %q", cmd.CommandPath(), args[0])
			}
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				changed, err := c.RequireJoinToken(ctx, word == "on")
				if err != nil {
					return err
				}
				return r.print(map[string]bool{"required": word == "on", "changed": changed}, func(t *table) {
					t.row(requireText(word == "on", changed))
				})
			})
		},
	}
}

func requireText(on, changed bool) string {
	switch {
	case !changed && on:
		return "Nothing to do: the cluster is closed already."
	case !changed:
		return "Nothing to do: the cluster is open already."
	case on:
		return "The cluster is closed: nodes need a join token, and gossip gets a secret key (`tocsin raft keys show`). " +
			"Who joined before stays; if you do not know all of them, look at `tocsin raft list-peers` and run `tocsin raft keys rotate ca`."
	default:
		return "The cluster is open: whoever reaches the port between nodes may join, and gossip is no secret any more."
	}
}
