package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"tocsin/dispatcher/config"
	"tocsin/dispatcher/heritage"
	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// The files of an Alertmanager's data folder, and ours that says which of them
// were taken over. They are read and never written.
const (
	oldSilences  = "silences"
	oldLog       = "nflog"
	heritageDone = "alertmanager-import.json"
)

// Times of an import.
const (
	// heritageWithin bounds how long a node that has a configuration already
	// waits with it for the import: without a quorum there is none, and alerts
	// have to be told all the same.
	heritageWithin = 30 * time.Second
	// heritageAgain is when a proposal that was not taken is repeated.
	heritageAgain = time.Second
)

// The bounds of one proposal of an import.
const (
	heritageBatch      = 256
	heritageBatchBytes = 1 << 20
)

// maxOldFile bounds the size of a file that is taken over.
const maxOldFile = 1 << 30

// maxLeftOut bounds how many records that were not taken over are logged.
const maxLeftOut = 100

// takeover brings what an Alertmanager left in the data folder into the cluster,
// before this node runs any configuration: so that nobody is told again what the
// Alertmanager told.
//
// It may be repeated, and done by several nodes with folders of their own: of a
// silence the one changed last counts, of what a receiver was told the youngest,
// as between Alertmanagers. What it has done is noted by the files' sums, so that
// a folder is taken over once, and again only if an Alertmanager has run on it
// since.
type takeover struct {
	dir       string
	retention time.Duration
	machine   *fsm.Machine
	propose   func(context.Context, ...command.Command) ([]command.Result, error)
	ready     <-chan struct{}
	// book is the configuration that the log is read with: the cluster's, or
	// the file's where it has none yet.
	book func() (*model.ConfigVersion, error)
	load config.Options
	now  func() time.Time
	log  *slog.Logger
}

// takenOver is what the node's note says.
type takenOver struct {
	// Files are the SHA-256 of the files by name.
	Files         map[string]string `json:"files"`
	At            time.Time         `json:"at"`
	Silences      int               `json:"silences"`
	Notifications int               `json:"notifications"`
	LeftOut       int               `json:"left_out"`
}

// begin starts the import, if there is something to take over, and waits for it
// as long as that makes sense. The returned channel is closed when the import has
// ended.
func (t *takeover) begin(ctx context.Context) (ended <-chan struct{}) {
	done := make(chan struct{})
	files, err := t.files()
	if err != nil {
		t.log.Error("an Alertmanager's data lies in the data folder and cannot be read; it is not taken over", "folder", t.dir, "err", err)
	}
	if len(files) == 0 || t.noted(files) {
		close(done)
		return done
	}
	t.log.Info("an Alertmanager's data lies in the data folder and is taken over; the files stay as they are", "folder", t.dir)
	go func() {
		defer close(done)
		if err := t.run(ctx, files); err != nil && ctx.Err() == nil {
			t.log.Error("the Alertmanager's data could not be taken over; what it told may be told again", "folder", t.dir, "err", err)
		}
	}()
	var late <-chan time.Time
	if t.machine.View().Config() != nil {
		timer := time.NewTimer(heritageWithin)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-done:
	case <-ctx.Done():
	case <-late:
		t.log.Warn("the import of the Alertmanager's data takes long; the node goes on without it meanwhile", "waited", heritageWithin)
	}
	return done
}

// files are the old files by name, whole.
func (t *takeover) files() (map[string][]byte, error) {
	out := make(map[string][]byte)
	for _, name := range []string{oldSilences, oldLog} {
		text, err := readOld(filepath.Join(t.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[name] = text
	}
	return out, nil
}

func readOld(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxOldFile+1))
	if err == nil && len(text) > maxOldFile {
		err = fmt.Errorf("%s is larger than 1 GiB", path)
	}
	return text, err
}

