package sim_test

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"tocsin/cmd/tocsin/app"
	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

// alertNames are the alerts of a run. a and b make one group, c another; d goes
// to the other receiver.
var alertNames = []string{"a", "b", "c", "d"}

var groupOf = map[string]string{"a": "1", "b": "1", "c": "2", "d": "3"}

// source is what knows the truth about an alert, and repeats it to the nodes as
// Prometheus does.
type source struct {
	w    *world
	i    int
	name string
	hash model.AlertHash
	kick chan struct{}

	mu     sync.Mutex // guards the rest
	firing bool
	// seq numbers the states of the alert.
	seq           int
	starts, ended time.Time
	// changed is when the state last changed.
	changed time.Time
	on      bool
	reach   map[int]bool
	// since is since when each node has been told without a break.
	since map[int]time.Time
	// until is when the last that anybody was told is not valid any more.
	until time.Time
}

func (w *world) newSource(i int, name string) *source {
	s := &source{w: w, i: i, name: name, kick: make(chan struct{}, 1), on: true, since: make(map[int]time.Time)}
	s.hash = alert.NewLabels(map[string]string{"alertname": name, "g": groupOf[name]}).Hash()
	s.reachAll()
	return s
}

func (s *source) run() {
	t := time.NewTicker(resendEvery)
	defer t.Stop()
	for {
		select {
		case <-s.w.quit:
			return
		case <-t.C:
		case <-s.kick:
		}
		s.tell()
	}
}

func (s *source) poke() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// set changes the truth.
func (s *source) set(firing bool) {
	s.mu.Lock()
	if s.firing != firing {
		s.firing, s.changed = firing, time.Now()
		s.seq++
		if firing {
			s.starts = s.changed
		} else {
			s.ended = s.changed
		}
	}
	s.mu.Unlock()
	s.w.note("%s fires: %v #%d", s.name, firing, s.seq)
	s.poke()
}

func (s *source) setOn(on bool) {
	s.mu.Lock()
	s.on = on
	s.mu.Unlock()
	s.poke()
}

func (s *source) reachAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reach = nil
}

func (s *source) reachOnly(nodes ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reach = make(map[int]bool)
	for _, n := range nodes {
		s.reach[n] = true
	}
}

// tell repeats the truth to the nodes that are reached.
func (s *source) tell() {
	s.mu.Lock()
	seq, on, firing, starts, ended := s.seq, s.on, s.firing, s.starts, s.ended
	s.mu.Unlock()
	now := time.Now()
	if seq == 0 {
		return
	}
	ends := ended
	if firing {
		ends = now.Add(validFor)
	}
	body := fmt.Sprintf(`[{"labels":{"alertname":%q,"g":%q},"annotations":{"seq":"%d"},"startsAt":%q,"endsAt":%q}]`,
		s.name, groupOf[s.name], seq, starts.Format(time.RFC3339Nano), ends.Format(time.RFC3339Nano))
	for _, m := range s.w.members {
		node, up := m.up()
		_, started := m.process()
		reached := on && up && s.reaches(m.i)
		s.mu.Lock()
		if !reached {
			delete(s.since, m.i)
		} else if s.since[m.i].Before(started) {
			s.since[m.i] = now
		}
		if reached && firing {
			s.until = ends
		}
		s.mu.Unlock()
		if reached {
			s.post(m, node, body)
		}
	}
}

func (s *source) reaches(i int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reach == nil || s.reach[i]
}

// post gives a node the alert. It may wait for nothing (design, section 1).
func (s *source) post(m *member, node *app.Node, body string) {
	began := time.Now()
	answer := ask(node, http.MethodPost, "/api/v2/alerts", body)
	if answer.Code != http.StatusOK {
		s.w.violate("post", "%s answered %d to alerts: %s", m.name, answer.Code, answer.Body)
	}
	if took := time.Since(began); took > 50*time.Millisecond {
		s.w.violate("post", "%s took %v for alerts", m.name, took)
	}
}

// truth is what is so now.
type truth struct {
	firing  bool
	seq     int
	changed time.Time
	on      bool
	until   time.Time
}

func (s *source) truth() truth {
	s.mu.Lock()
	defer s.mu.Unlock()
	return truth{s.firing, s.seq, s.changed, s.on, s.until}
}

// toldSince is since when the source has told the node without a break; zero if
// it does not.
func (s *source) toldSince(m *member) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since[m.i]
}

// fires reports whether the alert is firing, as far as the nodes can know: a
// source that is silent is believed until what it said last is over.
func (t truth) fires() bool {
	return t.firing && (t.on || time.Now().Before(t.until))
}

func (s *source) receiver() string {
	if s.name == "d" {
		return "other"
	}
	return "team"
}
