package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"tocsin/fsm"
	"tocsin/fsm/archive"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/fsm/restore"
	"tocsin/httpapi/access"
	"tocsin/httpapi/admin"
	"tocsin/httpapi/refusal"
	"tocsin/store"
)

// backups makes backups of the state and brings them back.
//
// A backup is made by the node that is asked, once it has all that the leader
// had when it was asked: equal indexes are equal states, so this is the leader's
// backup without its work.
type backups struct{ n *Node }

// Write streams a backup to w.
func (b backups) Write(ctx context.Context, w io.Writer, stale bool) error {
	if !stale {
		if err := b.n.cluster.CatchUp(ctx); err != nil {
			return refused(err)
		}
	}
	// Who takes all secrets away is told of, unless there is no quorum to tell.
	if _, err := b.n.propose(ctx, command.Note("snapshot.save", "", "")); err != nil && !stale {
		return refused(err)
	}
	held, err := b.n.machine.Snapshot()
	if err != nil {
		return err
	}
	defer held.Release()
	_, err = archive.Write(w, held, b.about())
	return err
}

func (b backups) about() archive.About {
	return archive.About{Version: Version(), Node: b.n.cluster.Name(), Created: b.n.cluster.Now()}
}

// Restore brings back what people decided, from a backup; see package restore.
func (b backups) Restore(ctx context.Context, r io.Reader, o admin.RestoreOptions) (admin.Restored, error) {
	dir, err := os.MkdirTemp(b.n.opts.Settings.DataDir, restoreFolder+"*") // 0700
	if err != nil {
		return admin.Restored{}, fmt.Errorf("restore a backup: %w", err)
	}
	defer os.RemoveAll(dir)
	m, err := receive(filepath.Join(dir, "backup"), r)
	if err != nil {
		return admin.Restored{}, badBackup(err)
	}
	out := admin.Restored{DryRun: o.DryRun, Cluster: m.Cluster, Index: m.Index, Created: m.Created}
	if err := b.n.cluster.CatchUp(ctx); err != nil {
		return out, refused(err)
	}
	own := b.n.machine.View().Cluster()
	out.Foreign = m.Cluster != own
	if out.Foreign && !o.Force {
		return out, &refusal.Denied{Reason: refusal.ErrInvalid, Text: fmt.Sprintf(
			"the backup is of cluster %s, and this is cluster %s: to bring that configuration and those silences here all the same, give --force; "+
				"to go on as cluster %s on new machines, restore it into an empty folder with --storage.path", m.Cluster, own, m.Cluster)}
	}
	backup, done, err := openBackup(dir)
	if err != nil {
		return out, badBackup(err)
	}
	defer done()
	err = b.restore(ctx, backup, &out, o)
	return out, err
}

// restoreFolder is how the folders begin that backups are received in.
const restoreFolder = ".restore-"

// clearRestores removes what a crash in the middle of a restore has left: it is as
// large as the backup, and has all its secrets.
func clearRestores(dir string, log *slog.Logger) {
	left, _ := filepath.Glob(filepath.Join(dir, restoreFolder+"*"))
	for _, f := range left {
		if err := os.RemoveAll(f); err != nil {
			log.Warn("what is left of a restore could not be removed", "folder", f, "err", err)
		}
	}
}

// receive keeps a backup that comes in and checks all of it.
func receive(path string, r io.Reader) (archive.Manifest, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return archive.Manifest{}, err
	}
	defer f.Close()
	if _, err := io.Copy(f, r); err != nil {
		return archive.Manifest{}, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return archive.Manifest{}, err
	}
	return archive.Check(f, archive.Key{})
}

// openBackup opens the state of the backup in dir beside the living one.
func openBackup(dir string) (*fsm.Machine, func(), error) {
	f, err := os.Open(filepath.Join(dir, "backup"))
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	state, err := store.OpenState(filepath.Join(dir, stateFile), store.Options{NoSync: true})
	if err != nil {
		return nil, nil, err
	}
	m, err := fsm.Open(fsm.Options{State: state})
	if err == nil {
		_, err = archive.Read(f, archive.Key{}, func(_ archive.Manifest, in io.Reader) error { return m.Restore(in) })
	}
	if err != nil {
		return nil, nil, errors.Join(err, state.Close())
	}
	return m, func() {
		_ = m.Close()
		_ = state.Close() // nobody needs it any more
	}, nil
}

