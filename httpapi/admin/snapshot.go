package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"tocsin/fsm/model"
	"tocsin/httpapi/answer"
)

// Backups makes backups of the state and brings them back. Errors are as with
// Versions.Apply.
type Backups interface {
	// Write streams a backup to w. It is as new as the leader's state at the time
	// of the call; stale: as new as this node's. An error before the first byte
	// can still be told.
	Write(ctx context.Context, w io.Writer, stale bool) error
	// Restore reads a whole backup from r before it changes anything.
	Restore(ctx context.Context, r io.Reader, o RestoreOptions) (Restored, error)
	// Schedule is how nodes back up by themselves, Last how this node did.
	Schedule() (Schedule, LastBackup)
	SetSchedule(context.Context, Schedule) error
}

// RestoreOptions say how to restore.
type RestoreOptions struct {
	// Force takes a backup of another cluster.
	Force bool
	// DryRun changes nothing.
	DryRun bool
	// Tokens brings back API tokens that are not there any more.
	Tokens bool
}

// Restored is what a restore changed, or would change.
type Restored struct {
	DryRun bool `json:"dry_run,omitempty"`
	// Cluster, Index, Created are the backup's.
	Cluster model.ClusterID `json:"cluster_id"`
	Index   uint64          `json:"index"`
	Created time.Time       `json:"created"`
	// Foreign: the backup is of another cluster. OtherLine: it is no earlier
	// state of this very one, so what it says was told came in as doubt.
	Foreign   bool `json:"foreign,omitempty"`
	OtherLine bool `json:"other_line,omitempty"`
	// ConfigFrom is the backup's version that became ConfigRev; 0 if the active
	// version says the same already.
	ConfigFrom uint64 `json:"config_from,omitempty"`
	ConfigRev  uint64 `json:"config_rev,omitempty"`
	// Counts of silences, of entries of the ledger that came in doubt, and of
	// settings.
	SilencesCreated int      `json:"silences_created"`
	SilencesChanged int      `json:"silences_changed"`
	SilencesExpired int      `json:"silences_expired"`
	Doubted         int      `json:"doubted"`
	Settings        int      `json:"settings"`
	Tokens          []string `json:"tokens,omitempty"`
	// Changes are the commands that it took, 0 if there was nothing to do.
	Changes int `json:"changes"`
}

// Schedule says how each node backs up its state by itself.
type Schedule struct {
	// EverySeconds is the time between two backups; 0 = none are made.
	EverySeconds int64 `json:"every_seconds"`
	// Keep is how many files are kept on each node.
	Keep int `json:"keep"`
	// Dir is a folder on each node; one that is not absolute is below the data
	// folder.
	Dir string `json:"dir"`
	// Recipients are age's public keys that the files are sealed for; none: they
	// are not sealed.
	Recipients []string `json:"recipients,omitempty"`
}

// LastBackup is the last backup that a node made by its schedule.
type LastBackup struct {
	At    string `json:"at,omitempty"`
	File  string `json:"file,omitempty"`
	Bytes int64  `json:"bytes,omitempty"`
	// Error is why the last try failed, empty if it did not.
	Error string `json:"error,omitempty"`
}

// maxSnapshotBytes bounds a backup that is sent here.
const maxSnapshotBytes = 4 << 30

// RestorePath is where backups are sent to, below Path: its bodies have a bound of
// their own, because they are kept in a file and not in memory.
const RestorePath = "/snapshot/restore"

func (a *API) getSnapshot(c echo.Context) error {
	stale, err := flag(c, "stale")
	if err != nil {
		return err
	}
	w := c.Response()
	w.Header().Set(echo.HeaderContentType, echo.MIMEOctetStream)
	w.Header().Set(echo.HeaderContentDisposition, `attachment; filename="tocsin.snapshot"`)
	giveTime(w)
	a.opts.Logger.Info("A backup is made", "from", c.RealIP())
	err = a.opts.Backups.Write(c.Request().Context(), w, stale)
	if err != nil && w.Committed {
		// The file ends too early, which who reads it notices.
		a.opts.Logger.Error("A backup was broken off", "from", c.RealIP(), "err", err)
		return nil
	}
	if err != nil {
		w.Header().Del(echo.HeaderContentType)
		w.Header().Del(echo.HeaderContentDisposition)
	}
	return err
}

func (a *API) restoreSnapshot(c echo.Context) (err error) {
	var o RestoreOptions
	for name, to := range map[string]*bool{"force": &o.Force, "dry_run": &o.DryRun, "api_tokens": &o.Tokens} {
		if *to, err = flag(c, name); err != nil {
			return err
		}
	}
	giveTime(c.Response())
	body := http.MaxBytesReader(c.Response(), c.Request().Body, maxSnapshotBytes)
	done, err := a.opts.Backups.Restore(c.Request().Context(), body, o)
	if status, text, ok := answer.BodyFault(err); ok {
		return &fault{status, faultBody{Error: text}}
	}
	if err != nil {
		return err
	}
	if !o.DryRun {
		a.opts.Logger.Warn("A backup was restored", "cluster", done.Cluster, "index", done.Index, "changes", done.Changes, "from", c.RealIP())
	}
	answer.JSON(c.Response(), http.StatusOK, done)
	return nil
}

// snapshotTime is what a backup may take on its way.
const snapshotTime = time.Hour

// giveTime gives a request more time than requests get, where the server can.
func giveTime(w http.ResponseWriter) {
	until := time.Now().Add(snapshotTime)
	rc := http.NewResponseController(w)
	_ = errors.Join(rc.SetReadDeadline(until), rc.SetWriteDeadline(until))
}

// scheduleJSON is a schedule and what came of it.
type scheduleJSON struct {
	Schedule
	Last LastBackup `json:"last"`
}

func (a *API) getSchedule(c echo.Context) error {
	s, last := a.opts.Backups.Schedule()
	answer.JSON(c.Response(), http.StatusOK, scheduleJSON{s, last})
	return nil
}

func (a *API) setSchedule(c echo.Context) error {
	var s Schedule
	if err := readBody(c, &s); err != nil {
		return err
	}
	if err := a.opts.Backups.SetSchedule(c.Request().Context(), s); err != nil {
		return err
	}
	return a.getSchedule(c)
}

// flag reads a parameter that is true or false; without one it is false.
func flag(c echo.Context, name string) (bool, error) {
	text := c.QueryParam(name)
	if text == "" {
		return false, nil
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, badRequest(name+" must be true or false", "leave it out for false")
	}
	return on, nil
}
