package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tocsin/fsm"
	"tocsin/fsm/archive"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/httpapi/admin"
	"tocsin/httpapi/refusal"
)

// The record that the schedule is in, and its bounds.
const (
	scheduleRecord  = "schedule"
	shortestBackup  = time.Minute
	mostBackups     = 1000
	defaultKeep     = 24
	defaultFolder   = "backups"
	mostRecipients  = 32
	backupRetry     = time.Minute
	backupSuffix    = ".snapshot"
	backupTimestamp = "20060102T150405Z"
)

// schedule has this node back up its state by itself, as the cluster's schedule
// says. Every node has its own files, so that the loss of a machine is not the
// loss of the backups.
type schedule struct {
	n    *Node
	wake chan struct{}

	success, size prometheus.Gauge
	failures      prometheus.Counter

	mu   sync.Mutex // guards the rest
	last admin.LastBackup
}

func newSchedule(n *Node, r prometheus.Registerer) *schedule {
	f := promauto.With(r)
	return &schedule{
		n: n, wake: make(chan struct{}, 1),
		success: f.NewGauge(prometheus.GaugeOpts{
			Name: "tocsin_backup_last_success_timestamp_seconds",
			Help: "When this node last made a backup by the cluster's schedule; 0 if never, or if none are to be made.",
		}),
		size: f.NewGauge(prometheus.GaugeOpts{
			Name: "tocsin_backup_last_size_bytes",
			Help: "Size of the last backup that this node made by the cluster's schedule.",
		}),
		failures: f.NewCounter(prometheus.CounterOpts{
			Name: "tocsin_backup_failures_total",
			Help: "Backups by the cluster's schedule that this node could not make.",
		}),
	}
}

// openSchedule makes backups by the cluster's schedule.
func (n *Node) openSchedule() error {
	n.schedule = newSchedule(n, n.opts.Registerer)
	clearRestores(n.opts.Settings.DataDir, n.opts.Logger)
	n.background("backups", closeFile, n.schedule.run)
	return nil
}

// scheduled is the cluster's schedule; zero if there is none.
func scheduled(v *fsm.View) (s admin.Schedule) {
	if r, ok := v.Record(model.RecordBackup, scheduleRecord); ok {
		_ = json.Unmarshal(r.Body, &s) // what cannot be read makes no backups
	}
	return s
}

// run makes backups when they are due, until ctx ends.
func (s *schedule) run(ctx context.Context) error {
	cancel := s.n.machine.Observe(func(c fsm.Change) {
		if c.Records {
			select {
			case s.wake <- struct{}{}:
			default:
			}
		}
	})
	defer cancel()
	for {
		timer := time.NewTimer(s.due())
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.wake:
			timer.Stop()
		case <-timer.C:
			s.back(ctx)
		}
	}
}

// idle is how long nothing is due where no backups are to be made.
const idle = time.Hour

// due is how long until the next backup.
func (s *schedule) due() time.Duration {
	plan := scheduled(s.n.machine.View())
	if plan.EverySeconds <= 0 {
		s.success.Set(0)
		return idle
	}
	files := s.files(s.folder(plan))
	if len(files) == 0 {
		return s.pause(0)
	}
	newest, err := os.Stat(files[len(files)-1])
	if err != nil {
		return s.pause(0)
	}
	s.success.Set(float64(newest.ModTime().Unix()))
	s.size.Set(float64(newest.Size()))
	every := time.Duration(plan.EverySeconds) * time.Second
	return s.pause(min(every, every-time.Since(newest.ModTime())))
}

// pause is d, and longer after a failure.
func (s *schedule) pause(d time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.Error != "" {
		d = max(d, backupRetry)
	}
	return max(d, time.Second)
}

func (s *schedule) folder(plan admin.Schedule) string {
	dir := cmp.Or(plan.Dir, defaultFolder)
	if filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(s.n.opts.Settings.DataDir, dir)
}

// prefix is how this node's files begin, so that nodes may share a folder.
func (s *schedule) prefix() string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, s.n.cluster.Name())
	return "tocsin-" + safe + "-"
}

// files are this node's backups in dir, oldest first.
func (s *schedule) files(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		stamp, mine := strings.CutPrefix(strings.TrimSuffix(e.Name(), backupSuffix), s.prefix())
		if _, err := time.Parse(backupTimestamp, stamp); mine && err == nil && strings.HasSuffix(e.Name(), backupSuffix) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(out)
	return out
}

// back makes a backup if one is due.
func (s *schedule) back(ctx context.Context) {
	plan := scheduled(s.n.machine.View())
	if plan.EverySeconds <= 0 || s.n.machine.View().Cluster() == "" || ctx.Err() != nil {
		return
	}
	saved, err := s.save(plan)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failures.Inc()
		s.last.Error = err.Error()
		s.n.opts.Logger.Error("a backup could not be made; it will be tried again in a minute", "err", err)
		return
	}
	now := s.n.cluster.Now()
	s.last = admin.LastBackup{At: now.UTC().Format(time.RFC3339), File: saved.Path, Bytes: saved.Bytes}
	s.n.opts.Logger.Info("a backup is made", "file", saved.Path, "bytes", saved.Bytes, "index", saved.Manifest.Index)
}

