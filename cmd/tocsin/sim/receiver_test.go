package sim_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tocsin/fsm/model"
)

// receiver is a webhook at the other end of the network. It keeps what it is
// told, and answers as it is told to.
type receiver struct {
	w      *world
	name   string
	ip     string
	server *http.Server

	mu   sync.Mutex // guards the rest
	mode mode
	got  []receipt
	// believes is what it was last told of each alert.
	believes map[string]belief
	// trap gets the sender of the next message that is taken, and that message no
	// answer.
	trap chan *member
	// open are the requests that are with the receiver now.
	open map[*request]struct{}
}

// mode is how a receiver answers.
type mode struct {
	status     int // other than 200: refuse with that
	retryAfter int // seconds
	drop       bool
	// before is the time until a message is taken, after the time until that is
	// answered.
	before, after time.Duration
}

// belief is what a receiver was last told of an alert.
type belief struct {
	firing bool
	seq    int
	at     time.Time
}

// receipt is a message that was taken.
type receipt struct {
	at       time.Time
	to       string
	from     *member
	id       string
	key      model.DeliveryKey
	version  int
	degraded bool
	reason   string
	states   []told
	// novel: it told the receiver something that it did not know.
	novel bool
	// claim is the claim that the sender held, as it saw its ledger then; nil if
	// it held none.
	claim *model.Claim
}

// told is one alert in a message.
type told struct {
	alert  string
	firing bool
	seq    int
}

// request is one that is under way at the receiver.
type request struct {
	from  *member
	key   model.DeliveryKey
	id    string
	began time.Time
	token model.Token
}

func (w *world) newReceiver(name, ip string) *receiver {
	r := &receiver{w: w, name: name, ip: ip, believes: make(map[string]belief), open: make(map[*request]struct{})}
	listener, err := w.net.Host(ip).Listen(80)
	if err != nil {
		panic(err)
	}
	w.net.ResetOnClose(ip)
	r.server = &http.Server{Handler: r}
	go r.server.Serve(listener) // ends with close
	return r
}

func (r *receiver) close() { r.server.Close() }

func (r *receiver) set(m mode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mode = m
}

// message is what a webhook says.
type message struct {
	GroupKey string `json:"groupKey"`
	Receiver string `json:"receiver"`
	Degraded bool   `json:"degraded"`
	Reason   string `json:"notification_reason"`
	Alerts   []struct {
		Status      string            `json:"status"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"alerts"`
}

// ServeHTTP takes a message.
func (r *receiver) ServeHTTP(answer http.ResponseWriter, q *http.Request) {
	rec, ok := r.read(q)
	if !ok {
		return
	}
	r.mu.Lock()
	m := r.mode
	x := &request{from: rec.from, key: rec.key, id: rec.id, began: time.Now()}
	if rec.claim != nil && !rec.degraded {
		// Without a quorum nothing is sent under a claim, whatever the sender
		// has not heard the end of.
		x.token = rec.claim.Token
	}
	r.w.checkI9(r, x)
	r.open[x] = struct{}{}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.open, x)
		r.mu.Unlock()
	}()
	if m.status != 0 {
		r.w.note("%s refuses %s of %s with %d", r.name, rec.id, rec.from.name, m.status)
		if m.retryAfter > 0 {
			answer.Header().Set("Retry-After", strconv.Itoa(m.retryAfter))
		}
		answer.WriteHeader(m.status)
		return
	}
	if !pause(q, m.before) {
		r.w.note("%s: %s of %s was given up", r.name, rec.id, rec.from.name)
		return
	}
	r.take(rec)
	r.mu.Lock()
	trap := r.trap
	r.trap = nil
	r.mu.Unlock()
	if trap != nil {
		trap <- rec.from
		pause(q, time.Minute)
		return
	}
	if m.drop {
		panic(http.ErrAbortHandler)
	}
	pause(q, m.after)
}

// pause waits, unless whoever asked gives up.
func pause(q *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-q.Context().Done():
		return false
	}
}

func (r *receiver) read(q *http.Request) (receipt, bool) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return receipt{}, false
	}
	var msg message
	if err := json.Unmarshal(body, &msg); err != nil {
		r.w.violate("message", "%s: %v in %q", r.name, err, body)
		return receipt{}, false
	}
	rec := receipt{to: r.name, id: q.Header.Get("Idempotency-Key"), degraded: msg.Degraded, reason: msg.Reason}
	rec.version, _ = strconv.Atoi(q.Header.Get("X-Version"))
	host, _, _ := net.SplitHostPort(q.RemoteAddr)
	for _, m := range r.w.members {
		if m.ip == host {
			rec.from = m
		}
	}
	for _, a := range msg.Alerts {
		seq, _ := strconv.Atoi(a.Annotations["seq"])
		rec.states = append(rec.states, told{alert: a.Labels["alertname"], firing: a.Status == "firing", seq: seq})
	}
	slices.SortFunc(rec.states, func(a, b told) int { return strings.Compare(a.alert, b.alert) })
	rec.key = model.DeliveryKey{Group: msg.GroupKey, Receiver: msg.Receiver}
	if node, _ := rec.from.process(); node != nil {
		for e := range node.Machine().View().Entries() {
			if e.Key.Group == msg.GroupKey && e.Key.Receiver == msg.Receiver {
				rec.key = e.Key
				if e.Claim != nil && e.Claim.Node == node.Cluster().ID() {
					rec.claim = e.Claim
				}
			}
		}
	}
	return rec, true
}

// take makes a message what the receiver was last told.
func (r *receiver) take(rec receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec.at = time.Now()
	for _, s := range rec.states {
		b, known := r.believes[s.alert]
		if !known || b.firing != s.firing || !r.lastHas(rec, s.alert) && (b.seq != s.seq || r.w.wasSilenced(s.alert)) {
			rec.novel = true
		}
		r.w.checkOrder(r, rec, s, b)
	}
	for _, s := range rec.states {
		r.believes[s.alert] = belief{s.firing, s.seq, rec.at}
		r.w.reports.set(s.alert, r.believes[s.alert])
	}
	r.w.note("%s is told %s", r.name, rec)
	r.w.received(r, rec)
	r.got = append(r.got, rec)
}

// lastHas reports whether the last message of the group was about an alert, too.
// r.mu is held.
func (r *receiver) lastHas(rec receipt, alert string) bool {
	for i := len(r.got) - 1; i >= 0; i-- {
		if r.got[i].key.Group == rec.key.Group {
			return slices.ContainsFunc(r.got[i].states, func(s told) bool { return s.alert == alert })
		}
	}
	return false
}

func (rec receipt) String() string {
	var b strings.Builder
	b.WriteString("by " + rec.from.name + ":")
	for _, s := range rec.states {
		b.WriteString(" " + s.alert)
		if s.firing {
			b.WriteString(" fires #")
		} else {
			b.WriteString(" is over #")
		}
		b.WriteString(strconv.Itoa(s.seq))
	}
	b.WriteString(" (" + rec.reason)
	if rec.degraded {
		b.WriteString(", degraded")
	}
	if rec.claim != nil {
		b.WriteString(", claim " + rec.claim.Token.String()[:6] + " gen " + strconv.FormatUint(rec.claim.BaseGen, 10))
	}
	b.WriteString(", v" + strconv.Itoa(rec.version) + ", id " + rec.id[:min(8, len(rec.id))] + ")")
	return b.String()
}
