package rig

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Client speaks the HTTP API of one node. Safe for concurrent use.
type Client struct {
	// Base is the URL before /api/v2, without a slash at its end.
	Base string
	http *http.Client
}

// requestLimit bounds every request.
const requestLimit = 15 * time.Second

// NewClient makes a client. It does not follow redirections.
func NewClient(base string) *Client {
	// A transport of its own that goes nowhere but straight: no proxy.
	tr := &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second}
	return &Client{Base: strings.TrimRight(base, "/"), http: &http.Client{
		Transport:     tr,
		Timeout:       requestLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Reply is an answer.
type Reply struct {
	Code   int
	Body   string
	Header http.Header
	// Err is set when there was no answer; then Code is 0.
	Err error
}

// String is for messages.
func (r Reply) String() string {
	if r.Err != nil {
		return r.Err.Error()
	}
	body := r.Body
	if len(body) > 400 {
		body = body[:400] + "…"
	}
	return fmt.Sprintf("%d %q", r.Code, body)
}

// Do makes a request. The content type is JSON's if there is a body.
func (c *Client) Do(method, path, body string, header http.Header) Reply {
	req, err := http.NewRequest(method, c.Base+path, strings.NewReader(body))
	if err != nil {
		return Reply{Err: err}
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		req.Header[k] = v
	}
	res, err := c.http.Do(req)
	if err != nil {
		return Reply{Err: err}
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return Reply{Code: res.StatusCode, Body: string(data), Header: res.Header, Err: err}
}

// Get is a GET request.
func (c *Client) Get(path string) Reply { return c.Do(http.MethodGet, path, "", nil) }

// fetch decodes the JSON answer of a GET into v.
func (c *Client) fetch(path string, v any) error {
	r := c.Get(path)
	if r.Err != nil || r.Code != http.StatusOK {
		return fmt.Errorf("GET %s: %v", path, r)
	}
	if err := json.Unmarshal([]byte(r.Body), v); err != nil {
		return fmt.Errorf("GET %s: %w in %q", path, err, r.Body)
	}
	return nil
}

// PostAlerts sends alerts.
func (c *Client) PostAlerts(alerts ...APIAlert) Reply {
	return c.Do(http.MethodPost, "/api/v2/alerts", encode(alerts), nil)
}

// PutSilence creates or changes a silence and gives its ID, which is empty if
// the reply is not 200.
func (c *Client) PutSilence(s APISilence) (id string, r Reply) {
	r = c.Do(http.MethodPost, "/api/v2/silences", encode(s), nil)
	var got struct{ SilenceID string }
	if r.Code == http.StatusOK {
		if err := json.Unmarshal([]byte(r.Body), &got); err != nil {
			r.Err = err
		}
	}
	return got.SilenceID, r
}

// MustSilence is PutSilence that must succeed.
func (c *Client) MustSilence(t testing.TB, s APISilence) string {
	t.Helper()
	id, r := c.PutSilence(s)
	if r.Err != nil || r.Code != http.StatusOK || id == "" {
		t.Fatalf("POST silence: %v", r)
	}
	return id
}

// DeleteSilence expires a silence.
func (c *Client) DeleteSilence(id string) Reply {
	return c.Do(http.MethodDelete, "/api/v2/silence/"+id, "", nil)
}

// Alerts are the alerts that the query selects, such as "active=false"; a filter
// is given as filter=… and escaped here.
func (c *Client) Alerts(query ...string) ([]APIAlert, error) {
	var out []APIAlert
	err := c.fetch("/api/v2/alerts"+queryString(query), &out)
	return out, err
}

// Groups are the groups of alerts that the query selects.
func (c *Client) Groups(query ...string) ([]APIGroup, error) {
	var out []APIGroup
	err := c.fetch("/api/v2/alerts/groups"+queryString(query), &out)
	return out, err
}

// Silences are the silences that the query selects.
func (c *Client) Silences(query ...string) ([]APISilence, error) {
	var out []APISilence
	err := c.fetch("/api/v2/silences"+queryString(query), &out)
	return out, err
}

// Silence is one silence.
func (c *Client) Silence(id string) (APISilence, error) {
	var out APISilence
	err := c.fetch("/api/v2/silence/"+id, &out)
	return out, err
}

// Status is the node's status.
func (c *Client) Status() (Status, error) {
	var out Status
	err := c.fetch("/api/v2/status", &out)
	return out, err
}

// Metric is the sum of a metric's series; ok is false if it has none. The name
// may end with labels that must be there: name{a="b"}.
func (c *Client) Metric(name string) (sum float64, ok bool) {
	r := c.Get("/metrics")
	if r.Code != http.StatusOK {
		return 0, false
	}
	name, labels, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
	for line := range strings.SplitSeq(r.Body, "\n") {
		rest, found := strings.CutPrefix(line, name)
		if !found || rest == "" || rest[0] != ' ' && rest[0] != '{' || !strings.Contains(rest, labels) {
			continue
		}
		v, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err == nil {
			sum, ok = sum+v, true
		}
	}
	return sum, ok
}

// queryString escapes the values of name=value pairs.
func queryString(pairs []string) string {
	q := url.Values{}
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		q.Add(name, value)
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

func encode(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("BUG: the rig's own types encode: " + err.Error())
	}
	return b.String()
}
