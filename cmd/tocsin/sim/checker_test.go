package sim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/cmd/tocsin/app"
	"tocsin/fsm"
	"tocsin/fsm/model"
)

// checker watches a run: what goes wrong when, what the ledger goes through,
// and what is true meanwhile. The invariants are in invariants_test.go.
type checker struct {
	w        *world
	versions atomic.Int64
	wiped    bool

	// look has a token when the ledger has changed.
	look chan struct{}
	// ids are the names of the nodes, by their IDs.
	ids sync.Map

	vmu        sync.Mutex // guards violations
	violations []violation

	mu sync.Mutex // guards the rest
	// suffering are the troubles that members have, ended when anybody last had
	// any, disturbed when anything was last done.
	suffering map[*member]map[trouble]bool
	unwell    bool
	// began is when the trouble that is now began, wellBefore for how long
	// there was none before it.
	began      time.Time
	wellBefore time.Duration
	// apart are the pairs of members between which the network is not whole,
	// since when it has been for the others.
	apart map[[2]*member]bool
	// ailed is when a member last ceased to have a trouble of its own.
	ailed     map[*member]time.Time
	joined    map[[2]*member]time.Time
	ended     time.Time
	disturbed time.Time
	// latest is the newest state that any node has had, hashes the hash at each
	// index.
	latest *fsm.View
	hashes map[uint64]uint64
	over   map[model.Token]bool
	events map[string][]event
	// configs are the configurations in the order in which they came.
	configs  []configRecord
	silences map[string]*silenceRecord
	// excused are alerts that were over while they were silenced: nobody needs to
	// be told.
	excused map[string]bool
	// leaves are the members that had overlays when their process ended.
	leaves map[*member]bool
	// lost: overlays were lost with a disk.
	lost bool
	// moves are what the ledger has gone through and nobody has looked at yet,
	// stray the keys of which a message was taken outside of its claim: what is
	// believed of them may differ from the ledger.
	moves []ledgerStep
	stray map[string]bool
	// cutOffAt is when each member was cut off from all others.
	cutOffAt map[*member]time.Time
	// fall is when all nodes were last killed, at a calm moment or not.
	fall *fall
}

// event is something that puts in doubt what a receiver knows.
type event struct {
	at   time.Time
	what string
}

// configRecord is a configuration: its revision, its number as receivers see it,
// and the index of the state that had it first.
type configRecord struct {
	rev    uint64
	number int
	index  uint64
}

// silenceRecord is a silence that was acknowledged.
type silenceRecord struct {
	id, alert string
	at        time.Time
	index     uint64
	// ending: it was asked to expire.
	ending bool
}

func (c *checker) open(w *world) {
	c.w = w
	c.versions.Store(1)
	c.suffering = make(map[*member]map[trouble]bool)
	c.ailed = make(map[*member]time.Time)
	c.apart = make(map[[2]*member]bool)
	c.joined = make(map[[2]*member]time.Time)
	c.hashes = make(map[uint64]uint64)
	c.over = make(map[model.Token]bool)
	c.events = make(map[string][]event)
	c.look = make(chan struct{}, 1)
	c.leaves = make(map[*member]bool)
	c.excused = make(map[string]bool)
	c.stray = make(map[string]bool)
	c.cutOffAt = make(map[*member]time.Time)
	c.silences = make(map[string]*silenceRecord)
	c.ended, c.disturbed = time.Now(), time.Now()
}

func (c *checker) disturb() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.disturbed = time.Now()
}

func (c *checker) suffer(what trouble, who ...*member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wellLocked() > 0 {
		c.began, c.wellBefore = time.Now(), c.wellLocked()
	}
	for _, m := range who {
		if c.suffering[m] == nil {
			c.suffering[m] = make(map[trouble]bool)
		}
		c.suffering[m][what] = true
	}
}

func (c *checker) relieve(what trouble, who ...*member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range who {
		if c.suffering[m][what] {
			delete(c.suffering[m], what)
			c.ended = time.Now()
			if what != troubleNet {
				c.ailed[m] = time.Now()
			}
		}
	}
}

