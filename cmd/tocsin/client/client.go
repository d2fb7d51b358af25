package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Client speaks to one node. It is safe for use by several goroutines.
type Client struct {
	base *url.URL
	http *http.Client
}

// The two API roots.
const (
	rootV2    = "api/v2"
	rootAdmin = "api/tocsin/v1"
)

// maxAnswer bounds what is read of one answer.
const maxAnswer = 256 << 20

// ErrAddress says that an address is not one of a node.
var ErrAddress = errors.New("not an address such as http://127.0.0.1:9093")

// New makes a client of the node at address: http or https, with a path where
// the node has a route prefix, with user:password@ for basic authentication. A
// bare host:port means http.
func New(address string, transport http.RoundTripper) (*Client, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q: %w", address, ErrAddress)
	}
	return &Client{base: u, http: &http.Client{Transport: transport}}, nil
}

// request is one call.
type request struct {
	method string
	path   []string
	query  url.Values
	body   any // nil: no body
}

// do makes the call and decodes the answer into out, unless out is nil.
func (c *Client) do(ctx context.Context, r request, out any) error {
	req, err := c.build(ctx, r)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.unreachable(err)
	}
	if resp.StatusCode >= 300 {
		return refusal(resp, body)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("read the answer of %s: %w: is it a Tocsin node?", c.Address(), err)
	}
	return nil
}

func (c *Client) build(ctx context.Context, r request) (*http.Request, error) {
	u := c.base.JoinPath(r.path...)
	u.RawQuery = r.query.Encode()
	var body io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// Address is the node's address without a password.
func (c *Client) Address() string { return c.base.Redacted() }
