package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

func newToken(s Streams) *cobra.Command {
	cmd, r := attach(group("token", "Make, list and revoke API tokens"), s)
	cmd.Long = `Make, list and revoke API tokens. A token has a role: ingest posts alerts, viewer
reads, operator also changes silences and reads the audit, admin does all. See
"tocsin help access".`
	cmd.AddCommand(newTokenCreate(r), newTokenList(r), newTokenRevoke(r))
	return cmd
}

// tokenFlags are what a token is made of.
type tokenFlags struct {
	name, role, ttl, to string
}

func newTokenCreate(r *remote) *cobra.Command {
	var f tokenFlags
	cmd := &cobra.Command{
		Use:   "create [NAME]",
		Short: "Make an API token; its secret is shown once",
		Example: `  tocsin token create prometheus --role ingest --to /etc/prometheus/tocsin.token
  tocsin token create --name ann --role operator --ttl 90d`,
		Args: between(0, 1, "the token's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				f.name = args[0]
			}
			return r.createToken(cmd, f)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.name, "name", "", "Name of the token, for people: who or what has it.")
	fs.StringVar(&f.role, "role", "", "What it may do: ingest, viewer, operator or admin.")
	fs.StringVar(&f.ttl, "ttl", "0", "How long it is valid, such as 90d; 0 is for ever.")
	fs.StringVar(&f.to, "to", "", "File to write the secret to, rather than to show it. It must not be there yet, and gets mode 0600.")
	return cmd
}

func (r *remote) createToken(cmd *cobra.Command, f tokenFlags) error {
	if f.name == "" {
		return usagef("%s needs a name: who or what is to have the token", cmd.CommandPath())
	}
	if f.role == "" {
		return usagef("%s needs --role: ingest, viewer, operator or admin", cmd.CommandPath())
	}
	ttl, err := model.ParseDuration(f.ttl)
	if err != nil {
		return usagef("--ttl: %v", err)
	}
	out, err := openSecret("--to", f.to)
	if err != nil {
		return err
	}
	return r.call(cmd, func(ctx context.Context, c *client.Client) error {
		t, err := c.CreateToken(ctx, client.NewToken{Name: f.name, Role: f.role, TTL: int64(time.Duration(ttl).Seconds())})
		if err != nil {
			return out.giveUp(err)
		}
		return r.showToken(t, out)
	})
}

func (r *remote) showToken(t client.Token, out *secretFile) error {
	if out != nil {
		if err := out.write(t.Secret); err != nil {
			return fmt.Errorf("%w: the token %s is made, and its secret lost; revoke it with `tocsin token revoke %s`", err, t.Name, t.Name)
		}
		t.Secret = ""
		r.printf("The token %s of the role %s is made, valid %s. Its secret is in %s.\n", t.Name, t.Role, until(t), out.path)
	} else {
		r.printf("The token %s of the role %s is made, valid %s.\nThis is its secret, which is shown this once:\n\n%s\n", t.Name, t.Role, until(t), t.Secret)
	}
	if r.output == asJSON {
		return printJSON(r.Out, t)
	}
	return nil
}

func until(t client.Token) string {
	if t.Expires.IsZero() {
		return "for ever"
	}
	return "until " + when(t.Expires)
}

// secretFile is where a secret goes. It is opened before there is a secret, so
// that none is made that cannot be kept. A nil one is no file.
type secretFile struct {
	path string
	file *os.File
}

func openSecret(flag, path string) (*secretFile, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return &secretFile{path, f}, nil
}

func (s *secretFile) write(secret string) error {
	_, err := s.file.WriteString(secret + "\n")
	if cerr := s.file.Close(); err == nil {
		err = cerr
	}
	return err
}

// giveUp takes the empty file away again.
func (s *secretFile) giveUp(err error) error {
	if s != nil {
		_ = s.file.Close()
		_ = os.Remove(s.path)
	}
	return err
}

func newTokenList(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the API tokens, without their secrets",
		Args:  nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				all, err := c.Tokens(ctx)
				if err != nil {
					return err
				}
				return r.print(all, func(t *table) { tokenRows(t, all) })
			})
		},
	}
}

func tokenRows(t *table, all []client.Token) {
	t.row("NAME", "ROLE", "CREATED", "BY", "EXPIRES", "ID")
	for _, k := range all {
		expires := "never"
		if !k.Expires.IsZero() {
			expires = when(k.Expires)
		}
		if k.Expired {
			expires += " (expired)"
		}
		t.row(k.Name, k.Role, when(k.Created), dash(k.CreatedBy), expires, k.ID)
	}
}

func newTokenRevoke(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME",
		Short: "End an API token at once, on all nodes",
		Args:  between(1, 1, "a token's name, which `tocsin token list` shows"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				err := c.RevokeToken(ctx, args[0])
				if client.IsNotFound(err) {
					return fmt.Errorf("there is no token %q: `tocsin token list` shows those that are there", args[0])
				}
				if err != nil {
					return err
				}
				r.printf("The token %s is revoked.\n", args[0])
				return nil
			})
		},
	}
}