// estrange notes that the network between two members is not whole, reconcile
// that it is between all of them.
func (c *checker) estrange(a, b *member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apart[pairOf(a, b)] = true
}

func (c *checker) reconcile() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.cutOffAt)
	for p := range c.apart {
		c.joined[p] = time.Now()
	}
	clear(c.apart)
}

func pairOf(a, b *member) [2]*member {
	if a.i > b.i {
		a, b = b, a
	}
	return [2]*member{a, b}
}

// togetherLocked is for how long two members have reached each other, and
// nothing else ailed them. c.mu is held.
func (c *checker) togetherLocked(a, b *member) time.Duration {
	if c.apart[pairOf(a, b)] || c.ailsLocked(a) || c.ailsLocked(b) {
		return 0
	}
	since := c.joined[pairOf(a, b)]
	for _, m := range []*member{a, b} {
		if t := c.ailed[m]; t.After(since) {
			since = t
		}
	}
	return time.Since(since)
}

// ailsLocked reports whether a member has a trouble of its own. c.mu is held.
func (c *checker) ailsLocked(m *member) bool {
	for t := range c.suffering[m] {
		if t != troubleNet {
			return true
		}
	}
	return false
}

func (c *checker) receiversChanged(well bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unwell && well {
		c.ended = time.Now()
	}
	c.unwell = !well
}

// well is for how long nothing at all has been wrong. c.mu is held.
func (c *checker) wellLocked() time.Duration {
	if c.unwell {
		return 0
	}
	for _, t := range c.suffering {
		if len(t) > 0 {
			return 0
		}
	}
	return time.Since(c.ended)
}

func (c *checker) well() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wellLocked()
}

func (c *checker) suffers(m *member) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.suffering[m]) > 0
}

// died is called before a process ends.
func (c *checker) died(m *member, node *app.Node) {
	c.suffer(troubleDown, m)
	pending := node.Cluster().Status().OverlaysPending > 0
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaves[m] = pending
	if pending {
		c.lost = c.lost || c.wiped
	}
}

// left reports whether a member's process had overlays when it ended.
func (c *checker) left(m *member) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leaves[m]
}

// watch follows the state of a process.
func (c *checker) watch(m *member, node *app.Node) {
	c.ids.Store(node.Cluster().ID(), m.name)
	node.Machine().Observe(func(fsm.Change) { c.observe(m, node.Machine().View()) })
	c.observe(m, node.Machine().View())
}

var versionIn = regexp.MustCompile(`X-Version: \{values: \["(\d+)"\]\}`)

// observe looks at a state that a node has come to.
func (c *checker) observe(m *member, v *fsm.View) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checkI5(m, v)
	if c.latest != nil && v.Index() <= c.latest.Index() {
		return
	}
	before := c.latest
	c.latest = v
	if cfg := v.Config(); cfg != nil && (len(c.configs) == 0 || c.configs[len(c.configs)-1].rev != cfg.Rev) {
		r := configRecord{rev: cfg.Rev, index: v.Index()}
		if found := versionIn.FindSubmatch(cfg.YAML); found != nil {
			r.number, _ = strconv.Atoi(string(found[1]))
		}
		c.configs = append(c.configs, r)
	}
	for e := range v.Entries() {
		was := &model.Entry{Key: e.Key}
		if before != nil {
			if b, ok := before.Entry(e.Key); ok {
				was = b
			}
		}
		if was.Rev != e.Rev {
			c.moved(was, e)
		}
	}
}

// moved looks at a change of a ledger's entry. c.mu is held.
func (c *checker) moved(was, is *model.Entry) {
	c.w.note("ledger %s %s: %s", is.Key.Receiver, is.Key.Group, c.w.entryText(is))
	c.checkI4(was, is)
	c.moves = append(c.moves, ledgerStep{is, c.w.reports.now()})
	select {
	case c.look <- struct{}{}:
	default:
	}
	for _, l := range is.Lapsed {
		if !slices.ContainsFunc(was.Lapsed, func(o model.Claim) bool { return o.Token == l.Token }) {
			c.happen(is.Key, "expired")
		}
	}
	if is.Attempt > was.Attempt {
		c.happen(is.Key, "failed")
	}
	if !slices.Equal(is.Merged, was.Merged) {
		c.happen(is.Key, "merged")
	}
	if len(is.Lapsed) < len(was.Lapsed) {
		c.happen(is.Key, "late settlement")
	}
}

