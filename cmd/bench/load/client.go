package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Client makes requests over a bounded number of connections. It is safe for
// concurrent use. The caller must call Close.
type Client struct {
	connections int
	http        *http.Client
}

// requestTime bounds one request. Alertmanager takes seconds to list a large
// number of alerts.
const requestTime = time.Minute

// NewClient makes a client with so many connections to each server.
func NewClient(connections int) *Client {
	return &Client{connections: connections, http: &http.Client{
		Timeout:   requestTime,
		Transport: &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections},
	}}
}

// Close lets the connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// PostAll posts each body once to the server at url, over all connections, and
// says how long that took. It stops at the first answer that is not 200.
func (c *Client) PostAll(ctx context.Context, url string, bodies [][]byte) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan []byte)
	var wg sync.WaitGroup
	start := time.Now()
	for range c.connections {
		wg.Go(func() {
			for b := range work {
				if err := c.Post(ctx, url, b); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, b := range bodies {
		if ctx.Err() != nil {
			break
		}
		work <- b
	}
	close(work)
	wg.Wait()
	return time.Since(start), context.Cause(ctx)
}

// Post posts alerts to the server at url.
func (c *Client) Post(ctx context.Context, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/v2/alerts", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("post alerts: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if _, err := c.do(req); err != nil {
		return fmt.Errorf("post alerts: %w", err)
	}
	return nil
}

// Get is how long an answer took, to its last byte, and how large it was.
type Get struct {
	Took time.Duration
	Size int64
}

// GetMedian asks so many times, one after the other, and returns the median by
// time.
func (c *Client) GetMedian(ctx context.Context, url string, times int) (Get, error) {
	var all []Get
	for range times {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return Get{}, fmt.Errorf("get %s: %w", url, err)
		}
		start := time.Now()
		size, err := c.do(req)
		if err != nil {
			return Get{}, fmt.Errorf("get %s: %w", url, err)
		}
		all = append(all, Get{Took: time.Since(start), Size: size})
	}
	slices.SortFunc(all, func(a, b Get) int { return int(a.Took - b.Took) })
	return all[len(all)/2], nil
}

func (c *Client) do(req *http.Request) (int64, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 512))
		return 0, fmt.Errorf("answer is %s: %s", resp.Status, text)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		return n, fmt.Errorf("read the answer: %w", err)
	}
	return n, nil
}
