package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/cluster"
	"tocsin/cmd/tocsin/client"
	"tocsin/store"
)

func newRecover(r *remote) *cobra.Command {
	var o recovery
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Recover a cluster that has lost most of its voters for good",
		Long: "Recover a cluster that has lost most of its voters for good. It works on the data\nfolder of a node that does not run.\n\n" +
			"Without --lead or --rejoin it shows what the node has and changes nothing: run it on\nevery survivor. The one with the highest term and, among equals, the highest index\nhas the most: stop all survivors, run it there with --lead, start that node; then\nrun it with --rejoin on the others, and start them with --cluster.peer.\n\n" +
			"--lead makes the node the only voter, with all that its log has. Entries that only the\nlost nodes had are lost; and since they may have told of messages, nothing that was told\nis certain any more: what fires is told again. What was there is kept in a folder.",
		Args: nothing,
	}
	fs := cmd.Flags()
	fs.StringVar(&o.dir, "storage.path", "data/", "The node's data folder.")
	fs.BoolVar(&o.lead, "lead", false, "Make this node the only voter of its cluster.")
	fs.BoolVar(&o.rejoin, "rejoin", false, "Have this node forget its part in the cluster and join the recovered one anew.")
	fs.StringVar(&o.confirm, "confirm", "", "The cluster's ID, instead of typing it.")
	fs.BoolVar(&o.force, "force", false, "Although a member answers that cannot be asked whether there is a quorum.")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := r.checkOutput(); err != nil {
			return err
		}
		if o.lead && o.rejoin {
			return usagef("--lead is for one node, --rejoin for the others")
		}
		return r.recover(cmd.Context(), &o)
	}
	return cmd
}

// recovery is what `raft recover` is to do.
type recovery struct {
	dir, confirm        string
	lead, rejoin, force bool
}

func (r *remote) recover(ctx context.Context, o *recovery) error {
	keepPrivate()
	folder := cluster.Folder{Dir: o.dir}
	if o.rejoin {
		return r.rejoin(folder, o)
	}
	s, err := folder.Survey()
	if err != nil {
		return explainFolder(o.dir, err)
	}
	if !o.lead {
		return r.print(s, func(t *table) { survivorRows(t, &s) })
	}
	if s.Alone && !s.LogMissing {
		r.printf("node %s is the only voter of cluster %s already: nothing to do; start it\n", cmp.Or(s.Name, string(s.Node)), s.Cluster)
		return nil
	}
	if err := r.refuseQuorum(ctx, &s, o.force, "start this node again instead; `tocsin raft remove-peer` takes out who is gone"); err != nil {
		return err
	}
	if err := r.confirmed(&s, o.confirm, "makes this node the only voter"); err != nil {
		return err
	}
	did, err := folder.Lead()
	if err != nil {
		return explainFolder(o.dir, err)
	}
	r.printf("node %s is the only voter of cluster %s now\n", cmp.Or(s.Name, string(s.Node)), s.Cluster)
	r.printf("replayed %d log entries that its state had not yet; %d groups are in doubt, so what fires of them is told again\n", did.Replayed, did.Doubted)
	r.printf("what was there is kept in %s\nnext: start this node; then run `tocsin raft recover --rejoin` on the other survivors, and start them with --cluster.peer naming this one\n", did.Backup)
	return r.json(did)
}

func (r *remote) rejoin(folder cluster.Folder, o *recovery) error {
	s, err := folder.Survey()
	if err != nil && !errors.Is(err, cluster.ErrNoNode) {
		return explainFolder(o.dir, err)
	}
	if err == nil {
		if err := r.confirmed(&s, o.confirm, "forgets this node's state, which is kept aside"); err != nil {
			return err
		}
	}
	did, err := folder.Rejoin()
	if err != nil {
		return explainFolder(o.dir, err)
	}
	if did.Nothing {
		r.printf("this node is ready to join as %s already: nothing to do; start it with --cluster.peer\n", did.NewID)
		return r.json(did)
	}
	r.printf("this node joins cluster %s as %s when it is started; it was %s\nwhat was there is kept in %s\nnext: start it with --cluster.peer naming the recovered node\n",
		did.Cluster, did.NewID, did.Node, did.Backup)
	return r.json(did)
}

