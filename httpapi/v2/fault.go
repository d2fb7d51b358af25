package v2

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"tocsin/httpapi/access"
	"tocsin/httpapi/answer"
)

// Codes of faults that are not HTTP statuses. They are answered with 422.
const (
	codeFormat   = 601
	codeRequired = 602
	codeMinItems = 612
)

// fault is an error of the request itself, as the framework under
// Alertmanager's API answers it: an object of code and message.
type fault struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Error is the message.
func (f *fault) Error() string { return f.Message }

func (f *fault) status() int {
	if f.Code >= 600 {
		return http.StatusUnprocessableEntity
	}
	return f.Code
}

func faultf(code int, format string, args ...any) *fault {
	return &fault{Code: code, Message: fmt.Sprintf(format, args...)}
}

// refused is a handler's no: a JSON string.
type refused struct {
	status int
	text   string
}

// Error is the text.
func (r *refused) Error() string { return r.text }

func refusef(status int, format string, args ...any) *refused {
	return &refused{status: status, text: fmt.Sprintf(format, args...)}
}

// Fault answers an error that a handler returned or that routing met. It is the
// API's part of echo's HTTPErrorHandler.
func (a *API) Fault(err error, c echo.Context) {
	w := c.Response()
	w.Header().Set("Cache-Control", "no-store")
	var no *refused
	if errors.As(err, &no) {
		answer.JSON(w, no.status, no.text)
		return
	}
	f := a.faultOf(err, c)
	body, _ := encode(f) // strings and a number: cannot fail
	answer.Bytes(w, f.status(), body)
}

func (a *API) faultOf(err error, c echo.Context) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	var no *access.Refusal
	if errors.As(err, &no) {
		return faultf(no.Status, "%v", no)
	}
	var he *echo.HTTPError
	if !errors.As(err, &he) {
		a.opts.Logger.Error("A request failed", "path", c.Request().URL.Path, "err", err)
		return &fault{http.StatusInternalServerError, "internal error; it is in the log"}
	}
	switch he.Code {
	case http.StatusNotFound:
		return faultf(he.Code, "path %s was not found", ownPath(c))
	case http.StatusMethodNotAllowed:
		allowed := allowedMethods(c)
		c.Response().Header().Set("Allow", allowed)
		return faultf(he.Code, "method %s is not allowed, but [%s] are", c.Request().Method, allowed)
	default:
		return faultf(he.Code, "%v", he.Message)
	}
}

// ownPath is the request's path without the route prefix.
func ownPath(c echo.Context) string {
	path := c.Request().URL.Path
	if i := strings.Index(path, "/api/v2"); i > 0 {
		return path[i:]
	}
	return path
}

// allowedMethods are the methods of the route, as Alertmanager writes them.
func allowedMethods(c echo.Context) string {
	header, _ := c.Get(echo.ContextKeyHeaderAllow).(string)
	methods := strings.Split(header, ", ")
	methods = slices.DeleteFunc(methods, func(m string) bool { return m == http.MethodOptions })
	slices.Sort(methods)
	return strings.Join(methods, ",")
}

// encode is JSON without a newline and without escapes for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode an answer: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}
