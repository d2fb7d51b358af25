package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
	"tocsin/fsm/archive"
)

// snapshotTime is the default of --timeout here: states may be large.
const snapshotTime = 10 * time.Minute

func newSnapshot(s Streams) *cobra.Command {
	cmd, r := attach(group("snapshot", "Back up the cluster's state, look into backups, bring them back"), s)
	r.timeout = snapshotTime
	cmd.PersistentFlags().Lookup("timeout").DefValue = snapshotTime.String()
	cmd.AddCommand(newSnapshotSave(r), newSnapshotInspect(r), newSnapshotRestore(r), newSnapshotSchedule(r))
	return cmd
}

// keyFlags are the flags that say how a backup is sealed or opened.
type keyFlags struct {
	passphrase, identity string
	recipients           []string
}

func (k *keyFlags) register(cmd *cobra.Command, seals bool) {
	fs := cmd.Flags()
	if seals {
		fs.StringVar(&k.passphrase, "passphrase-file", "", "Encrypt the file with the passphrase that is in this file.")
		fs.StringArrayVar(&k.recipients, "recipient", nil, "Encrypt the file for a public key of age, age1… (may be repeated).")
		return
	}
	fs.StringVar(&k.passphrase, "passphrase-file", "", "Open the file with the passphrase that is in this file.")
	fs.StringVar(&k.identity, "identity-file", "", "Open the file with the secret key of age that is in this file.")
}

// maxKeyFile bounds what is read of a passphrase or key file.
const maxKeyFile = 64 << 10

func (k *keyFlags) key() (archive.Key, error) {
	out := archive.Key{Recipients: k.recipients}
	for flag, f := range map[string]struct {
		path string
		to   *string
	}{"--passphrase-file": {k.passphrase, &out.Passphrase}, "--identity-file": {k.identity, &out.Identities}} {
		if f.path == "" {
			continue
		}
		b, err := readBounded(f.path, maxKeyFile)
		if err != nil {
			return out, usageError{fmt.Errorf("%s: %w", flag, err)}
		}
		if *f.to = strings.TrimRight(string(b), "\r\n"); *f.to == "" {
			return out, usagef("%s: %s is empty", flag, f.path)
		}
	}
	if err := out.Check(); err != nil {
		return out, usageError{err}
	}
	return out, nil
}

func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	return b, err
}

func newSnapshotSave(r *remote) *cobra.Command {
	var key keyFlags
	var stale bool
	cmd := &cobra.Command{
		Use:   "save FILE",
		Short: "Save a backup of the cluster's state in a file",
		Long: "Save a backup of the cluster's state in a file: configuration, silences, what was\ntold, history, audit, settings, keys. Writes go on meanwhile. The file takes its\n" +
			"name when it is whole: written, synced and read back. It holds every secret of\nthe configuration; encrypt it where others can read it.",
		Args: between(1, 1, "the name of a file"),
	}
	key.register(cmd, true)
	cmd.Flags().BoolVar(&stale, "stale", false, "Take what the asked node has, also without a quorum.")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		k, err := key.key()
		if err != nil {
			return err
		}
		return r.call(cmd, func(ctx context.Context, c *client.Client) error {
			done := r.waiting("saving the backup")
			saved, err := archive.Save(args[0], k, func(w io.Writer) error { return c.Snapshot(ctx, w, stale) })
			done()
			if err != nil {
				return explainBackup(args[0], err)
			}
			return r.printSaved(saved, k)
		})
	}
	return cmd
}

func (r *remote) printSaved(s archive.Saved, k archive.Key) error {
	sealed := ""
	if k.Seals() {
		sealed = ", encrypted"
	}
	r.printf("saved %s: %d bytes%s, read back and whole\n\n", s.Path, s.Bytes, sealed)
	return r.print(struct {
		File     string           `json:"file"`
		Bytes    int64            `json:"bytes"`
		Sealed   bool             `json:"encrypted"`
		Manifest archive.Manifest `json:"manifest"`
	}{s.Path, s.Bytes, k.Seals(), s.Manifest}, func(t *table) { manifestRows(t, &s.Manifest) })
}

func newSnapshotInspect(r *remote) *cobra.Command {
	var key keyFlags
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Check a backup and show what it holds; needs no node",
		Args:  between(1, 1, "the name of a file"),
	}
	key.register(cmd, false)
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
		return r.print(m, func(t *table) { manifestRows(t, &m) })
	}
	return cmd
}

func checkBackup(path string, k archive.Key) (archive.Manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return archive.Manifest{}, err
	}
	defer f.Close()
	m, err := archive.Check(f, k)
	return m, explainBackup(path, err)
}