func (r *remote) json(v any) error {
	if r.output != asJSON {
		return nil
	}
	return printJSON(r.Out, v)
}

func survivorRows(t *table, s *cluster.Survivor) {
	t.row("Cluster", string(s.Cluster))
	t.row("Node", strings.TrimSpace(s.Name+" "+string(s.Node)))
	t.row("Log ends", fmt.Sprintf("at term %d, index %d", s.LastTerm, s.LastIndex))
	if s.LogMissing {
		t.row("Log", "MISSING: only the state is left")
	}
	t.row("State", fmt.Sprintf("applied %d, hash %016x", s.Applied, s.StateHash))
	t.row("Config", "version "+number(s.ConfigRev))
	t.row("Has", fmt.Sprintf("%d silences, %d groups told of", s.Silences, s.Entries))
	for _, m := range s.Members {
		role := "learner"
		if m.Voter {
			role = "voter"
		}
		t.row("Member", fmt.Sprintf("%s %s, %s, at %s", dash(m.Name), m.ID, role, m.Raft))
	}
	if s.Alone {
		t.row("Next", "nothing to recover: it is the only voter; start it")
		return
	}
	t.row("Next", "run this on every survivor; on the one with the highest term, then index: `tocsin raft recover --lead`")
}

// askWithin bounds asking one member.
const askWithin = 3 * time.Second

// refuseQuorum refuses where the cluster lives: as far as its members answer.
// instead is what to do then.
func (r *remote) refuseQuorum(ctx context.Context, s *cluster.Survivor, force bool, instead string) error {
	for _, m := range s.Members {
		if m.ID == s.Node || m.API == "" {
			continue
		}
		c, err := client.New(m.API, client.Options{})
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, askWithin)
		st, err := c.Status(ctx)
		cancel()
		name := cmp.Or(m.Name, string(m.ID))
		var said *client.Error
		switch {
		case err == nil && st.Cluster.ID == string(s.Cluster) && st.Cluster.Quorum.Held:
			return fmt.Errorf("the cluster has a quorum: node %s at %s is one of %d voters in sight of %d: %s",
				name, m.API, st.Cluster.Quorum.Reachable, st.Cluster.Quorum.Voters, instead)
		case err == nil:
			fmt.Fprintf(r.Err, "node %s at %s runs without a quorum; stop it before this node is started\n", name, m.API)
		case errors.As(err, &said) && !force:
			return fmt.Errorf("node %s at %s runs, and would not say whether there is a quorum (%w): look with `tocsin status` there; if there is none, stop it, or give --force", name, m.API, err)
		default:
			fmt.Fprintf(r.Err, "node %s at %s does not answer\n", name, m.API)
		}
	}
	return nil
}

// confirmed has the cluster's ID typed.
func (r *remote) confirmed(s *cluster.Survivor, given, what string) error {
	if given == "" {
		fmt.Fprintf(r.Err, "This %s of cluster %s, index %d. Type the cluster's ID to go on: ", what, s.Cluster, s.LastIndex)
		line, err := bufio.NewReader(r.In).ReadString('\n')
		if err != nil && line == "" {
			fmt.Fprintln(r.Err)
			return errors.New("nothing was changed: the cluster's ID was not typed; give it with --confirm where nobody can type")
		}
		given = strings.TrimSpace(line)
	}
	if given != string(s.Cluster) {
		return fmt.Errorf("nothing was changed: the cluster is %s, not %q", s.Cluster, given)
	}
	return nil
}

// explainFolder says what to do about a data folder.
func explainFolder(dir string, err error) error {
	switch {
	case errors.Is(err, store.ErrLocked):
		return fmt.Errorf("%w: the node runs; stop it first (a node that runs shows what it has with `tocsin status`)", err)
	case errors.Is(err, cluster.ErrNoNode):
		return fmt.Errorf("%w: name the node's data folder with --storage.path; %s is none", err, dir)
	}
	return err
}
