package cli

import (
	"context"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

func newRaft(s Streams) *cobra.Command {
	cmd, r := attach(group("raft", "Show and change who is in the cluster"), s)
	cmd.AddCommand(newListPeers(r), newJoin(r), newRemovePeer(r), newTransfer(r))
	cmd.AddCommand(newJoinAt(r), newJoinToken(r), newKeys(r))
	return cmd
}

func newListPeers(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "list-peers",
		Short: "List the nodes of the cluster as one node sees them",
		Args:  nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.peers(cmd, func(ctx context.Context, c *client.Client) ([]client.Peer, error) { return c.Peers(ctx) })
		},
	}
}

func newJoin(r *remote) *cobra.Command {
	var p client.NewPeer
	return &cobra.Command{
		Use:   "add-peer ID ADDRESS",
		Short: "Make a node a member, by its ID and Raft address",
		Long:  "Make a node a member, by its ID and its Raft address (host:port). A node that is\nstarted with --cluster.peer does this by itself; the command is for a node that\ncannot find the others by gossip, and for one whose Raft address has changed.",
		Args:  between(2, 2, "a node's ID and its Raft address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.ID, p.Address = args[0], args[1]
			return r.peers(cmd, func(ctx context.Context, c *client.Client) ([]client.Peer, error) { return c.AddPeer(ctx, p) })
		},
	}
}

func newRemovePeer(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "remove-peer ID|NAME",
		Short: "Take a node out of the cluster, running or not",
		Args:  between(1, 1, "a node's ID or name, which list-peers shows"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.peers(cmd, func(ctx context.Context, c *client.Client) ([]client.Peer, error) { return c.RemovePeer(ctx, args[0]) })
		},
	}
}

func newTransfer(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "transfer-leadership [ID|NAME]",
		Short: "Have another node lead",
		Args:  between(0, 1, "at most one node's ID or name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			to := ""
			if len(args) > 0 {
				to = args[0]
			}
			return r.peers(cmd, func(ctx context.Context, c *client.Client) ([]client.Peer, error) {
				return c.TransferLeadership(ctx, to)
			})
		},
	}
}

// peers runs do and prints the nodes that it answers.
func (r *remote) peers(cmd *cobra.Command, do func(context.Context, *client.Client) ([]client.Peer, error)) error {
	return r.call(cmd, func(ctx context.Context, c *client.Client) error {
		peers, err := do(ctx, c)
		if err != nil {
			return err
		}
		return r.print(peers, func(t *table) { peerRows(t, peers) })
	})
}
