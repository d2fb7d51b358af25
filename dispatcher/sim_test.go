package dispatcher_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/notify"
)

var (
	simSeed = flag.Uint64("sim.seed", 0, "run only this seed of the simulation")
	simRuns = flag.Uint64("sim.runs", 150, "how many seeds the simulation runs")
)

// sim is a cluster on which things go wrong at random, with a receiver that
// remembers what it was told, and sources that repeat what is true as
// Prometheus does.
type sim struct {
	*rig
	rng *rand.Rand
	// faulty: nodes are killed and cut off, tries fail. Otherwise the ledger is
	// only slow and ranks change.
	faulty bool
	conf   string
	// fires is the truth, since when; ever silenced alerts are remembered.
	fires    map[string]bool
	starts   map[string]time.Time
	ended    map[string]time.Time
	silenced map[string]bool
	// believes is what the receiver was last told of each alert.
	believes map[string]bool
	ids      map[string]int
	alive    []*node
	// boxes are the nodes' outboxes, slots the living processes' ways to them.
	boxes []*box
	slots []*slot
	logMu sync.Mutex // guards log
	log   []string
	// calm: nothing goes wrong any more.
	calm bool
}

// lockedSource is chance that all goroutines of a run draw from.
type lockedSource struct {
	mu  sync.Mutex // guards src
	src rand.Source
}

func (l *lockedSource) Uint64() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.src.Uint64()
}

var simAlerts = []string{"a", "b", "c"}

func (s *sim) note(format string, args ...any) {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	s.log = append(s.log, fmt.Sprintf("%v ", time.Since(s.zero))+fmt.Sprintf(format, args...))
}

// receive is the receiver: it may refuse, or take a message and not say so.
func (s *sim) receive(n *node) func(context.Context, int, *notify.Message) notify.Result {
	return func(_ context.Context, _ int, m *notify.Message) notify.Result {
		s.mu.Lock()
		roll, calm := s.rng.IntN(10), s.calm
		delay := time.Duration(s.rng.IntN(400)) * ms
		s.mu.Unlock()
		time.Sleep(delay)
		if s.faulty && !calm && (roll == 0 || roll == 2) {
			return notify.Result{Err: errRefused, Retryable: true, Unsent: roll == 2}
		}
		s.mu.Lock()
		var said []string
		for _, a := range m.Alerts {
			s.believes[a.Alert.Name()] = !a.Resolved
			said = append(said, fmt.Sprint(a.Alert.Name(), !a.Resolved))
		}
		s.ids[m.DeliveryID]++
		s.note("%s told %s (%s) %s roll %d", n.id, strings.Join(said, ","), m.Reason, m.DeliveryID[:6], roll)
		s.mu.Unlock()
		if s.faulty && !calm && roll == 1 {
			return notify.Result{Err: errRefused, Retryable: true}
		}
		return notify.Result{}
	}
}

// refresh has the sources tell the truth to every node that lives.
func (s *sim) refresh() {
	for _, n := range s.alive {
		if n.seat.Quorum().Held {
			n.mouth.drain(s.ledger)
		}
		var batch []alert.Alert
		for _, name := range simAlerts {
			if _, known := s.starts[name]; !known {
				continue
			}
			end := n.now().Add(time.Minute)
			if !s.fires[name] {
				end = s.ended[name]
			}
			batch = append(batch, make1(name, s.starts[name], end, n.now()))
		}
		n.Post(batch)
	}
}

// open starts the nodes.
func (s *sim) open(size int) {
	for i := range size {
		b := newBox()
		with, slot := b.with(s.rig)
		n := s.add(i, size, with)
		s.boxes, s.slots, s.alive = append(s.boxes, b), append(s.slots, slot), append(s.alive, n)
		n.answer = s.receive(n)
		n.use(1, s.conf)
	}
}

func (s *sim) step() {
	name := simAlerts[s.rng.IntN(len(simAlerts))]
	n := s.rng.IntN(len(s.alive))
	op := s.rng.IntN(12)
	if !s.faulty && op >= 8 {
		op = s.rng.IntN(8)
	}
	switch op {
	case 0, 1, 2, 3, 4:
		s.mu.Lock()
		s.fires[name] = !s.fires[name]
		if s.fires[name] {
			s.starts[name] = time.Now()
		} else {
			s.ended[name] = time.Now()
		}
		s.note("%s fires %v", name, s.fires[name])
		s.mu.Unlock()
	case 5:
		s.mu.Lock()
		s.silenced[name] = true
		s.mu.Unlock()
		lasts := time.Duration(s.rng.IntN(30)) * sec
		s.sils.put("s"+name, name, time.Now(), time.Now().Add(lasts))
		s.note("silence %s for %v", name, lasts)
	case 6:
		s.alive[n].use(1, s.conf)
		s.note("reload %s", s.alive[n].id)
	case 7:
		seat := s.alive[n].seat
		seat.mu.Lock()
		seat.latency = time.Duration(s.rng.IntN(900)) * ms
		seat.rank = s.rng.IntN(3)
		seat.mu.Unlock()
	case 8, 9:
		s.kill(n)
	default:
		s.toggle(s.alive[n])
	}
}

