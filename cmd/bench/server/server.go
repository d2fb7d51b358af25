package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Program is a server program and how it is called.
type Program struct {
	// Name is for tables.
	Name string
	// Path is the binary, Args what stands before its flags.
	Path string
	Args []string
}

// Tocsin is the program at path.
func Tocsin(path string) Program {
	return Program{Name: "tocsin", Path: path, Args: []string{"server"}}
}

// Alertmanager is the program at path.
func Alertmanager(path string) Program { return Program{Name: "alertmanager", Path: path} }

// Server is one running server.
type Server struct {
	// URL is its API without a slash at the end, Dir its folder.
	URL, Dir string
	cmd      *exec.Cmd
	tail     *tail
	done     chan struct{}
	err      error
}

// The times that a server gets: to listen, and to stop when asked before it is
// killed.
const (
	startTime = 20 * time.Second
	stopTime  = 15 * time.Second
)

// ErrNotListening says that a server ended, or took too long, before it
// listened.
var ErrNotListening = errors.New("server does not listen")

// Start runs the program with the configuration and flags, and returns when it
// listens. The caller must call Stop.
func Start(ctx context.Context, p Program, config string, flags ...string) (*Server, error) {
	dir, err := os.MkdirTemp("", "bench-"+p.Name+"-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	s := &Server{Dir: dir, tail: &tail{}, done: make(chan struct{})}
	if err := s.run(ctx, p, config, flags); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	return s, nil
}

func (s *Server) run(ctx context.Context, p Program, config string, flags []string) error {
	file := filepath.Join(s.Dir, "config.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		close(s.done)
		return fmt.Errorf("write the configuration: %w", err)
	}
	args := append([]string{}, p.Args...)
	args = append(args, "--config.file="+file, "--storage.path="+filepath.Join(s.Dir, "data"),
		"--web.listen-address=127.0.0.1:0")
	s.cmd = exec.Command(p.Path, append(args, flags...)...)
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		close(s.done)
		return fmt.Errorf("read its log: %w", err)
	}
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		close(s.done)
		return err
	}
	address := make(chan string, 1)
	go s.watch(stderr, address)
	return s.await(ctx, address)
}

// await waits for the address that the log tells.
func (s *Server) await(ctx context.Context, address <-chan string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	select {
	case a := <-address:
		s.URL = "http://" + a
		return nil
	case <-s.done:
	case <-ctx.Done():
	}
	return fmt.Errorf("%w; its log ends with:\n%s", ErrNotListening, s.tail.text())
}

var listening = regexp.MustCompile(`msg="Listening on".* address="?([^\s"]+)`)

// watch reads the log to its end, which is the end of the process.
func (s *Server) watch(log io.Reader, address chan<- string) {
	defer close(s.done)
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for told := false; lines.Scan(); {
		s.tail.add(lines.Text())
		if m := listening.FindStringSubmatch(lines.Text()); m != nil && !told {
			told = true
			address <- m[1]
		}
	}
	// A line beyond the buffer ends the scan, but must not block the process.
	_, _ = io.Copy(io.Discard, log)
	s.err = s.cmd.Wait()
}

// PID is the process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Stop asks the process to end, kills it if it does not, and removes its
// folder. It may be called more than once.
func (s *Server) Stop() {
	defer os.RemoveAll(s.Dir)
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
		return
	case <-time.After(stopTime):
	}
	_ = s.cmd.Process.Kill()
	<-s.done
}

// Ended says how the process ended, or that it runs.
func (s *Server) Ended() error {
	select {
	case <-s.done:
		return fmt.Errorf("server ended: %v; its log ends with:\n%s", s.err, s.tail.text())
	default:
		return nil
	}
}

// tail is the last lines of a log.
type tail struct {
	mu    sync.Mutex
	lines []string
}

const tailLines = 15

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) == tailLines {
		t.lines = append(t.lines[:0], t.lines[1:]...)
	}
	t.lines = append(t.lines, line)
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}
