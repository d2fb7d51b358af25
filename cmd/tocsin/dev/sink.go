package dev

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// sink is the receiver of the demonstration: it takes webhook messages and
// prints them.
type sink struct {
	mu  sync.Mutex
	out io.Writer // guarded by mu
	now func() time.Time
}

// message is what of a webhook message is printed.
type message struct {
	Status   string `json:"status"`
	Receiver string `json:"receiver"`
	Reason   string `json:"notification_reason"`
	Alerts   []struct {
		Status      string            `json:"status"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"alerts"`
}

// maxMessage bounds what is read of a message.
const maxMessage = 4 << 20

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m message
	if err := json.NewDecoder(io.LimitReader(r.Body, maxMessage)).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	io.WriteString(s.out, m.text(s.now(), r.Header.Get("Idempotency-Key")))
}

// text is the message for people.
func (m *message) text(now time.Time, id string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s  NOTIFICATION %s to %s", now.Format(time.TimeOnly), strings.ToUpper(m.Status), m.Receiver)
	if m.Reason != "" {
		fmt.Fprintf(&b, " (%s)", m.Reason)
	}
	if id != "" {
		fmt.Fprintf(&b, ", delivery %s", id[:min(len(id), 12)])
	}
	b.WriteByte('\n')
	for _, a := range m.Alerts {
		fmt.Fprintf(&b, "          %-8s %s", a.Status, pairs(a.Labels))
		if a.Annotations["summary"] != "" {
			fmt.Fprintf(&b, ": %s", a.Annotations["summary"])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// pairs are the labels in order, the alertname first.
func pairs(labels map[string]string) string {
	var out []string
	for name, value := range labels {
		if name != "alertname" {
			out = append(out, name+"="+value)
		}
	}
	slices.Sort(out)
	return strings.Join(append([]string{labels["alertname"]}, out...), " ")
}
