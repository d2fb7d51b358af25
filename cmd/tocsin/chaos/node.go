package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// System is the software under test.
type System struct {
	// Name is "tocsin" or "alertmanager".
	Name string
	// Argv is what stands before the flags.
	Argv []string
}

// The systems.
const (
	Tocsin       = "tocsin"
	Alertmanager = "alertmanager"
)

// Node is a host with a server process on it.
type Node struct {
	*Host
	// Dir holds its configuration and its data.
	Dir string

	sys   System
	flags []string
	wrap  []string // before its command line, such as a tracer
	log   *os.File
	admin *http.Client // from its own host, which no cut touches
	own   string       // its address there
	cmd   *exec.Cmd
	done  chan struct{} // closed when the process has ended
}

// newNode prepares a node; others are the hosts of all nodes.
func newNode(h *Host, sys System, dir string, all []*Host, logs string) (*Node, error) {
	n := &Node{Host: h, Dir: dir, sys: sys}
	n.own = n.URL()
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(logs, h.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	n.log = log
	n.admin = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: h.Dial, MaxIdleConnsPerHost: 1}}
	n.flags = []string{
		"--config.file=" + n.Config(),
		"--storage.path=" + n.Data(),
		fmt.Sprintf("--web.listen-address=%s:%d", h.Addr(), webPort),
		"--web.external-url=http://" + h.Name + ".test/",
		fmt.Sprintf("--cluster.listen-address=%s:%d", h.Addr(), gossipPort),
		"--log.level=debug",
	}
	for _, o := range all {
		if o != h {
			n.flags = append(n.flags, fmt.Sprintf("--cluster.peer=%s:%d", o.Addr(), gossipPort))
		}
	}
	if sys.Name == Tocsin {
		// Changes to the cluster are taken from the node's own machine only.
		n.own = fmt.Sprintf("http://127.0.0.1:%d", webPort)
		n.flags = append(n.flags, "--cluster.peer-name="+h.Name, fmt.Sprintf("--raft.bootstrap-expect=%d", len(all)),
			fmt.Sprintf("--web.listen-address=127.0.0.1:%d", webPort))
	}
	return n, nil
}

// Config is its configuration file.
func (n *Node) Config() string { return filepath.Join(n.Dir, "config.yml") }

// Data is its data folder.
func (n *Node) Data() string { return filepath.Join(n.Dir, "data") }

// URL is its API's address.
func (n *Node) URL() string { return fmt.Sprintf("http://%s:%d", n.Addr(), webPort) }

// Start starts its process.
func (n *Node) Start() error {
	if n.Running() {
		return fmt.Errorf("start %s: it runs already", n.Name)
	}
	argv := n.command(append(append(append([]string{}, n.wrap...), n.sys.Argv...), n.flags...)...)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = n.log, n.log
	// The runtime keeps its threads, so the signal comes only with the test's
	// end. In a session of its own a frozen process is not woken by the kernel
	// when the test's shell ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", n.Name, err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ends is not judged
		close(done)
	}()
	n.cmd, n.done = cmd, done
	return nil
}

// Running reports whether its process has not ended.
func (n *Node) Running() bool {
	if n.done == nil {
		return false
	}
	select {
	case <-n.done:
		return false
	default:
		return true
	}
}

// PID is its process ID.
func (n *Node) PID() int { return n.cmd.Process.Pid }

// Signal sends its process a signal.
func (n *Node) Signal(sig syscall.Signal) error {
	if err := n.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %v to %s: %w", sig, n.Name, err)
	}
	return nil
}

// Kill ends its process at once.
func (n *Node) Kill() error {
	if !n.Running() {
		return nil
	}
	if err := n.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	return n.await(10 * time.Second)
}

// Terminate asks its process to end.
func (n *Node) Terminate(limit time.Duration) error {
	if err := n.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return n.await(limit)
}

func (n *Node) await(limit time.Duration) error {
	select {
	case <-n.done:
		return nil
	case <-time.After(limit):
		return fmt.Errorf("%s still runs after %v", n.Name, limit)
	}
}

// Do makes a request from the node's own host and decodes the answer into out,
// if that is not nil.
func (n *Node) Do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = strings.NewReader(string(data))
	}
	req, err := http.NewRequestWithContext(ctx, method, n.own+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := n.admin.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 1<<22))
	switch {
	case err != nil:
		return err
	case res.StatusCode/100 != 2:
		return fmt.Errorf("%s %s of %s: %s: %.200s", method, path, n.Name, res.Status, data)
	case out == nil:
		return nil
	}
	return json.Unmarshal(data, out)
}

// close ends the process and the log.
func (n *Node) close() {
	if n.Running() {
		_ = n.Signal(syscall.SIGCONT) // it may be frozen
		_ = n.Kill()
	}
	n.admin.CloseIdleConnections()
	_ = n.log.Close()
}
