package fault

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// Clock is the wall clock that one process sees. Programs written in Go read it
// from code that the kernel maps into every process (vDSO); a Clock writes other
// code there, into that process's own copy. The monotonic clock, timers, the
// kernel and all other processes are left alone, so it is what a step of NTP
// looks like from inside. Not safe for concurrent use.
type Clock struct {
	pid      int
	at       int64  // where the code is in the process
	original []byte // what the kernel had there
}

// OpenClock finds the clock of a running process.
func OpenClock(pid int) (*Clock, error) {
	if machineCode == nil {
		return nil, refused("move a clock", errors.New("no code for this kind of processor"))
	}
	lo, hi, err := vdso(pid)
	if err != nil {
		return nil, err
	}
	image := make([]byte, hi-lo)
	c := &Clock{pid: pid}
	if err := c.memory(os.O_RDONLY, func(f *os.File) error {
		_, err := io.ReadFull(io.NewSectionReader(f, lo, hi-lo), image)
		return err
	}); err != nil {
		return nil, err
	}
	offset, size, err := clockGettime(image)
	if err != nil {
		return nil, refused(fmt.Sprintf("find the clock of process %d", pid), err)
	}
	if need := len(machineCode(0)); size < need {
		return nil, refused("move a clock", fmt.Errorf("the kernel's code has %d bytes, and %d are needed", size, need))
	}
	c.at = lo + int64(offset)
	c.original = image[offset : offset+size]
	return c, nil
}

// Step sets how far the process's wall clock is ahead of the machine's, or with a
// negative offset behind; zero makes it true again. Threads of the process stand
// still for some milliseconds.
func (c *Clock) Step(offset time.Duration) error {
	code := c.original
	if offset != 0 {
		code = machineCode(offset)
	}
	for range 100 {
		done, err := c.write(code)
		if done || err != nil {
			return err
		}
	}
	return fmt.Errorf("step the clock of process %d: a thread is reading it each time", c.pid)
}

// write replaces the code while no thread runs; done is false if one was stopped
// inside of it.
func (c *Clock) write(code []byte) (done bool, err error) {
	if err := Pause(c.pid); err != nil {
		return false, errors.Join(err, Resume(c.pid))
	}
	defer func() { err = errors.Join(err, Resume(c.pid)) }()
	clear, err := allThreads(c.pid, c.elsewhere)
	if err != nil || !clear {
		return false, err
	}
	err = c.memory(os.O_RDWR, func(f *os.File) error {
		_, err := f.WriteAt(code, c.at)
		return err
	})
	return err == nil, err
}

// elsewhere reports whether a stopped thread is outside of the clock's code.
func (c *Clock) elsewhere(dir string) (bool, error) {
	data, err := os.ReadFile(dir + "/syscall")
	if err != nil {
		return false, err
	}
	words := strings.Fields(string(data))
	if len(words) < 3 {
		return false, nil // "running"
	}
	pc, err := strconv.ParseUint(strings.TrimPrefix(words[len(words)-1], "0x"), 16, 64)
	if err != nil {
		return false, fmt.Errorf("%s/syscall: %w", dir, err)
	}
	return pc < uint64(c.at) || pc >= uint64(c.at)+uint64(len(c.original)), nil
}

// memory opens the process's memory for do.
func (c *Clock) memory(flag int, do func(*os.File) error) error {
	what := fmt.Sprintf("write into process %d", c.pid)
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", c.pid), flag, 0)
	if err != nil {
		return refused(what, err)
	}
	defer f.Close()
	if err := do(f); err != nil {
		return refused(what, err)
	}
	return nil
}

// vdso is where the kernel's code lies in a process.
func vdso(pid int) (lo, hi int64, err error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read the memory map of process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(maps)) {
		if strings.HasSuffix(strings.TrimSpace(line), "[vdso]") {
			_, err := fmt.Sscanf(line, "%x-%x", &lo, &hi)
			return lo, hi, err
		}
	}
	return 0, 0, refused(fmt.Sprintf("find the clock of process %d", pid), errors.New("the kernel has mapped no code"))
}

// clockGettime finds the function that programs read the clock with.
func clockGettime(image []byte) (offset, size int, err error) {
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return 0, 0, err
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return 0, 0, err
	}
	for _, s := range symbols {
		if s.Name == "__vdso_clock_gettime" && s.Value+s.Size <= uint64(len(image)) {
			return int(s.Value), int(s.Size), nil
		}
	}
	return 0, 0, errors.New("the kernel's code has no __vdso_clock_gettime")
}
