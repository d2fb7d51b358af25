package doctor

import (
	"fmt"
	"strings"
	"time"
)

// The bounds of what a machine must have.
const (
	gib = 1 << 30
	// A disk is too full below both of a pair.
	diskFail, diskFailPart = gib / 8, 0.02
	diskWarn, diskWarnPart = 20 * gib, 0.10
	inodesPart             = 0.05
	// syncSlow is noticed in the time that a page takes, syncBad is too slow
	// for a cluster.
	syncSlow, syncBad = 50 * time.Millisecond, 500 * time.Millisecond
	// filesLow is a limit of open files that a storm may reach.
	filesLow  = 4096
	filesPart = 0.8
)

// DiagnoseMachine judges a machine whose node does not run.
func DiagnoseMachine(name string, m *Machine) []Check {
	var f found
	machine(&f, name, m)
	return f
}

func machine(f *found, name string, m *Machine) {
	for i := range m.Disks {
		space(f, name, &m.Disks[i])
	}
	speed(f, name, m)
	if len(m.Modes) > 0 {
		var fixes []string
		for _, one := range m.Modes[:min(len(m.Modes), 3)] {
			fixes = append(fixes, "chmod "+one.Want+" "+one.Path)
		}
		f.warn(CheckModes, name, fmt.Sprintf("others on the machine may get at %d files or folders, such as %s (%s)", len(m.Modes), m.Modes[0].Path, m.Modes[0].Mode),
			"`"+strings.Join(fixes, " && ")+"`: there may be secrets in them")
	} else if m.Folder != "" && m.Sync.Error == "" {
		f.ok(CheckModes, name, "nobody else may read "+m.Folder)
	}
	switch {
	case m.FilesLimit == 0:
	case m.FilesLimit < filesLow:
		f.warn(CheckFiles, name, fmt.Sprintf("the process may open %d files, which a storm of alerts may need", m.FilesLimit), "LimitNOFILE=65536 in the unit, or `ulimit -n 65536` before it is started")
	case float64(m.OpenFiles) > filesPart*float64(m.FilesLimit):
		f.fail(CheckFiles, name, fmt.Sprintf("the process has %d of %d files open", m.OpenFiles, m.FilesLimit), "LimitNOFILE=65536 in the unit, and see with `ss -tp` who keeps so many connections")
	default:
		f.ok(CheckFiles, name, fmt.Sprintf("%d of %d", m.OpenFiles, m.FilesLimit))
	}
}

func space(f *found, name string, d *Disk) {
	if d.Error != "" {
		f.fail(CheckDisk, name, d.Path+": "+d.Error, "see that the data folder is there and its disk is mounted")
		return
	}
	part := 1.0
	if d.Size > 0 {
		part = float64(d.Free) / float64(d.Size)
	}
	text := fmt.Sprintf("%s of %s are free below %s", bytes(d.Free), bytes(d.Size), d.Path)
	const fix = "free some: `du -xh --max-depth=2 / | sort -h | tail`; a node whose disk is full leaves the cluster, and pages on"
	switch {
	case d.Free < diskFail || part < diskFailPart && d.Free < diskWarn:
		f.fail(CheckDisk, name, text, fix)
	case part < diskWarnPart && d.Free < diskWarn:
		f.warn(CheckDisk, name, text, fix)
	case d.Inodes > 0 && float64(d.InodesFree) < inodesPart*float64(d.Inodes):
		f.warn(CheckDisk, name, fmt.Sprintf("%d of %d inodes are free below %s", d.InodesFree, d.Inodes, d.Path), "remove small files: `du --inodes -x --max-depth=2 / | sort -n | tail`")
	default:
		f.ok(CheckDisk, name, text)
	}
}

func speed(f *found, name string, m *Machine) {
	s := &m.Sync
	if s.Error != "" {
		f.fail(CheckSync, name, "a file could not be written and synced in "+m.Folder+": "+s.Error, "see that the folder is there, writable by the user that runs this, and its disk not full or read-only")
		return
	}
	if s.Writes == 0 {
		return
	}
	median := time.Duration(s.Median * float64(time.Second))
	text := fmt.Sprintf("a synced write to %s takes %v (worst of %d: %v)", m.Folder, median.Round(time.Microsecond), s.Writes, time.Duration(s.Worst*float64(time.Second)).Round(time.Microsecond))
	const fix = "put the data folder on a local SSD, and look for what else writes to it: `iostat -x 1`"
	switch {
	case median > syncBad:
		f.fail(CheckSync, name, text, fix)
	case median > syncSlow:
		f.warn(CheckSync, name, text, fix)
	default:
		f.ok(CheckSync, name, text)
	}
}

// applying judges what the node itself measured of its disk.
func applying(f *found, n *Facts) {
	if took := time.Duration(n.Applying * float64(time.Second)); took > syncBad {
		f.warn(CheckSync, n.label(), fmt.Sprintf("one change of a hundred took %v or more to be on disk since the node was started", took.Round(time.Millisecond)),
			"put the data folder on a local SSD, and look for what else writes to it: `iostat -x 1`")
	}
}

// bytes is a number of bytes for people.
func bytes(n uint64) string {
	switch {
	case n >= 10*gib:
		return fmt.Sprintf("%d GiB", n/gib)
	case n >= gib:
		return fmt.Sprintf("%.1f GiB", float64(n)/gib)
	default:
		return fmt.Sprintf("%d MiB", n>>20)
	}
}
