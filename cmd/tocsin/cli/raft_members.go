package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

const idOrName = "a node's ID or name, which list-peers shows"

func newListPeers(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "list-peers",
		Short: "List the nodes of the cluster as one node sees them",
		Long:  "List the nodes of the cluster as one node sees them, whether or not there is a\nleader. LAG is in log entries behind the newest state, CONTACT how long ago the\nnode last answered; MODE is quorum, or degraded where a node pages without one.",
		Args:  nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				peers, err := c.Peers(ctx)
				if err != nil {
					return err
				}
				if text := leaderless(peers); text != "" {
					fmt.Fprintln(r.Err, text)
				}
				return r.print(peers, func(t *table) { memberRows(t, peers, r.now()) })
			})
		},
	}
}

// leaderless says that nobody leads, if so.
func leaderless(peers []client.Peer) string {
	self := "the node that answered"
	for i := range peers {
		if peers[i].Role == "leader" {
			return ""
		}
		if peers[i].Self {
			self = "node " + cmp.Or(peers[i].Name, peers[i].ID)
		}
	}
	return "nobody leads: this is what " + self + " knows by itself. Nodes page without a quorum; if most voters are gone for good, see `tocsin help recover`"
}

func memberRows(t *table, peers []client.Peer, now time.Time) {
	t.row("ID", "NAME", "ADDRESS", "STATE", "ROLE", "VOTER", "VERSION", "APPLIED", "LAG", "CONTACT", "MODE", "NOTES")
	for i := range peers {
		p := &peers[i]
		lag := "-"
		if p.Lag != nil {
			lag = fmt.Sprint(*p.Lag)
		}
		t.row(p.ID, dash(p.Name), dash(p.Raft), stateOf(p), p.Role, yesNo(p.Voter), dash(p.Version), number(p.Applied), lag, contact(p, now), modeOf(p), dash(memberNotes(p)))
	}
}

func stateOf(p *client.Peer) string {
	switch {
	case p.StorageFailed:
		return "storage-failed"
	case !p.Alive:
		return "gone"
	case p.Draining:
		return "stopping"
	default:
		return "alive"
	}
}

// modeOf says how a node that is there sends.
func modeOf(p *client.Peer) string {
	switch {
	case !p.Alive || p.Role == "outside":
		return "-"
	case p.Degraded:
		return "degraded"
	case p.Silent:
		return "starting"
	default:
		return "quorum"
	}
}

func contact(p *client.Peer, now time.Time) string {
	if p.Self {
		return "self"
	}
	if p.LastContact.IsZero() {
		return "never"
	}
	return max(0, now.Sub(p.LastContact)).Round(100*time.Millisecond).String() + " ago"
}

func memberNotes(p *client.Peer) string {
	var out []string
	if p.Self {
		out = append(out, "answered this")
	}
	if text := clockText(p); text != "" {
		out = append(out, text)
	}
	if !p.Alive && !p.LastSeen.IsZero() {
		out = append(out, "last seen "+when(p.LastSeen))
	}
	return strings.Join(out, ", ")
}

// tend changes a member and says what was done.
func (r *remote) tend(cmd *cobra.Command, do func(context.Context, *client.Client) (client.Did, error)) error {
	return r.call(cmd, func(ctx context.Context, c *client.Client) error {
		done := r.waiting("waiting for the cluster")
		did, err := do(ctx, c)
		done()
		if err != nil {
			return err
		}
		r.printf("%s\n", did.Did)
		if r.output == asJSON {
			return printJSON(r.Out, did)
		}
		return nil
	})
}

func newChange(r *remote, c *cobra.Command, verb, force string) *cobra.Command {
	change := client.PeerChange{Verb: verb}
	if force != "" {
		c.Flags().BoolVar(&change.Force, "force", false, force)
	}
	if c.Args == nil {
		c.Args = between(1, 1, idOrName)
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if verb == "address" {
			change.Address = args[1]
		}
		return r.tend(cmd, func(ctx context.Context, c *client.Client) (client.Did, error) {
			return c.ChangePeer(ctx, args[0], change)
		})
	}
	return c
}

func newRemovePeer(r *remote) *cobra.Command {
	return newChange(r, &cobra.Command{
		Use: "remove-peer ID|NAME", Short: "Take a node out of the cluster, running or not",
		Long: "Take a node out of the cluster, running or not. The last voter is never removed,\nand one without which there would be no quorum only with --force: then nothing can\nbe written before enough nodes are back.",
	}, "remove", "Although those that stay would be no quorum.")
}

