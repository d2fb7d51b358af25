package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/cmd/tocsin/chaos/fault"
)

// The last bytes of the hosts' addresses. The nodes are 1, 2 and 3.
const (
	nodes        = 3
	sources      = 2
	sourceHost   = 11 // and 12
	sinkHost     = 21
	balancerHost = 31

	sinkPort = 8080
)

// World is one run's network, with all that lives on it.
type World struct {
	Sys   System
	Story Story
	*Wire
	Nodes   []*Node
	Sources []*Source
	Sink    *Sink
	// Victim is the node that the scenario's faults are about, once it has one.
	Victim *Node

	hosts    map[byte]*Host
	balancer *balancer
	control  *control
	zero     time.Time
	timing   Timing
	disk     *fault.Disk      // of the first node, if it has one of its own
	syncs    *fault.SyncFault // of the victim, if there is one
	clocks   map[*Node]*fault.Clock
	trapped  atomic.Bool

	mu     sync.Mutex
	events []string
}

// Timing are the times of the route, in seconds.
type Timing struct{ Wait, Interval float64 }

// newWorld makes the hosts and prepares the nodes. Prefix makes the names of the
// namespaces unique; dir and logs are folders.
func newWorld(ctx context.Context, sys System, prefix, dir, logs string) (*World, error) {
	w := &World{Sys: sys, Wire: newWire(), hosts: map[byte]*Host{}, clocks: map[*Node]*fault.Clock{}, timing: Timing{Wait: 2, Interval: turn}}
	names := map[byte]string{1: "n1", 2: "n2", 3: "n3", sourceHost: "s1", sourceHost + 1: "s2", sinkHost: "sink", balancerHost: "lb"}
	var all []byte
	for last := range names {
		all = append(all, last)
	}
	for last, name := range names {
		h, err := newHost(ctx, w.Wire, prefix, name, last, all)
		if err != nil {
			return w, err
		}
		w.hosts[last] = h
	}
	l, err := w.hosts[sinkHost].Listen(sinkPort)
	if err != nil {
		return w, err
	}
	w.Sink = newSink(l)
	members := []*Host{w.hosts[1], w.hosts[2], w.hosts[3]}
	for _, h := range members {
		n, err := newNode(h, sys, filepath.Join(dir, h.Name), members, logs)
		if err != nil {
			return w, err
		}
		w.Nodes = append(w.Nodes, n)
	}
	return w, nil
}

// close ends all processes and takes the network away.
func (w *World) close() {
	if w.disk != nil {
		_ = w.disk.Thaw() // nothing on it ends before; Close says what is wrong
	}
	if w.syncs != nil {
		_ = w.syncs.Stop() // it ends with the process anyway
	}
	for _, n := range w.Nodes {
		n.close()
	}
	if w.disk != nil {
		if err := w.disk.Close(); err != nil {
			w.Note("close the disk: %v", err)
		}
	}
	if w.balancer != nil {
		w.balancer.close()
	}
	if w.control != nil {
		w.control.close()
	}
	if w.Sink != nil {
		w.Sink.close()
	}
	w.Wire.close()
	for _, h := range w.hosts {
		h.remove()
	}
}

// Now is the time of the run in seconds; below zero before it starts.
func (w *World) Now() float64 {
	if w.zero.IsZero() {
		return -1
	}
	return time.Since(w.zero).Seconds()
}

// Note keeps a line about what happened.
func (w *World) Note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, fmt.Sprintf("%s %7.2f ", time.Now().Format("15:04:05.000"), w.Now())+fmt.Sprintf(format, args...))
}

// configText is the nodes' configuration: every path has a receiver on the sink.
func (w *World) configText() string {
	return fmt.Sprintf(`route:
  receiver: hook
  group_by: [alertname]
  group_wait: %gs
  group_interval: %gs
  repeat_interval: 4h
receivers:
- name: hook
  webhook_configs:
  - url: http://%s:%d/hook
`, w.timing.Wait, w.timing.Interval, addr(sinkHost), sinkPort)
}

// launch starts the nodes and waits until they are one cluster.
func (w *World) launch(ctx context.Context) error {
	for _, n := range w.Nodes {
		if err := os.WriteFile(n.Config(), []byte(w.configText()), 0o600); err != nil {
			return err
		}
		if err := n.Start(); err != nil {
			return err
		}
	}
	return w.awaitWhole(ctx, 90*time.Second)
}

// Each does something to several nodes at once.
func Each(list []*Node, do func(*Node) error) error {
	errs := make([]error, len(list))
	var all sync.WaitGroup
	for i, n := range list {
		all.Go(func() { errs[i] = do(n) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// Isolate makes all links between one node and the others like l, both ways.
func (w *World) Isolate(n *Node, l Link) {
	for _, o := range w.Others(n) {
		w.Both(n.Last, o.Last, l)
	}
}

// Mesh makes all links between nodes like l.
func (w *World) Mesh(l Link) {
	for _, n := range w.Nodes {
		w.Isolate(n, l)
	}
}

// Reach makes the links between all sources and a node like l.
func (w *World) Reach(n *Node, l Link) {
	for i := range byte(sources) {
		w.Both(sourceHost+i, n.Last, l)
	}
}
