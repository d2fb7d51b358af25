package server

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Usage is what a process has used so far.
type Usage struct {
	// CPU is processor time, in steps of 10 ms.
	CPU time.Duration
	// RSS is resident memory now, Peak the most that it was, in bytes.
	RSS, Peak int64
}

// ticks is how many steps of processor time Linux tells in a second. It is 100
// on all architectures that Go runs on.
const ticks = 100

// Usage reads /proc.
func (s *Server) Usage() (Usage, error) {
	if err := s.Ended(); err != nil {
		return Usage{}, err
	}
	dir := fmt.Sprintf("/proc/%d/", s.PID())
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return Usage{}, fmt.Errorf("read processor time: %w", err)
	}
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		return Usage{}, fmt.Errorf("read memory: %w", err)
	}
	return ParseUsage(stat, status)
}

var errStat = errors.New("not as proc(5) says")

// ParseUsage reads the texts of /proc/PID/stat and /proc/PID/status.
func ParseUsage(stat, status []byte) (Usage, error) {
	// The program's name, in brackets, may hold anything.
	end := bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[end+1:]))
	const utime, stime = 11, 12
	if end < 0 || len(fields) <= stime {
		return Usage{}, fmt.Errorf("parse stat: %w", errStat)
	}
	user, err1 := strconv.ParseInt(fields[utime], 10, 64)
	system, err2 := strconv.ParseInt(fields[stime], 10, 64)
	rss, err3 := statusField(status, "VmRSS:")
	peak, err4 := statusField(status, "VmHWM:")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return Usage{}, fmt.Errorf("parse usage: %w", err)
	}
	return Usage{CPU: time.Duration(user+system) * time.Second / ticks, RSS: rss, Peak: peak}, nil
}

func statusField(status []byte, name string) (int64, error) {
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		if len(f) == 3 && f[0] == name && f[2] == "kB" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("find %s: %w", name, errStat)
}
