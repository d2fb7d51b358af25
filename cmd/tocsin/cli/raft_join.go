package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/cluster/pki"
	"tocsin/cmd/tocsin/client"
)

func newJoinAt(r *remote) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "join ADDRESS",
		Short: "Have a running node that waits for a cluster join one",
		Long: "Have a running node that waits for a cluster join the one of the node whose port\nbetween nodes is at ADDRESS (host, or host:port; 9095 unless it was changed). Run\nit on the node that is to join. It may be repeated, and says what it did.\n\n" +
			"A node that is started with --cluster.peer and, where the cluster wants one,\n--cluster.join-token-file joins by itself. A member that the others do not trust\nany more, because its certificate ended or the authority was replaced while it\nwas away, gets a new certificate this way.",
		Args: between(1, 1, "the address of a member's port between nodes; `raft add-peer ID ADDRESS` adds another node by hand"),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := readJoinToken(file, r.In)
			if err != nil {
				return err
			}
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				did, err := c.Join(ctx, withPort(args[0]), token)
				if err != nil {
					return err
				}
				return r.print(map[string]string{"did": did}, func(t *table) { t.row(did) })
			})
		},
	}
	cmd.Flags().StringVar(&file, "token-file", "", "File with the join token that 'tocsin raft token create' made, - for standard input. (For the API's own token set TOCSIN_TOKEN_FILE.)")
	return cmd
}

// defaultNodePort is that of the port between nodes.
const defaultNodePort = "9095"

func withPort(address string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), defaultNodePort)
}

// readJoinToken reads and checks a join token; no file is no token.
func readJoinToken(file string, stdin io.Reader) (string, error) {
	if file == "" {
		return "", nil
	}
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("read the join token: %w", err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, pki.MaxTokenText+1))
	if err != nil {
		return "", fmt.Errorf("read the join token: %w", err)
	}
	if _, err := pki.ParseToken(string(b)); err != nil {
		return "", fmt.Errorf("read the join token in %s: %w; %s", file, err, pki.Next(err))
	}
	return strings.TrimSpace(string(b)), nil
}
