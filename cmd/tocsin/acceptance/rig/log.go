package rig

import (
	"bufio"
	"io"
	"strings"
	"sync"
	"time"
)

// maxLines bounds what is kept of a process's output: the newest lines.
const maxLines = 20000

// Log keeps the lines that a process writes. Safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	lines   []string
	dropped int
	more    chan struct{} // closed and replaced at each line
	closed  bool
}

func newLog() *Log { return &Log{more: make(chan struct{})} }

// consume reads lines from r until it ends, copying each to tee if that is not
// nil.
func (l *Log) consume(r io.Reader, tee io.Writer) {
	br := bufio.NewReader(r)
	for {
		line, err := br.ReadString('\n')
		if line != "" {
			l.add(strings.TrimRight(line, "\n"))
			if tee != nil {
				_, _ = io.WriteString(tee, line)
			}
		}
		if err != nil {
			l.mu.Lock()
			l.closed = true
			close(l.more)
			l.mu.Unlock()
			return
		}
	}
}

func (l *Log) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == maxLines {
		l.lines = append(l.lines[:0:0], l.lines[maxLines/2:]...)
		l.dropped += maxLines / 2
	}
	l.lines = append(l.lines, line)
	close(l.more)
	l.more = make(chan struct{})
}

// Lines are the lines kept so far.
func (l *Log) Lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines...)
}

// Text is all lines kept so far.
func (l *Log) Text() string { return strings.Join(l.Lines(), "\n") }

// Tail is the last n lines.
func (l *Log) Tail(n int) string {
	lines := l.Lines()
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Mark is a place in the log, for WaitAfter.
func (l *Log) Mark() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped + len(l.lines)
}

// Wait is the first line that match accepts, waiting up to limit for it; ok is
// false if there was none by then or by the end of the output.
func (l *Log) Wait(limit time.Duration, match func(string) bool) (line string, ok bool) {
	return l.WaitAfter(0, limit, match)
}

// WaitAfter is Wait for the lines behind a mark.
func (l *Log) WaitAfter(mark int, limit time.Duration, match func(string) bool) (line string, ok bool) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		l.mu.Lock()
		mark = max(mark, l.dropped)
		fresh := l.lines[min(len(l.lines), mark-l.dropped):]
		more, closed := l.more, l.closed
		for _, line := range fresh {
			mark++
			if match(line) {
				l.mu.Unlock()
				return line, true
			}
		}
		l.mu.Unlock()
		if closed {
			return "", false
		}
		select {
		case <-more:
		case <-deadline.C:
			return "", false
		}
	}
}

// Containing is a match for Log.Wait: the line has all of the words, in any
// case.
func Containing(words ...string) func(string) bool {
	return func(line string) bool {
		line = strings.ToLower(line)
		for _, w := range words {
			if !strings.Contains(line, strings.ToLower(w)) {
				return false
			}
		}
		return true
	}
}
