package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tocsin/cmd/bench/load"
	"tocsin/cmd/bench/server"
)

// delivery is what a cluster told, and how late.
type delivery struct {
	program string
	nodes   int
	// single is for groups that were due one by one, burst for groups that
	// were due at once.
	single, burst delays
	// perSecond is how fast the burst was told, cpu the processor time of all
	// nodes for a thousand notifications of it.
	perSecond float64
	cpu       time.Duration
	// repeats counts notifications too many.
	repeats int
}

// delays are how long after group_wait the receiver was told.
type delays struct {
	groups      int
	median, max time.Duration
}

const (
	groupWait = time.Second
	// pace is the time between single alerts.
	pace = 50 * time.Millisecond
	// deliveryTime bounds a phase.
	deliveryTime = 2 * time.Minute
	// lateTime is how long to wait for notifications too many.
	lateTime = 2 * time.Second
)

const deliveryConfig = `
route:
  receiver: sink
  group_by: [id]
  group_wait: 1s
  group_interval: 5m
receivers:
- name: sink
  webhook_configs:
  - url: %s
`

// delivery measures a cluster that gets every alert on every node, as
// Alertmanager wants it.
func (p *plan) delivery(ctx context.Context, prog server.Program) (delivery, error) {
	d := delivery{program: prog.Name, nodes: p.nodes}
	if p.groups == 0 {
		return d, nil
	}
	sink, err := load.NewSink()
	if err != nil {
		return d, err
	}
	defer sink.Close()
	cluster, err := server.StartCluster(ctx, prog, fmt.Sprintf(deliveryConfig, sink.URL), p.nodes)
	if err != nil {
		return d, err
	}
	defer cluster.Stop()
	client := load.NewClient(p.connections)
	defer client.Close()

	if d.single, err = p.oneByOne(ctx, client, cluster, sink); err != nil {
		return d, err
	}
	if err := p.burst(ctx, client, cluster, sink, &d); err != nil {
		return d, err
	}
	select {
	case <-ctx.Done():
		return d, ctx.Err()
	case <-time.After(lateTime):
	}
	d.repeats = sink.Repeats()
	return d, nil
}

func (p *plan) oneByOne(ctx context.Context, c *load.Client, cl *server.Cluster, sink *load.Sink) (delays, error) {
	ctx, cancel := context.WithTimeout(ctx, deliveryTime)
	defer cancel()
	due := make(map[string]time.Time, p.singles)
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for i := range p.singles {
		id, start := fmt.Sprintf("s%d", i), time.Now()
		due[id] = start.Add(groupWait)
		if err := everywhere(cl, func(url string) error {
			return c.Post(ctx, url, load.Single(id, start, start.Add(time.Hour)))
		}); err != nil {
			return delays{}, err
		}
		<-tick.C
	}
	told, err := sink.Await(ctx, p.singles)
	return late(due, told), err
}

// burst is the phase of groups that are due at once.
func (p *plan) burst(ctx context.Context, c *load.Client, cl *server.Cluster, sink *load.Sink, d *delivery) error {
	before, err := cl.CPU()
	if err != nil {
		return err
	}
	var took time.Duration
	if d.burst, took, err = p.atOnce(ctx, c, cl, sink); err != nil {
		return err
	}
	after, err := cl.CPU()
	if err != nil {
		return err
	}
	d.perSecond = float64(p.groups) / took.Seconds()
	d.cpu = (after - before) * 1000 / time.Duration(p.groups)
	return nil
}

// atOnce also says how long after they were due the last group was told.
func (p *plan) atOnce(ctx context.Context, c *load.Client, cl *server.Cluster, sink *load.Sink) (delays, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, deliveryTime)
	defer cancel()
	start := time.Now()
	bodies := load.Singles("b", p.groups, start, start.Add(time.Hour))
	due := make(map[string]time.Time, p.groups)
	for i := range p.groups {
		due[fmt.Sprintf("b%d", i)] = start.Add(groupWait)
	}
	if err := everywhere(cl, func(url string) error {
		_, err := c.PostAll(ctx, url, bodies)
		return err
	}); err != nil {
		return delays{}, 0, err
	}
	told, err := sink.Await(ctx, p.singles+p.groups)
	d := late(due, told)
	return d, d.max, err
}

// everywhere does it for all nodes at once.
func everywhere(cl *server.Cluster, do func(url string) error) error {
	errs := make([]error, len(cl.Nodes))
	var wg sync.WaitGroup
	for i, n := range cl.Nodes {
		wg.Go(func() { errs[i] = do(n.URL) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func late(due, told map[string]time.Time) delays {
	var all []time.Duration
	for id, t := range due {
		if at, ok := told[id]; ok {
			all = append(all, at.Sub(t))
		}
	}
	if len(all) == 0 {
		return delays{}
	}
	slices.Sort(all)
	return delays{groups: len(all), median: all[len(all)/2], max: all[len(all)-1]}
}