// sameLineRows is how many of the newest rows of the history are compared.
const sameLineRows = 20

func (b backups) restore(ctx context.Context, backup *fsm.Machine, out *admin.Restored, o admin.RestoreOptions) error {
	newest, err := backup.History(fsm.HistoryQuery{Limit: sameLineRows})
	if err != nil {
		return err
	}
	living := b.n.machine.View()
	same := restore.SameLine(living, backup.View(), newest, b.delivery)
	who := access.Actor(ctx)
	plan := restore.Make(living, backup.View(), restore.Options{
		Now: b.n.cluster.Now(), SameLine: same, Tokens: o.Tokens,
		Name: out.Created.UTC().Format("2006-01-02 15:04:05 MST"), Author: who.Name,
	})
	out.OtherLine, out.ConfigFrom = !same && !out.Foreign, plan.ConfigFrom
	out.SilencesCreated, out.SilencesChanged, out.SilencesExpired = plan.Created, plan.Changed, plan.Expired
	out.Doubted, out.Settings, out.Tokens = plan.Doubted, plan.Settings, plan.Tokens
	out.Changes = len(plan.Commands)
	if plan.Config != nil {
		out.Changes++
		if problems := (&versions{machine: b.n.machine, configs: b.n.configs, load: b.n.load}).Check(&plan.Config.Version); len(problems) > 0 {
			return &admin.Invalid{Problems: problems}
		}
		if err := b.n.ballot(ctx, &plan.Config.Version); err != nil {
			return err
		}
	}
	if o.DryRun || plan.Empty() {
		return nil
	}
	return b.carryOut(ctx, who, plan, out)
}

// carryOut proposes a plan: in one log entry where it fits, so that all of it is
// applied or nothing.
func (b backups) carryOut(ctx context.Context, who model.Actor, plan restore.Plan, out *admin.Restored) error {
	cmds := plan.Commands
	if plan.Config != nil {
		cmds = append(cmds, *plan.Config)
	}
	note := command.SignedBy(who, b.n.cluster.ID(), newToken(), command.Note("snapshot.restore", string(out.Cluster),
		fmt.Sprintf("backup of %s at index %d, %d changes", out.Created.UTC().Format(time.RFC3339), out.Index, len(cmds))))
	batches := restore.Batches(append([]command.Command{note}, cmds...))
	for i, batch := range batches {
		results, err := b.n.cluster.Propose(ctx, batch...)
		if err == nil {
			err = firstRefusal(results)
		} else {
			err = refused(err)
		}
		if err != nil && i > 0 {
			return &refusal.Denied{Reason: refusal.ErrConflict, Text: fmt.Sprintf(
				"%d of %d parts were restored, then: %v; run the same command again, it goes on from there", i, len(batches), err)}
		}
		if err != nil {
			return err
		}
		if plan.Config != nil && i == len(batches)-1 {
			out.ConfigRev = results[len(results)-1].Rev
		}
	}
	if out.ConfigRev == 0 {
		return nil
	}
	return b.n.configs.waitLoaded(ctx, out.ConfigRev)
}

func firstRefusal(results []command.Result) error {
	for _, r := range results {
		if err := resultError(r); err != nil {
			return err
		}
	}
	return nil
}

// delivery is a row of the living history.
func (b backups) delivery(seq uint64) (model.Delivery, bool) {
	rows, err := b.n.machine.History(fsm.HistoryQuery{Before: seq + 1, Limit: 1})
	if err != nil || len(rows) == 0 || rows[0].Seq != seq {
		return model.Delivery{}, false
	}
	return rows[0], true
}

// badBackup says what is wrong with a backup, and what to do.
func badBackup(err error) error {
	for reason, next := range map[error]string{
		archive.ErrNotArchive: "give a file that `tocsin snapshot save` made",
		archive.ErrDamaged:    "take another backup; nothing was changed",
		archive.ErrTooNew:     "upgrade this node first; nothing was changed",
		archive.ErrSealed:     "let `tocsin snapshot restore` open it, with --passphrase-file or --identity-file",
		store.ErrDiskFull:     "make room below --storage.path; nothing was changed",
	} {
		if errors.Is(err, reason) {
			return &refusal.Denied{Reason: refusal.ErrInvalid, Text: err.Error() + ": " + next}
		}
	}
	return err
}
