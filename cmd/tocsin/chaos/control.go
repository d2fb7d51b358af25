package chaos

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// controlPort is where the control listens, on the sink's host.
const controlPort = 8081

// control is a server that does nothing but answer. The sources post to it what
// they post to the nodes, over the same wire and at the same time. How long its
// answers take is what the machine costs: its processors are shared with the
// nodes, the wire, other runs, and the race detector.
type control struct{ srv *http.Server }

func newControl(h *Host) (*control, error) {
	l, err := h.Listen(controlPort)
	if err != nil {
		return nil, err
	}
	take := func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
	c := &control{&http.Server{
		Handler: http.HandlerFunc(take), ReadHeaderTimeout: postLimit, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}}
	go func() { _ = c.srv.Serve(l) }() // it ends when it is closed
	return c, nil
}

func (c *control) close() { _ = c.srv.Close() } // nobody waits for an answer any more

// target is how a source reaches it.
func (c *control) target() [2]string {
	return [2]string{controlName, fmt.Sprintf("http://%s:%d", addr(sinkHost), controlPort)}
}

// controlName is the name of the control among the targets of a source.
const controlName = "control"

// machineCosts is how much longer than on an idle machine a request to a node may
// take, by how long one to the control took: there is one process more on its way.
func machineCosts(posts []Post, in Span) time.Duration {
	return seconds(2 * summarise(only(posts, true), in).P99)
}

// only are the requests to the control, or all others.
func only(posts []Post, control bool) []Post {
	var out []Post
	for _, p := range posts {
		if (p.Node == controlName) == control {
			out = append(out, p)
		}
	}
	return out
}
