package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Client speaks to one node. It is safe for use by several goroutines.
type Client struct {
	base  *url.URL
	http  *http.Client
	token string
	// shown is the address in errors.
	shown string
}

// Options of a Client.
type Options struct {
	// Transport is http.DefaultTransport if nil. A unix socket has its own.
	Transport http.RoundTripper
	// Token is the secret of an API token; empty: none.
	Token string
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

// socketScheme is that of addresses of unix sockets.
const socketScheme = "unix://"

// New makes a client of the node at address: http or https, with a path where
// the node has a route prefix, with user:password@ for basic authentication. A
// bare host:port means http, unix:///path the admin socket.
func New(address string, o Options) (*Client, error) {
	if path, ok := strings.CutPrefix(address, socketScheme); ok && path != "" {
		return newSocket(address, path, o), nil
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q: %w", address, ErrAddress)
	}
	c := &Client{base: u, http: &http.Client{Transport: o.Transport, CheckRedirect: sameHost}, token: o.Token, shown: u.Redacted()}
	return c, nil
}

func newSocket(address, path string, o Options) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{
		base: &url.URL{Scheme: "http", Host: "localhost"}, shown: address, token: o.Token,
		http: &http.Client{Transport: &http.Transport{DialContext: dial}, CheckRedirect: sameHost},
	}
}

// sameHost keeps a token from being sent to where a node leads to.
func sameHost(r *http.Request, before []*http.Request) error {
	if r.URL.Host != before[0].URL.Host || r.URL.Scheme != before[0].URL.Scheme || len(before) > 5 {
		return http.ErrUseLastResponse
	}
	return nil
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
	c.authorize(req)
	return req, nil
}

// authorize sends the token: in a header of its own where the other one is taken
// by the user of the address.
func (c *Client) authorize(req *http.Request) {
	switch {
	case c.token == "":
	case c.base.User != nil:
		req.Header.Set("X-Tocsin-Token", c.token)
	default:
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
}

// Address is the node's address without a password.
func (c *Client) Address() string { return c.shown }
