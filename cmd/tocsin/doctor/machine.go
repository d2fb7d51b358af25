package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const (
	// syncWrites of syncBytes are what is measured of a disk, for syncTime at
	// most.
	syncWrites = 10
	syncBytes  = 4096
	syncTime   = 2 * time.Second
	// maxModes bounds the files that are named.
	maxModes = 20
)

// Examine looks at the machine of the node with that data folder. Whatever
// cannot be looked at says so in its place.
func Examine(ctx context.Context, folder string) Machine {
	m := Machine{Folder: folder, Sync: measureSync(ctx, folder), Modes: modes(folder)}
	seen := map[uint64]bool{}
	for _, path := range []string{folder, filepath.Join(folder, "raft")} {
		var st syscall.Stat_t
		if err := syscall.Stat(path, &st); err == nil && seen[st.Dev] || err != nil && path != folder {
			continue
		}
		seen[st.Dev] = true
		m.Disks = append(m.Disks, disk(path))
	}
	m.OpenFiles, m.FilesLimit = openFiles()
	return m
}

func disk(path string) Disk {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return Disk{Path: path, Error: err.Error()}
	}
	unit := uint64(st.Bsize)
	return Disk{Path: path, Free: st.Bavail * unit, Size: st.Blocks * unit, InodesFree: st.Ffree, Inodes: st.Files}
}

// measureSync writes and syncs a temporary file.
func measureSync(ctx context.Context, folder string) Sync {
	f, err := os.CreateTemp(folder, ".doctor-*")
	if err != nil {
		return Sync{Error: err.Error()}
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var took []time.Duration
	began := time.Now()
	for len(took) < syncWrites && time.Since(began) < syncTime && ctx.Err() == nil {
		start := time.Now()
		if _, err := f.Write(make([]byte, syncBytes)); err != nil {
			return Sync{Error: err.Error()}
		}
		if err := f.Sync(); err != nil {
			return Sync{Error: err.Error()}
		}
		took = append(took, time.Since(start))
	}
	if len(took) == 0 {
		return Sync{Error: "there was no time to measure"}
	}
	slices.Sort(took)
	return Sync{Median: took[len(took)/2].Seconds(), Worst: took[len(took)-1].Seconds(), Writes: len(took)}
}

// modes are the files and folders below folder that others may read or write. A
// configuration that an operator keeps there is his.
func modes(folder string) []Mode {
	var out []Mode
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || len(out) >= maxModes {
			return nil
		}
		info, err := d.Info()
		if err != nil || !d.IsDir() && !info.Mode().IsRegular() || slices.Contains([]string{".yml", ".yaml", ".tmpl"}, filepath.Ext(path)) {
			return nil
		}
		if perm := info.Mode().Perm(); perm&0o077 != 0 {
			want := "0600"
			if d.IsDir() {
				want = "0700"
			}
			out = append(out, Mode{Path: path, Mode: fmt.Sprintf("%04o", perm), Want: want})
		}
		return nil
	})
	return out
}

// openFiles are those of this process, and how many it may have.
func openFiles() (open int, limit uint64) {
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		open = len(entries) - 1 // the folder itself
	}
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err == nil {
		limit = uint64(r.Cur)
	}
	return open, limit
}