// noted reports whether just these files were taken over before.
func (t *takeover) noted(files map[string][]byte) bool {
	text, err := os.ReadFile(filepath.Join(t.dir, heritageDone))
	var note takenOver
	if err != nil || json.Unmarshal(text, &note) != nil || len(note.Files) != len(files) {
		return false
	}
	for name, text := range files {
		if note.Files[name] != sumOf(text) {
			return false
		}
	}
	return true
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// run takes the files over, and repeats it until the cluster has taken all.
func (t *takeover) run(ctx context.Context, files map[string][]byte) error {
	select {
	case <-t.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		note, left, err := t.once(ctx, files)
		if err == nil {
			t.tell(note, left)
			return t.note(note, files)
		}
		t.log.Warn("the Alertmanager's data is not taken over yet; it is tried again", "err", err)
		select {
		case <-time.After(heritageAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *takeover) once(ctx context.Context, files map[string][]byte) (takenOver, []heritage.LeftOut, error) {
	var note takenOver
	cmds, left := t.silences(files[oldSilences])
	told, more, err := t.told(files[oldLog])
	if err != nil {
		return note, nil, err
	}
	left = append(left, more...)
	note.Silences, note.Notifications = len(cmds), len(told)
	err = t.put(ctx, append(cmds, told...))
	note.LeftOut = len(left)
	return note, left, err
}

// silences are the commands that bring the old silences in, but for those that
// the cluster knows as well or better.
func (t *takeover) silences(text []byte) ([]command.Command, []heritage.LeftOut) {
	all, left, err := heritage.Silences(bytes.NewReader(text), t.millis(), model.Millis(t.retention.Milliseconds()))
	if err != nil {
		left = append(left, heritage.LeftOut{What: "the end of the file " + oldSilences, Why: err.Error()})
	}
	view := t.machine.View()
	var cmds []command.Command
	for _, s := range all {
		put := command.PutSilence{Silence: s}
		if have, ok := view.Silence(s.ID); ok {
			if have.UpdatedAt >= s.UpdatedAt {
				continue
			}
			put.BaseRev = have.Rev
		}
		if err := fits(put); err != nil {
			left = append(left, heritage.LeftOut{What: s.ID, Why: err.Error()})
			continue
		}
		cmds = append(cmds, put)
	}
	return cmds, left
}

// told are the commands that bring in what the Alertmanager told.
func (t *takeover) told(text []byte) ([]command.Command, []heritage.LeftOut, error) {
	if len(text) == 0 {
		return nil, nil, nil
	}
	v, err := t.book()
	if err != nil {
		return nil, nil, err
	}
	loaded, err := config.Load(v, t.load)
	if err != nil {
		return nil, nil, fmt.Errorf("load the configuration to read %s with: %w", oldLog, err)
	}
	all, left, err := heritage.Log(bytes.NewReader(text), bookOf(loaded), t.millis())
	if err != nil {
		left = append(left, heritage.LeftOut{What: "the end of the file " + oldLog, Why: err.Error()})
	}
	view := t.machine.View()
	var cmds []command.Command
	for i := range all {
		entry, _ := view.Entry(all[i].Key)
		overlay, news := all[i].Overlay(entry)
		if !news {
			continue
		}
		merge := command.MergeOverlay{Overlay: overlay}
		if err := fits(merge); err != nil {
			left = append(left, heritage.LeftOut{What: all[i].Key.String(), Why: err.Error()})
			continue
		}
		cmds = append(cmds, merge)
	}
	return cmds, left, nil
}

func bookOf(c *config.Config) heritage.Book {
	return heritage.Book{Routes: c.Routes, Identity: func(receiver, typ string, idx int) (string, bool) {
		r := c.Receivers[receiver]
		if r == nil {
			return "", false
		}
		for _, i := range r.Integrations {
			if i.Name() == typ && i.Index() == idx {
				return i.Identity(), true
			}
		}
		return "", false
	}}
}

// fits is why the log would not carry a command.
func fits(c command.Command) error {
	_, err := command.Encode(command.Envelope{Proposer: "-", Commands: []command.Command{c}})
	return err
}

// put has the cluster apply the commands, a bounded number at once.
func (t *takeover) put(ctx context.Context, cmds []command.Command) error {
	for len(cmds) > 0 {
		n, size := 0, 0
		for n < len(cmds) && n < heritageBatch && (n == 0 || size < heritageBatchBytes) {
			size += len(model.Encode(cmds[n]))
			n++
		}
		results, err := t.propose(ctx, cmds[:n]...)
		if err != nil {
			return err
		}
		for _, r := range results {
			if err := resultError(r); err != nil {
				return err
			}
		}
		cmds = cmds[n:]
	}
	return nil
}

// tell logs what was taken over and what was not.
func (t *takeover) tell(note takenOver, left []heritage.LeftOut) {
	for i, l := range left {
		if i == maxLeftOut {
			t.log.Warn("more of the Alertmanager's data was not taken over", "count", len(left)-i)
			break
		}
		t.log.Warn("something of the Alertmanager's data was not taken over", "what", l.What, "why", l.Why)
	}
	t.log.Info("the Alertmanager's data was taken over", "silences", note.Silences, "notifications", note.Notifications, "left_out", note.LeftOut)
}

// note writes down what was taken over.
func (t *takeover) note(note takenOver, files map[string][]byte) error {
	note.At = t.now().UTC()
	note.Files = make(map[string]string)
	for name, text := range files {
		note.Files[name] = sumOf(text)
	}
	text, err := json.MarshalIndent(note, "", "  ")
	if err != nil {
		return fmt.Errorf("note what was taken over: %w", err)
	}
	if err := writeWhole(filepath.Join(t.dir, heritageDone), append(text, '\n')); err != nil {
		return fmt.Errorf("note what was taken over: %w", err)
	}
	return nil
}

// writeWhole writes a file so that it is there as a whole or not at all.
func writeWhole(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func (t *takeover) millis() model.Millis { return model.Millis(t.now().UnixMilli()) }
