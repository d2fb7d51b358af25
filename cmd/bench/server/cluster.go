package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Cluster is several servers that know each other.
type Cluster struct{ Nodes []*Server }

// clusterFlags are for every node: quick to settle, on free ports.
var clusterFlags = []string{"--cluster.listen-address=127.0.0.1:0", "--cluster.settle-timeout=0s"}

// StartCluster starts n servers, one after the other, the later ones as peers of
// the first, and returns when each sees all. The caller must call Stop.
func StartCluster(ctx context.Context, p Program, config string, n int) (*Cluster, error) {
	c := &Cluster{}
	flags := clusterFlags
	for range n {
		s, err := Start(ctx, p, config, flags...)
		if err != nil {
			c.Stop()
			return nil, err
		}
		c.Nodes = append(c.Nodes, s)
		peers, err := c.agree(ctx)
		if err != nil {
			c.Stop()
			return nil, err
		}
		if len(c.Nodes) == 1 {
			flags = append(clusterFlags[:len(clusterFlags):len(clusterFlags)], "--cluster.peer="+peers[0])
		}
	}
	return c, nil
}

// Stop stops all nodes at once.
func (c *Cluster) Stop() {
	done := make(chan struct{})
	for _, n := range c.Nodes {
		go func() { n.Stop(); done <- struct{}{} }()
	}
	for range c.Nodes {
		<-done
	}
}

// CPU is the processor time of all nodes.
func (c *Cluster) CPU() (time.Duration, error) {
	var sum time.Duration
	for _, n := range c.Nodes {
		u, err := n.Usage()
		if err != nil {
			return 0, err
		}
		sum += u.CPU
	}
	return sum, nil
}

// agree waits until every node is ready and lists as many peers as there are
// nodes, and returns the peers' addresses.
func (c *Cluster) agree(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	var last error
	for {
		peers, err := c.peers(ctx)
		if err == nil {
			return peers, nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %d nodes: %w", len(c.Nodes), last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (c *Cluster) peers(ctx context.Context) ([]string, error) {
	var peers []string
	for _, n := range c.Nodes {
		if err := n.Ended(); err != nil {
			return nil, err
		}
		var err error
		if peers, err = n.peers(ctx); err != nil {
			return nil, err
		}
		if len(peers) != len(c.Nodes) {
			return nil, fmt.Errorf("%s sees %d of %d nodes", n.URL, len(peers), len(c.Nodes))
		}
		if err := n.get(ctx, "/-/ready", nil); err != nil {
			return nil, err
		}
	}
	return peers, nil
}

func (s *Server) peers(ctx context.Context) ([]string, error) {
	var status struct {
		Cluster struct {
			Peers []struct {
				Address string `json:"address"`
			} `json:"peers"`
		} `json:"cluster"`
	}
	if err := s.get(ctx, "/api/v2/status", &status); err != nil {
		return nil, err
	}
	var out []string
	for _, p := range status.Cluster.Peers {
		out = append(out, p.Address)
	}
	return out, nil
}

// get asks the server, and reads JSON into the value unless it is nil.
func (s *Server) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", path, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask %s: %w", path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask %s: %s", path, resp.Status)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
