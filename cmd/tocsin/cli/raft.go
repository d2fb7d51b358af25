package cli

import (
	"context"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

func newRaft(s Streams) *cobra.Command {
	cmd, r := attach(group("raft", "Show and change who is in the cluster"), s)
	cmd.AddCommand(newListPeers(r), newJoin(r), newRemovePeer(r), newTransfer(r),
		newPromote(r), newDemote(r), newSetAddress(r), newAutopilot(r), newRecover(r))
	cmd.AddCommand(newJoinAt(r), newJoinToken(r), newKeys(r))
	return cmd
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