func manifestRows(t *table, m *archive.Manifest) {
	t.row("Cluster", string(m.Cluster))
	t.row("Made", when(m.Created)+" by node "+dash(m.Node)+", Tocsin "+dash(m.Version))
	t.row("State", fmt.Sprintf("index %d, term %d, hash %s", m.Index, m.Term, m.StateHash))
	t.row("Versions", fmt.Sprintf("file %d, schema %d, commands %d", m.Format, m.Schema, m.Commands))
	t.row("Config", fmt.Sprintf("version %s, %d kept", number(m.ConfigRev), m.Counts["configs"]))
	t.row("Silences", fmt.Sprint(m.Counts["silences"]))
	t.row("Ledger", fmt.Sprintf("%d entries, %d with a live claim", m.Counts["entries"], m.Claims))
	t.row("History", fmt.Sprintf("%d deliveries", m.Counts["history"]))
	t.row("Nodes", fmt.Sprint(m.Counts["nodes"]))
	t.row("Records", fmt.Sprint(m.Counts["records"]))
	t.row("Audit", fmt.Sprintf("%d rows", m.Counts["audit"]))
	for _, p := range m.Parts {
		t.row("Part", fmt.Sprintf("%s, %d bytes, sha256 %s", p.Name, p.Bytes, p.SHA256))
	}
}

// explainBackup says what to do about a backup that cannot be used.
func explainBackup(path string, err error) error {
	for reason, next := range map[error]string{
		archive.ErrNotArchive: "give a file that `tocsin snapshot save` made",
		archive.ErrDamaged:    "use another backup, or save a new one",
		archive.ErrTooNew:     "use the tocsin that made it, or a newer one",
		archive.ErrSealed:     "give --passphrase-file or --identity-file",
		archive.ErrWrongKey:   "give the passphrase or key that it was encrypted with",
	} {
		if errors.Is(err, reason) {
			return fmt.Errorf("%s: %w: %s", path, err, next)
		}
	}
	return err
}

func newSnapshotSchedule(r *remote) *cobra.Command {
	var s client.Schedule
	var every time.Duration
	var off bool
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "Show or change how every node backs up its state by itself",
		Args:  nothing,
	}
	fs := cmd.Flags()
	fs.DurationVar(&every, "every", 0, "Time between two backups, at least a minute.")
	fs.IntVar(&s.Keep, "keep", 24, "How many files to keep on each node.")
	fs.StringVar(&s.Dir, "dir", "backups", "Folder on each node; below the node's data folder, if it is not a whole path.")
	fs.StringArrayVar(&s.Recipients, "recipient", nil, "Encrypt the files for a public key of age, age1… (may be repeated).")
	fs.BoolVar(&off, "off", false, "Make no more backups by schedule. Files that are there stay.")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		changes := fs.Changed("keep") || fs.Changed("dir") || fs.Changed("recipient")
		switch {
		case off && (every > 0 || changes):
			return usagef("--off excludes the other flags")
		case every == 0 && changes:
			return usagef("--every is needed with the other flags: a schedule is set as a whole")
		case every != 0 && every < time.Minute:
			return usagef("--every must be at least 1m")
		}
		return r.call(cmd, func(ctx context.Context, c *client.Client) error {
			get := c.Schedule
			if s.EverySeconds = int64(every / time.Second); off || every > 0 {
				get = func(ctx context.Context) (client.Scheduled, error) { return c.SetSchedule(ctx, s) }
			}
			out, err := get(ctx)
			if err != nil {
				return err
			}
			return r.print(out, func(t *table) { scheduleRows(t, &out) })
		})
	}
	return cmd
}

func scheduleRows(t *table, s *client.Scheduled) {
	if s.EverySeconds == 0 {
		t.row("Schedule", "no backups are made; `tocsin snapshot schedule --every 1h` has every node make them")
		return
	}
	t.row("Every", (time.Duration(s.EverySeconds) * time.Second).String())
	t.row("Keep", fmt.Sprint(s.Keep))
	t.row("Folder", s.Dir)
	if len(s.Recipients) > 0 {
		t.row("Encrypted", "for "+strings.Join(s.Recipients, ", "))
	}
	if s.Last.File != "" {
		t.row("Last here", fmt.Sprintf("%s, %d bytes, %s", s.Last.At, s.Last.Bytes, s.Last.File))
	} else {
		t.row("Last here", "none yet")
	}
	if s.Last.Error != "" {
		t.row("Failed", s.Last.Error)
	}
}