func newPromote(r *remote) *cobra.Command {
	return newChange(r, &cobra.Command{
		Use: "promote ID|NAME", Short: "Give a node its vote, at once or when it has caught up",
		Long: "Give a node its vote, at once or when it has caught up. Nodes get their votes by\nthemselves; the command is for one that was demoted.",
	}, "promote", "")
}

func newDemote(r *remote) *cobra.Command {
	return newChange(r, &cobra.Command{
		Use: "demote ID|NAME", Short: "Take a node's vote, and keep it from getting one",
		Long: "Take a node's vote, and keep it from getting one. It goes on following and paging.",
	}, "demote", "Although those that stay would be no quorum.")
}

func newSetAddress(r *remote) *cobra.Command {
	return newChange(r, &cobra.Command{
		Use: "set-address ID|NAME ADDRESS", Short: "Tell the cluster where a node's port between nodes is",
		Long: "Tell the cluster where a node's port between nodes is (host:port). A node that is\nthere tells its address by itself, from --raft.advertise-address; the command is for\none that cannot be reached at the address that the cluster has.",
		Args: between(2, 2, "a node's ID or name, and host:port"),
	}, "address", "Although the node says another address.")
}

func newTransfer(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "transfer-leadership [ID|NAME]",
		Short: "Have another node lead",
		Args:  between(0, 1, "at most one node's ID or name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			to := strings.Join(args, "")
			return r.tend(cmd, func(ctx context.Context, c *client.Client) (client.Did, error) { return c.TransferLeadership(ctx, to) })
		},
	}
}

func newAutopilot(r *remote) *cobra.Command {
	get := &cobra.Command{
		Use: "get", Short: "Show how the cluster tends its members by itself", Args: nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.pilot(cmd, func(ctx context.Context, c *client.Client) (client.Autopilot, error) { return c.Autopilot(ctx) })
		},
	}
	return group("autopilot", "How the cluster tends its members by itself", get, newAutopilotSet(r))
}

func newAutopilotSet(r *remote) *cobra.Command {
	var want client.Autopilot
	var after time.Duration
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Change how the cluster tends its members by itself; what is not given stays",
		Long:  "Change how the cluster tends its members by itself; what is not given stays. Removing\ndead members is off by default: a member that was removed comes back only with an\nempty data folder. It never leaves fewer voters than --min-quorum, nor a cluster\nwithout a quorum, and waits while any node is catching up.",
		Args:  nothing,
	}
	fs := cmd.Flags()
	fs.BoolVar(&want.Cleanup, "cleanup-dead-servers", false, "Remove members that are gone for long.")
	fs.DurationVar(&after, "dead-after", 24*time.Hour, "How long a member must be gone; at least 10m.")
	fs.IntVar(&want.MinQuorum, "min-quorum", 3, "How many voters must be left.")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !fs.Changed("cleanup-dead-servers") && !fs.Changed("dead-after") && !fs.Changed("min-quorum") {
			return usagef("nothing to set: give --cleanup-dead-servers, --dead-after or --min-quorum")
		}
		return r.pilot(cmd, func(ctx context.Context, c *client.Client) (client.Autopilot, error) {
			a, err := c.Autopilot(ctx)
			if err != nil {
				return a, err
			}
			if fs.Changed("cleanup-dead-servers") {
				a.Cleanup = want.Cleanup
			}
			if fs.Changed("dead-after") {
				a.DeadAfterSeconds = int64(after / time.Second)
			}
			if fs.Changed("min-quorum") {
				a.MinQuorum = want.MinQuorum
			}
			return c.SetAutopilot(ctx, a)
		})
	}
	return cmd
}

func (r *remote) pilot(cmd *cobra.Command, do func(context.Context, *client.Client) (client.Autopilot, error)) error {
	return r.call(cmd, func(ctx context.Context, c *client.Client) error {
		a, err := do(ctx, c)
		if err != nil {
			return err
		}
		return r.print(a, func(t *table) {
			t.row("Remove dead members", yesNo(a.Cleanup))
			t.row("Dead after", (time.Duration(a.DeadAfterSeconds) * time.Second).String())
			t.row("Least voters left", fmt.Sprint(a.MinQuorum))
		})
	})
}
