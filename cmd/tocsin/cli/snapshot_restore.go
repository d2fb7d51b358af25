package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/cluster"
	"tocsin/cmd/tocsin/client"
	"tocsin/fsm/archive"
	"tocsin/fsm/model"
)

func newSnapshotRestore(r *remote) *cobra.Command {
	var key keyFlags
	var o client.RestoreOptions
	var dir string
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Have a cluster go by a backup again, or found one from it",
		Long: "Have the running cluster go by a backup again: its configuration becomes a new\nversion, its silences and settings are those of the backup. The cluster's nodes,\nCA, history and audit stay, and so does what it knows of what was told.\n\n" +
			"With --storage.path the nodes of the backup are asked only whether the cluster\nlives, which is refused then: an empty data folder becomes that of the\nfirst node of a cluster that goes on where the backup ends, under the same cluster\nID. Start that node, then the others, empty, with --cluster.peer. What was told\nafter the backup is not known then, so what fires is told again.\n\n" +
			"Until a backup was read and checked to its end nothing is changed.",
		Args: between(1, 1, "the name of a file"),
	}
	key.register(cmd, false)
	fs := cmd.Flags()
	fs.BoolVar(&o.Force, "force", false, "Take a backup of another cluster. With --storage.path: although a member answers that cannot be asked whether there is a quorum.")
	fs.BoolVar(&o.DryRun, "dry-run", false, "Show what would be changed, and change nothing.")
	fs.BoolVar(&o.Tokens, "api-tokens", false, "Bring back API tokens that were removed since.")
	fs.StringVar(&dir, "storage.path", "", "Found a cluster from the backup in this empty data folder instead.")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := r.checkOutput(); err != nil {
			return err
		}
		k, err := key.key()
		if err != nil {
			return err
		}
		done := r.waiting("reading the backup")
		m, err := checkBackup(args[0], k)
		done()
		if err != nil {
			return err
		}
		if dir != "" {
			return r.found(cmd.Context(), founding{dir, args[0], o.Force, o.DryRun}, k, &m)
		}
		return r.call(cmd, func(ctx context.Context, c *client.Client) error { return r.restore(ctx, c, args[0], k, o) })
	}
	return cmd
}

// checkOutput refuses an --output that there is not.
func (r *remote) checkOutput() error {
	if r.output != asTable && r.output != asJSON {
		return usagef("--output must be table or json, not %q", r.output)
	}
	return nil
}

// restore sends the backup, opened, to a node.
func (r *remote) restore(ctx context.Context, c *client.Client, path string, k archive.Key, o client.RestoreOptions) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in, err := archive.Open(f, k)
	if err != nil {
		return explainBackup(path, err)
	}
	done := r.waiting("restoring the backup")
	got, err := c.Restore(ctx, in, o)
	done()
	if err != nil {
		return err
	}
	r.printf("%s", restoredText(&got))
	if r.output == asJSON {
		return printJSON(r.Out, got)
	}
	return nil
}

func restoredText(d *client.Restored) string {
	var b strings.Builder
	did := "restored"
	if d.DryRun {
		did = "would be restored"
	}
	if d.Changes == 0 {
		fmt.Fprintf(&b, "nothing to do: the cluster goes by the backup of %s already\n", when(d.Created))
		return b.String()
	}
	fmt.Fprintf(&b, "%s: the backup of %s, index %d, of cluster %s\n", did, when(d.Created), d.Index, d.Cluster)
	switch {
	case d.ConfigRev > 0:
		fmt.Fprintf(&b, "configuration: version %d of the backup is version %d now\n", d.ConfigFrom, d.ConfigRev)
	case d.ConfigFrom > 0:
		fmt.Fprintf(&b, "configuration: version %d of the backup becomes the active one\n", d.ConfigFrom)
	default:
		b.WriteString("configuration: the same\n")
	}
	fmt.Fprintf(&b, "silences: %d created, %d changed, %d ended\n", d.SilencesCreated, d.SilencesChanged, d.SilencesExpired)
	if d.Settings > 0 {
		fmt.Fprintf(&b, "settings: %d changed\n", d.Settings)
	}
	if len(d.Tokens) > 0 {
		fmt.Fprintf(&b, "API tokens that are valid again: %s\n", strings.Join(d.Tokens, ", "))
	}
	if d.Foreign || d.OtherLine {
		fmt.Fprintf(&b, "what was told: %d groups in doubt; what fires of them is told again\n", d.Doubted)
	} else {
		b.WriteString("what was told: kept as this cluster knows it, which is more than the backup\n")
	}
	return b.String()
}

// founding is what to make of which backup.
type founding struct {
	dir, path  string
	force, dry bool
}

// found makes a data folder of a backup, unless the cluster that it is of lives:
// there would be two of one ID, and both would tell.
func (r *remote) found(ctx context.Context, o founding, k archive.Key, m *archive.Manifest) error {
	dir, path := o.dir, o.path
	if o.dry {
		return usagef("--dry-run is for a running cluster: `tocsin snapshot inspect` shows what would be in %s", dir)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	keepPrivate()
	done := r.waiting("founding the cluster")
	var got cluster.Founded
	_, err = archive.Read(f, k, func(_ archive.Manifest, state io.Reader) (err error) {
		got, err = cluster.Folder{Dir: dir, Permit: func(id model.ClusterID, old []cluster.Member) error {
			return r.refuseQuorum(ctx, &cluster.Survivor{Cluster: id, Members: old}, o.force, "a machine joins it with an empty data folder and --cluster.peer; to bring it the backup, leave --storage.path out")
		}}.Found(state)
		return err
	})
	done()
	switch {
	case errors.Is(err, cluster.ErrFolderUsed):
		return fmt.Errorf("%w: give an empty folder; to bring this backup to a running cluster, leave --storage.path out", err)
	case err != nil:
		return explainBackup(path, err)
	}
	if hash := fmt.Sprintf("%016x", got.StateHash); got.Index != m.Index || hash != m.StateHash {
		return fmt.Errorf("BUG: the restored state is at index %d with hash %s, the backup at %d with %s", got.Index, hash, m.Index, m.StateHash)
	}
	r.printf("founded in %s: the first node of cluster %s, which goes on after index %d, hash %s, as in the backup\n"+
		"the %d nodes of the old cluster are forgotten; %d groups are in doubt, so what fires of them is told again\n"+
		"next: start this node without --cluster.peer and without --raft.bootstrap-expect, then the others with empty data folders and --cluster.peer naming it\n",
		dir, got.Cluster, got.Index, m.StateHash, got.Nodes, got.Doubted)
	if r.output == asJSON {
		return printJSON(r.Out, struct {
			Dir       string `json:"dir"`
			Cluster   string `json:"cluster_id"`
			Node      string `json:"node_id"`
			Index     uint64 `json:"index"`
			StateHash string `json:"state_hash"`
			Doubted   int    `json:"doubted"`
			Nodes     int    `json:"nodes_forgotten"`
		}{dir, string(got.Cluster), string(got.Node), got.Index, m.StateHash, got.Doubted, got.Nodes})
	}
	return nil
}
