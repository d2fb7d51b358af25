package main

import (
	"context"
	"fmt"
	"time"

	"tocsin/cmd/bench/load"
	"tocsin/cmd/bench/server"
)

// ingest is what one server with so many alerts did.
type ingest struct {
	program string
	alerts  int
	// fresh is for alerts that were new, refresh for alerts that were known.
	fresh, refresh rate
	list, groups   load.Get
	// rss is resident memory an alert, peak the most in all, in bytes.
	rss, peak int64
}

// rate is how fast alerts were taken in, and how much processor time of the
// server a hundred thousand of them cost.
type rate struct {
	perSecond float64
	cpu       time.Duration
}

// ingestConfig groups by alertname and tells nobody while the measurement lasts.
const ingestConfig = `
route:
  receiver: sink
  group_by: [alertname]
  group_wait: 1h
  group_interval: 1h
receivers:
- name: sink
  webhook_configs:
  - url: http://127.0.0.1:9/
`

// enough is how many refreshes are needed at least: processor time is told in
// steps of 10 ms.
const enough = 20_000

func (p *plan) ingest(ctx context.Context, prog server.Program, n int) (ingest, error) {
	r := ingest{program: prog.Name, alerts: n}
	s, err := server.Start(ctx, prog, ingestConfig, "--cluster.listen-address=")
	if err != nil {
		return r, err
	}
	defer s.Stop()
	c := load.NewClient(p.connections)
	defer c.Close()

	start := time.Now()
	if err := warm(ctx, c, s, start); err != nil {
		return r, err
	}
	before, err := s.Usage()
	if err != nil {
		return r, err
	}
	end := start.Add(10 * time.Minute)
	if r.fresh, err = post(ctx, c, s, [][][]byte{load.Bodies(n, start, end)}); err != nil {
		return r, err
	}
	var again [][][]byte
	for i := range max(p.rounds, enough/n) {
		again = append(again, load.Bodies(n, start, end.Add(time.Duration(i+1)*time.Second)))
		if len(again)*n >= maxAlerts {
			break
		}
	}
	if r.refresh, err = post(ctx, c, s, again); err != nil {
		return r, err
	}
	after, err := s.Usage()
	if err != nil {
		return r, err
	}
	r.rss = (after.RSS - before.RSS) / int64(n)
	return r, p.lists(ctx, c, s, &r)
}

// warm makes the server do everything once.
func warm(ctx context.Context, c *load.Client, s *server.Server, start time.Time) error {
	if err := c.Post(ctx, s.URL, load.Single("warm", start, start.Add(time.Minute))); err != nil {
		return err
	}
	for _, path := range []string{alertsPath, groupsPath} {
		if _, err := c.GetMedian(ctx, s.URL+path, 1); err != nil {
			return err
		}
	}
	return nil
}

const (
	alertsPath = "/api/v2/alerts"
	groupsPath = "/api/v2/alerts/groups"
)

// post posts rounds of bodies, one round after the other.
func post(ctx context.Context, c *load.Client, s *server.Server, rounds [][][]byte) (rate, error) {
	before, err := s.Usage()
	if err != nil {
		return rate{}, err
	}
	var took time.Duration
	n := 0
	for _, bodies := range rounds {
		d, err := c.PostAll(ctx, s.URL, bodies)
		if err != nil {
			return rate{}, err
		}
		took += d
		n += alertsIn(bodies)
	}
	after, err := s.Usage()
	if err != nil {
		return rate{}, err
	}
	return rate{
		perSecond: float64(n) / took.Seconds(),
		cpu:       time.Duration(float64(after.CPU-before.CPU) * 100_000 / float64(n)),
	}, nil
}

func (p *plan) lists(ctx context.Context, c *load.Client, s *server.Server, r *ingest) error {
	var err error
	if r.list, err = c.GetMedian(ctx, s.URL+alertsPath, p.gets); err != nil {
		return err
	}
	if r.groups, err = c.GetMedian(ctx, s.URL+groupsPath, p.gets); err != nil {
		return err
	}
	u, err := s.Usage()
	if err != nil {
		return err
	}
	r.peak = u.Peak
	if least := int64(r.alerts) * minListed; r.list.Size < least {
		return fmt.Errorf("the list of %d alerts has %d bytes only", r.alerts, r.list.Size)
	}
	return nil
}

// minListed is fewer bytes than any alert of the load has in a list.
const minListed = 500
