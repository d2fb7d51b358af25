package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

func newKeys(r *remote) *cobra.Command {
	return group("keys", "Show and replace the keys and certificates between nodes", newKeysShow(r), newKeysRotate(r))
}

func newKeysShow(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show how the nodes know each other, and until when",
		Args:  nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				s, err := c.Security(ctx)
				if err != nil {
					return err
				}
				return r.printSecurity(s)
			})
		},
	}
}

func (r *remote) printSecurity(s client.Security) error {
	return r.print(s, func(t *table) {
		switch {
		case !s.TLS:
			t.row("Between nodes", "not encrypted")
			return
		case s.Own:
			t.row("Between nodes", "TLS with your own certificates (--cluster.tls-config)")
			t.row("This node's certificate ends", when(s.Certificate.Ends))
			return
		case s.Required:
			t.row("Between nodes", "TLS, closed: nodes need a join token")
		default:
			t.row("Between nodes", "TLS, open: whoever reaches the port may join")
		}
		t.row("This node's certificate ends", when(s.Certificate.Ends)+", renewed on "+when(s.Certificate.Due))
		t.row("The authority ends", when(s.AuthorityEnds))
		for _, k := range s.Keys {
			t.row("In use: "+k.Kind, keyText(k))
		}
	})
}

func keyText(k client.KeyState) string {
	if !k.Changing {
		return k.Using
	}
	return fmt.Sprintf("%s, being replaced: %s (%s)", k.Using, k.Step, strings.Join(k.Waits, ", "))
}

// keysPoll is how often a command that waits looks.
const keysPoll = 500 * time.Millisecond

func newKeysRotate(r *remote) *cobra.Command {
	var noWait bool
	kinds := []string{"gossip", "ca", "certs"}
	cmd := &cobra.Command{
		Use:   "rotate gossip|ca|certs",
		Short: "Replace the key of the gossip, the authority with all certificates, or all certificates",
		Long: "Replace the key of the gossip, the authority with all certificates, or all\ncertificates alone, without interruption: all nodes accept the new one, then all\nuse it, then the old one is dropped. A member that is away holds it up until it\nis back or removed. Join tokens that were made before `rotate ca` are no good\nafter it.\n\n" +
			"After removing a node that may have fallen into wrong hands, rotate ca and\ngossip: every member holds the authority's key.",
		Args:      between(1, 1, "gossip, ca or certs"),
		ValidArgs: kinds,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(kinds, args[0]) {
				return usagef("%s needs gossip, ca or certs, not %q", cmd.CommandPath(), args[0])
			}
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				s, err := c.RotateKeys(ctx, args[0])
				if err == nil && !noWait {
					s, err = r.awaitKeys(ctx, c, s)
				}
				if err != nil {
					return err
				}
				return r.printSecurity(s)
			})
		},
	}
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "Do not wait until all nodes have followed.")
	return cmd
}

// awaitKeys waits until nothing is being replaced any more.
func (r *remote) awaitKeys(ctx context.Context, c *client.Client, s client.Security) (client.Security, error) {
	changing := func(k client.KeyState) bool { return k.Changing }
	for slices.ContainsFunc(s.Keys, changing) {
		select {
		case <-time.After(keysPoll):
		case <-ctx.Done():
			k := s.Keys[slices.IndexFunc(s.Keys, changing)]
			return s, fmt.Errorf("the replacement goes on, but not within --timeout: %s: %s (%s); `tocsin raft keys show` says how it stands",
				k.Kind, k.Step, strings.Join(k.Waits, ", "))
		}
		next, err := c.Security(ctx)
		if err != nil {
			return s, err
		}
		s = next
	}
	return s, nil
}
