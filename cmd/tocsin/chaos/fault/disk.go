package fault

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Disk is an ext4 file system in a file of its own, mounted on a folder. Its
// methods are not safe for concurrent use.
type Disk struct {
	// Dir is the folder that it is mounted on.
	Dir string

	image  string
	keeper *exec.Cmd
	hold   io.Closer // the keeper cleans up when this is closed
	end    error     // how Close ended
	closed bool
}

// filler is the file that takes the space of a full disk.
const filler = ".filler"

// keep is what the keeper does: it waits for the end of its input, which comes
// when the process that made the disk closes it or ends, however it ends; then it
// thaws and unmounts. A frozen disk that nobody can thaw would keep the processes
// on it from dying for ever.
const keep = `cat >/dev/null; "$1" --unfreeze "$0" 2>/dev/null; umount --lazy "$0" 2>/dev/null; rm -f "$2"; exit 0`

// MakeDisk mounts a new disk of size bytes, 16 MiB at least, on the folder dir,
// which it makes. The image lies beside the folder. It is a disk with a journal
// and with nothing set aside for root.
func MakeDisk(dir string, size int64) (*Disk, error) {
	if os.Geteuid() != 0 {
		return nil, refused("make a disk", os.ErrPermission)
	}
	d := &Disk{Dir: dir, image: filepath.Clean(dir) + ".img"}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a disk: %w", err)
	}
	if err := d.format(size); err != nil {
		return nil, errors.Join(err, remove(d.image))
	}
	if err := d.mount(); err != nil {
		return nil, errors.Join(err, remove(d.image))
	}
	if err := d.startKeeper(); err != nil {
		return nil, errors.Join(err, unix.Unmount(dir, unix.MNT_DETACH), remove(d.image))
	}
	return d, nil
}

func (d *Disk) format(size int64) error {
	f, err := os.OpenFile(d.image, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make a disk: %w", err)
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		return fmt.Errorf("make a disk: %w", err)
	}
	// All of it is written now, so that nothing writes in the background later.
	return run("mkfs.ext4", "-q", "-m", "0", "-J", "size=4", "-E", "lazy_itable_init=0,lazy_journal_init=0", d.image)
}

func (d *Disk) mount() error {
	if err := run("mount", "-t", "ext4", "-o", "loop,noatime", d.image, d.Dir); err != nil {
		return refused("mount a disk", err)
	}
	_ = os.Remove(filepath.Join(d.Dir, "lost+found")) // it has no meaning here
	return os.Chmod(d.Dir, 0o700)
}

func (d *Disk) startKeeper() error {
	thaw, err := tool("fsfreeze")
	if err != nil {
		return err
	}
	d.keeper = exec.Command("sh", "-c", keep, d.Dir, thaw, d.image)
	// A signal to the group of the test must not end it, nor keep a folder busy.
	d.keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	d.keeper.Dir = "/"
	if d.hold, err = d.keeper.StdinPipe(); err != nil {
		return fmt.Errorf("start the keeper of a disk: %w", err)
	}
	if err := d.keeper.Start(); err != nil {
		return fmt.Errorf("start the keeper of a disk: %w", err)
	}
	return nil
}

// Fill takes all space that is left: from now on writes that need space fail with
// ENOSPC.
func (d *Disk) Fill() error {
	f, err := os.OpenFile(filepath.Join(d.Dir, filler), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("fill a disk: %w", err)
	}
	defer f.Close()
	info, err := os.Stat(d.image)
	if err != nil {
		return fmt.Errorf("fill a disk: %w", err)
	}
	buf := make([]byte, 1<<20)
	for total := int64(0); len(buf) >= 512; {
		n, err := f.Write(buf)
		total += int64(n)
		switch {
		case errors.Is(err, syscall.ENOSPC):
			buf = buf[:len(buf)/2]
		case err != nil:
			return fmt.Errorf("fill a disk: %w", err)
		case total > info.Size(): // a mistake must not fill the machine
			return errors.Join(errors.New("fill a disk: more fits on it than it has"), d.Free())
		}
	}
	// What was only promised space has it now; what does not fit is no loss.
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("fill a disk: %w", err)
	}
	return nil
}

// Free gives the space back that Fill took. The disk must not be frozen.
func (d *Disk) Free() error {
	dir, err := os.Open(d.Dir)
	if err != nil {
		return fmt.Errorf("free a disk: %w", err)
	}
	defer dir.Close()
	// Space that a file had is there to be used once the removal is on disk.
	if err := errors.Join(remove(filepath.Join(d.Dir, filler)), unix.Syncfs(int(dir.Fd()))); err != nil {
		return fmt.Errorf("free a disk: %w", err)
	}
	return nil
}

// Freeze makes the disk hang: whoever writes or syncs waits until Thaw, in a state
// in which nothing can end it. Reads of what is in memory go on.
func (d *Disk) Freeze() error {
	if err := d.ioctl(fifreeze); err != nil {
		return refused("freeze a disk", err)
	}
	return nil
}

// Thaw ends Freeze; a disk that is not frozen stays as it is.
func (d *Disk) Thaw() error {
	if err := d.ioctl(fithaw); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("thaw a disk: %w", err)
	}
	return nil
}

// FIFREEZE and FITHAW of linux/fs.h: _IOWR('X', 119 and 120, int).
const (
	fifreeze = 0xc0045877
	fithaw   = 0xc0045878
)

func (d *Disk) ioctl(request uint) error {
	f, err := os.Open(d.Dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetInt(int(f.Fd()), request, 0)
}

// Close thaws and unmounts the disk and removes its image. Processes that use it
// must have ended; if one still does after 10 s, the disk is taken out of sight
// and that is an error. Close may be called more than once.
func (d *Disk) Close() error {
	if d.closed {
		return d.end
	}
	d.closed = true
	d.end = errors.Join(d.Thaw(), d.unmount(), d.hold.Close(), d.keeper.Wait(), remove(d.image))
	return d.end
}

func (d *Disk) unmount() error {
	for deadline := time.Now().Add(settle); ; time.Sleep(poll) {
		err := unix.Unmount(d.Dir, 0)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("unmount a disk: %w", err), unix.Unmount(d.Dir, unix.MNT_DETACH))
		}
	}
}

// run runs a program that says nothing unless it fails.
func run(name string, args ...string) error {
	path, err := tool(name)
	if err != nil {
		return err
	}
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// remove removes a file that may be gone already.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