// kill ends a node without a word and starts it anew with what its disk has.
func (s *sim) kill(i int) {
	old := s.alive[i]
	s.note("kill %s", old.id)
	old.seat.mu.Lock()
	old.seat.deaf, old.seat.lost = true, time.Time{}
	cut := old.seat.frozen != nil
	old.seat.mu.Unlock()
	old.mouth.mu.Lock()
	old.mouth.gone = true
	old.mouth.mu.Unlock()
	old.gone.Store(true)
	s.slots[i].die()
	with, slot := s.boxes[i].with(s.rig)
	s.slots[i] = slot
	fresh := s.add(i, 3, with)
	s.nodes = s.nodes[:len(s.nodes)-1]
	fresh.answer = s.receive(fresh)
	fresh.mouth.reborn()
	fresh.seat.mu.Lock()
	fresh.seat.rank = old.seat.rank
	fresh.seat.mu.Unlock()
	if cut {
		fresh.lose()
	}
	fresh.use(1, s.conf)
	s.alive[i] = fresh
	s.graves = append(s.graves, old)
}

// toggle cuts a node off from the ledger, or brings it back.
func (s *sim) toggle(n *node) {
	n.seat.mu.Lock()
	cut := !n.seat.lost.IsZero()
	n.seat.reachable = 1 + s.rng.IntN(2)
	n.seat.mu.Unlock()
	if cut {
		s.note("heal %s", n.id)
		n.find()
	} else {
		s.note("cut %s", n.id)
		n.lose()
	}
}

func (s *sim) play() {
	for range 25 {
		s.step()
		for range 1 + s.rng.IntN(3) {
			s.refresh()
			time.Sleep(time.Duration(1+s.rng.IntN(4000)) * ms)
		}
	}
	s.mu.Lock()
	s.calm = true
	s.mu.Unlock()
	for _, n := range s.alive {
		n.seat.mu.Lock()
		cut := !n.seat.lost.IsZero()
		n.seat.latency, n.seat.reachable = 0, 3
		n.seat.mu.Unlock()
		if cut {
			n.find()
		}
	}
	s.note("calm")
	for range 24 {
		s.refresh()
		time.Sleep(5 * sec)
	}
}

func (s *sim) check(t *testing.T, seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var wrong []string
	for _, name := range simAlerts {
		if s.fires[name] && !s.believes[name] {
			wrong = append(wrong, name+" fires and nobody was told (I1)")
		}
		if !s.fires[name] && s.believes[name] && !s.silenced[name] {
			wrong = append(wrong, name+" is over and nobody was told (I1)")
		}
	}
	for id, n := range s.ids {
		if !s.faulty && n > 1 {
			wrong = append(wrong, fmt.Sprintf("%s was sent %d times (I2)", id, n))
		}
	}
	for i, n := range s.alive {
		if left := s.boxes[i].len(); left != 0 {
			wrong = append(wrong, fmt.Sprintf("%d records in the outbox of %s (I18)", left, n.id))
		}
		if p := n.Pending(); p != 0 {
			wrong = append(wrong, fmt.Sprintf("%d deliveries pending on %s", p, n.id))
		}
	}
	if wrong != nil {
		t.Errorf("seed %d (-sim.seed=%d):\n\t%s\n%s", seed, seed, strings.Join(wrong, "\n\t"), strings.Join(s.log, "\n")+"\n"+s.remains())
	}
}

func TestSimulation(t *testing.T) {
	run := func(seed uint64) {
		// The repeat interval is beyond the simulation, so it repairs nothing.
		conf := simple("2s", "5s", "4h")
		inBubble(t, 0, conf, func(r *rig) {
			s := &sim{
				rig: r, rng: rand.New(&lockedSource{src: rand.NewPCG(seed, 1)}), faulty: seed%3 != 0, conf: conf,
				fires: map[string]bool{}, starts: map[string]time.Time{}, ended: map[string]time.Time{}, silenced: map[string]bool{},
				believes: map[string]bool{}, ids: map[string]int{},
			}
			s.open(3)
			s.play()
			s.check(t, seed)
			r.nodes = s.alive
		})
	}
	if *simSeed != 0 {
		run(*simSeed)
		return
	}
	for seed := uint64(1); seed <= *simRuns && !t.Failed(); seed++ {
		run(seed)
	}
}

// post mortem: what the ledger and the overlays say at the end.
func (s *sim) remains() string {
	var b strings.Builder
	names := map[string]string{}
	for _, n := range simAlerts {
		a := make1(n, s.zero, s.zero, s.zero)
		names[fmt.Sprint(uint64(a.Hash))] = n
	}
	text := func(v any) string {
		t := fmt.Sprint(v)
		for h, n := range names {
			t = strings.ReplaceAll(t, h, n)
		}
		return t
	}
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	for _, e := range s.ledger.entries {
		fmt.Fprintf(&b, "rev %d gen %d must %s maybe %s resolved %s claim %v\n", e.Rev, e.Gen, text(e.Must), text(e.Maybe), text(e.Resolved), e.Claim)
	}
	for of, by := range s.gossip.kept {
		for _, o := range by {
			fmt.Fprintf(&b, "kept of %s: seq %d base %d must %s maybe %s resolved %s\n", of, o.Seq, o.BaseRev, text(o.Must), text(o.Maybe), text(o.Resolved))
		}
	}
	for _, m := range s.mouths {
		for of, by := range m.heard {
			for _, o := range by {
				fmt.Fprintf(&b, "%s heard of %s: seq %d\n", m.node, of, o.Seq)
			}
		}
	}
	return b.String()
}
