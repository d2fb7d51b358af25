package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Error is a node's refusal.
type Error struct {
	// Status is the HTTP status code.
	Status int
	// Message is what the node said.
	Message string
	// Next is what to do about it; may be empty.
	Next string
	// Problems are what is wrong with a configuration.
	Problems []Problem
}

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// Error is the message and the next step, on one line.
func (e *Error) Error() string {
	if e.Next == "" {
		return e.Message
	}
	return e.Message + ": " + e.Next
}

// IsNotFound reports whether err is a node's word that something is not there.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// unreachable explains a call that got no answer.
func (c *Client) unreachable(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer from %s in time: give more with --timeout, or ask another node with --address", c.Address())
	}
	return fmt.Errorf("cannot reach %s: %w: check that the node runs, or name another one with --address or TOCSIN_ADDRESS", c.Address(), err)
}

// refusal reads the error shapes that the APIs use: a JSON string, an object
// with a message, or plain text.
func refusal(resp *http.Response, body []byte) error {
	e := refusalText(body)
	e.Status = resp.StatusCode
	e.Message = cmp.Or(e.Message, "the node answered "+resp.Status)
	e.Next = cmp.Or(e.Next, nextStep(resp))
	return e
}

func refusalText(body []byte) *Error {
	var text string
	if json.Unmarshal(body, &text) == nil {
		return &Error{Message: strings.TrimSpace(text)}
	}
	var object struct {
		Message, Error, Hint string
		Problems             []Problem
	}
	if json.Unmarshal(body, &object) == nil {
		return &Error{Message: cmp.Or(object.Message, object.Error), Next: object.Hint, Problems: object.Problems}
	}
	if len(body) > 0 && body[0] != '<' {
		return &Error{Message: strings.TrimSpace(string(body[:min(len(body), 1000)]))}
	}
	return &Error{}
}

func nextStep(resp *http.Response) string {
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return "give a token with --token-file or TOCSIN_TOKEN_FILE, or the user with --address=http://USER:PASSWORD@HOST:PORT"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		if resp.Request != nil && strings.Contains(resp.Request.URL.Path, rootAdmin) && resp.Header.Get("Content-Type") != "application/json" {
			return "check that --address is a Tocsin node, with its route prefix if it has one"
		}
	case http.StatusConflict:
		return "somebody else changed it meanwhile: look at it again, then repeat"
	case http.StatusTooManyRequests:
		return "try again later"
	case http.StatusServiceUnavailable:
		if after := resp.Header.Get("Retry-After"); after != "" {
			return "try again in " + after + " s; `tocsin status` shows what is missing"
		}
		return "try again; `tocsin status` shows what is missing"
	}
	return ""
}