func (c *checker) happen(key model.DeliveryKey, what string) {
	c.w.note("%s %s: %s", key.Receiver, key.Group, what)
	c.events[inWords(key)] = append(c.events[inWords(key)], event{time.Now(), what})
	c.checkExcuse(key, what)
}

// inWords names a key by what its receiver can see of it: there is one
// integration for each receiver.
func inWords(k model.DeliveryKey) string { return k.Receiver + " " + k.Group }

// entryText is what an entry says, in few words.
func (w *world) entryText(e *model.Entry) string {
	text := fmt.Sprintf("rev %d gen %d must %s maybe %s resolved %s", e.Rev, e.Gen, w.namesOf(e.Must), w.namesOf(e.Maybe), w.namesOf(e.Resolved))
	if e.Claim != nil {
		text += fmt.Sprintf(" claim %s of %s for %s %s", e.Claim.Token.String()[:6], w.nameOf(e.Claim.Node), w.namesOf(e.Claim.Firing), w.namesOf(e.Claim.Resolved))
	}
	return text
}

func (w *world) namesOf(set model.AlertSet) string {
	text := "{"
	for _, s := range w.alerts {
		if set.Has(s.hash) {
			text += s.name
		}
	}
	return text + "}"
}

// nameOf is the name of the node that has or had an ID.
func (w *world) nameOf(id model.NodeID) string {
	if name, ok := w.ids.Load(id); ok {
		return name.(string)
	}
	return string(id)
}

// silenced takes the answer to a silence.
func (c *checker) silenced(m *member, node *app.Node, s *source, code int, body []byte) {
	var answer struct {
		SilenceID string `json:"silenceID"`
	}
	_ = json.Unmarshal(body, &answer)
	c.w.note("%s silences %s: %d %s", m.name, s.name, code, answer.SilenceID)
	if code != http.StatusOK {
		return
	}
	v := node.Machine().View()
	c.checkI14(m, v, answer.SilenceID)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silences[answer.SilenceID] = &silenceRecord{id: answer.SilenceID, alert: s.name, at: time.Now(), index: v.Index()}
}

// silencesOf are the silences of an alert that were acknowledged; they count as
// ending from now on.
func (c *checker) silencesOf(alert string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for id, s := range c.silences {
		if s.alert == alert && !s.ending {
			s.ending = true
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// wasSilenced reports whether an alert has been silenced in this run: it is left
// out of messages then, and news when it is back in them.
func (c *checker) wasSilenced(alert string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.silences {
		if s.alert == alert {
			return true
		}
	}
	return false
}

// muted reports whether the newest state has an active silence of the alert.
func (c *checker) muted(alert string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.latest == nil {
		return false
	}
	for s := range c.latest.Silences() {
		if active(s) && s.MatcherSets[0][0].Value == alert {
			return true
		}
	}
	return false
}

// received looks at a message that a receiver took.
func (c *checker) received(r *receiver, rec receipt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checkI3(r, rec)
	c.checkI7(rec)
	c.checkI11(r, rec)
	c.checkI13(rec)
	if !c.underClaim(rec) {
		c.stray[inWords(rec.key)] = true
	}
	if rec.degraded {
		c.checkLonely(rec)
		c.checkDegraded(rec)
		c.checkHold(rec)
		c.checkIsland(r, rec)
	}
}

// watchdog looks every second, and at the ledger whenever it has changed.
func (w *world) watchdog() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-w.quit:
			return
		case <-w.look:
			w.checkI8()
			// What a node has of an overlay it drops a moment after the merge.
			time.Sleep(time.Millisecond)
			w.checkI8()
			w.checkI8Steps()
		case <-t.C:
			for _, s := range w.alerts {
				w.excuse(s)
				w.checkI1Now(s)
			}
			w.checkI8()
		}
	}
}