func (s *schedule) save(plan admin.Schedule) (archive.Saved, error) {
	dir := s.folder(plan)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return archive.Saved{}, err
	}
	name := s.prefix() + s.n.cluster.Now().UTC().Format(backupTimestamp) + backupSuffix
	saved, err := archive.Save(filepath.Join(dir, name), archive.Key{Recipients: plan.Recipients}, func(w io.Writer) error {
		held, err := s.n.machine.Snapshot()
		if err != nil {
			return err
		}
		defer held.Release()
		_, err = archive.Write(w, held, backups{s.n}.about())
		return err
	})
	if err != nil {
		return saved, err
	}
	// Only now, when there is a new one, may old ones go.
	for _, old := range slices.Concat(surplus(s.files(dir), saved.Path, plan.Keep), s.litter(dir)) {
		if err := os.Remove(old); err != nil {
			s.n.opts.Logger.Warn("an old backup could not be removed", "file", old, "err", err)
		}
	}
	return saved, nil
}

// surplus are the oldest of files, without which keep are left, and never newest,
// which was just made. What is named after a later time was made while the clock
// was ahead, and is older all the same.
func surplus(files []string, newest string, keep int) []string {
	i := slices.Index(files, newest)
	byAge := slices.Concat(files[i+1:], files[:i+1])
	return byAge[:max(0, len(byAge)-max(1, keep))]
}

// litterAge is when what a backup was written to is left over from a crash.
const litterAge = 24 * time.Hour

// litter is what crashes in the middle of a backup have left in dir.
func (s *schedule) litter(dir string) (out []string) {
	entries, _ := os.ReadDir(dir) // what cannot be listed is not removed
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && archive.Partial(e.Name()) && strings.HasPrefix(e.Name(), "."+s.prefix()) && time.Since(info.ModTime()) > litterAge {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out
}

// Schedule is the cluster's schedule and how this node did by it.
func (b backups) Schedule() (admin.Schedule, admin.LastBackup) {
	s := b.n.schedule
	plan := scheduled(b.n.machine.View())
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.last
	if files := s.files(s.folder(plan)); last.File == "" && plan.EverySeconds > 0 && len(files) > 0 {
		newest := files[len(files)-1]
		if info, err := os.Stat(newest); err == nil {
			last.At, last.File, last.Bytes = info.ModTime().UTC().Format(time.RFC3339), newest, info.Size()
		}
	}
	return plan, last
}

// SetSchedule changes the schedule of all nodes.
func (b backups) SetSchedule(ctx context.Context, plan admin.Schedule) error {
	if plan.EverySeconds > 0 {
		plan.Keep, plan.Dir = cmp.Or(plan.Keep, defaultKeep), cmp.Or(plan.Dir, defaultFolder)
	}
	if err := checkSchedule(plan); err != nil {
		return &refusal.Denied{Reason: refusal.ErrInvalid, Text: err.Error()}
	}
	body, err := json.Marshal(plan)
	if err != nil {
		return err
	}
	detail := "no backups by schedule"
	if plan.EverySeconds > 0 {
		detail = fmt.Sprintf("every %v, keep %d, in %s", time.Duration(plan.EverySeconds)*time.Second, plan.Keep, plan.Dir)
	}
	put := command.PutRecord{Record: model.RecordBackup, Name: scheduleRecord, BaseRev: model.AnyRev, Body: body}
	results, err := b.n.propose(ctx, command.As(put, "backup.schedule", scheduleRecord, detail))
	if err != nil {
		return refused(err)
	}
	return firstRefusal(results)
}

func checkSchedule(plan admin.Schedule) error {
	switch every := time.Duration(plan.EverySeconds) * time.Second; {
	case plan.EverySeconds == 0:
		return nil
	case plan.EverySeconds < 0 || plan.EverySeconds > 366*24*3600:
		return errors.New("the time between two backups must be from a minute to a year, or 0 for none")
	case every < shortestBackup:
		return errors.New("the time between two backups must be at least a minute, or 0 for none")
	case plan.Keep < 1 || plan.Keep > mostBackups:
		return fmt.Errorf("keep from 1 to %d backups", mostBackups)
	case len(plan.Dir) > 1024 || !filepath.IsAbs(plan.Dir) && !filepath.IsLocal(plan.Dir):
		return errors.New("the folder must be a whole path, or one below the data folder")
	case len(plan.Recipients) > mostRecipients:
		return fmt.Errorf("there may be %d recipients", mostRecipients)
	}
	return archive.Key{Recipients: plan.Recipients}.Check()
}
