package app

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/cluster"
	"tocsin/cmd/tocsin/doctor"
	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/config"
	"tocsin/fsm"
)

const (
	// examineTime bounds gathering this node's facts, askTime those of all.
	examineTime = 8 * time.Second
	askTime     = 12 * time.Second
	// factsGood is how long facts are told again before they are gathered anew,
	// so that nobody can have this node knock at the others' doors all the time.
	factsGood = 3 * time.Second
	// examineRows is how many of the newest deliveries are looked at.
	examineRows = 500
)

// exam is the facts that were gathered last.
type exam struct {
	// open is set when all is there that facts are gathered from.
	open  atomic.Bool
	mu    sync.Mutex // held while facts are gathered
	facts *doctor.Facts
	at    time.Time
}

// hearSources remembers who posts to this node.
func (n *Node) hearSources() {
	n.sources = doctor.NewSources()
	cancel := n.alerts.Subscribe(func(changes []alert.Change, from alert.Origin) {
		if from == alert.Posted && len(changes) > 0 {
			n.sources.Posted(changes[0].New, n.cluster.Now())
		}
	})
	n.closers.push("sources", closeFile, func(context.Context) error { cancel(); return nil })
}

// Examine is the facts of this node and of all others of the cluster, a list of
// doctor.Answer.
func (n *Node) Examine(ctx context.Context) any {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var others []cluster.Examination
	var wg sync.WaitGroup
	wg.Go(func() { others = n.cluster.Examine(ctx) })
	out := []doctor.Answer{{Facts: n.examineSelf(ctx)}}
	wg.Wait()
	for _, x := range others {
		a := doctor.Answer{ID: string(x.ID), Name: x.Name}
		err := x.Err
		if err == nil {
			err = json.Unmarshal(x.Body, &a.Facts)
		}
		if err != nil {
			a.Facts, a.Error = nil, err.Error()
		}
		out = append(out, a)
	}
	return out
}

// examineForOther is this node's facts for another one.
func (n *Node) examineForOther(ctx context.Context) ([]byte, error) {
	if !n.exam.open.Load() {
		return nil, errors.New("this node is still starting")
	}
	return json.Marshal(n.examineSelf(ctx))
}

func (n *Node) examineSelf(ctx context.Context) *doctor.Facts {
	n.exam.mu.Lock()
	defer n.exam.mu.Unlock()
	if n.exam.facts == nil || time.Since(n.exam.at) > factsGood {
		n.exam.facts, n.exam.at = n.gatherFacts(ctx), time.Now()
	}
	return n.exam.facts
}

// gatherFacts looks at all at once.
func (n *Node) gatherFacts(ctx context.Context) *doctor.Facts {
	ctx, cancel := context.WithTimeout(ctx, examineTime)
	defer cancel()
	f := n.standing()
	var wg sync.WaitGroup
	wg.Go(func() { f.Machine = doctor.Examine(ctx, n.opts.Settings.DataDir) })
	wg.Go(func() {
		for _, r := range n.cluster.ReachPeers(ctx) {
			f.Peers = append(f.Peers, reachOf(&r))
		}
	})
	wg.Go(func() { f.Receivers = n.targets(ctx) })
	wg.Go(func() { f.Twins = doctor.FindTwins(n.firing()) })
	f.Sources = n.sources.List()
	f.Own = doctor.OwnAddresses()
	f.Config = n.configFile()
	f.Failing = n.failing()
	n.measured(f)
	wg.Wait()
	return f
}

// failing are the integrations that nothing gets through to, by the newest rows of
// the history.
func (n *Node) failing() []doctor.Failing {
	rows, err := n.machine.History(fsm.HistoryQuery{Limit: examineRows})
	if err != nil {
		n.opts.Logger.Warn("the history of deliveries could not be looked at", "err", err)
		return nil
	}
	return doctor.FindFailing(rows, n.opts.Now())
}

// standing is the facts that need no looking around.
func (n *Node) standing() *doctor.Facts {
	s := n.cluster.Status()
	f := &doctor.Facts{
		ID: string(s.Self), Name: s.Name, Version: Version(), Time: n.opts.Now(), Started: n.opts.Started,
		State: string(s.State), Waiting: s.Waiting, Clustered: n.opts.Settings.Clustered(),
		Quorum: s.Quorum.Held, Voters: s.Quorum.Voters, Reachable: s.Quorum.Reachable,
		Applied: s.Applied, ConfigRev: revOf(n.machine.View().Config()),
	}
	if s.Storage != nil {
		f.Storage = s.Storage.Error()
	}
	if c := n.configs.running.Load(); c != nil {
		f.ConfigRev = c.Rev
	}
	for _, p := range s.Peers {
		if !p.Self {
			continue
		}
		f.Gossip, f.Raft = p.GossipAddress, p.RaftAddress
		if p.ClockKnown {
			skew := p.ClockSkew.Seconds()
			f.Clock, f.ClockCorrected = &skew, p.ClockCorrected
		}
	}
	return f
}

func reachOf(r *cluster.Reach) doctor.Reach {
	return doctor.Reach{
		ID: string(r.Peer.ID), Name: r.Peer.Name, Alive: r.Peer.Alive, Raft: r.Peer.RaftAddress, Gossip: r.Peer.GossipAddress,
		RaftTCP: doctor.Explain(r.RaftTCP), GossipTCP: doctor.Explain(r.GossipTCP), GossipUDP: doctor.Explain(r.GossipUDP),
	}
}

// targets connects to where the receivers are.
func (n *Node) targets(ctx context.Context) []doctor.Target {
	running := n.configs.running.Load()
	if running == nil {
		return nil
	}
	var out []doctor.Target
	for _, t := range running.Targets() {
		out = append(out, doctor.Target{
			Receiver: t.Receiver, Integration: t.Integration, Address: t.Address, TLS: t.TLS, Proxy: t.Proxy, Error: t.Problem,
		})
	}
	doctor.DialAll(ctx, out)
	return out
}

// firing are the alerts that fire.
func (n *Node) firing() iter.Seq[*alert.Alert] {
	now := n.cluster.Now()
	return func(yield func(*alert.Alert) bool) {
		for r := range n.alerts.All() {
			if a := r.Load(); !a.Resolved(now) && !yield(a) {
				return
			}
		}
	}
}

// configFile compares the file with what runs.
func (n *Node) configFile() doctor.File {
	f := doctor.File{Path: n.opts.Settings.ConfigFile}
	active := n.machine.View().Config()
	file, err := config.Bundle(f.Path)
	switch {
	case err != nil:
		f.Error = err.Error()
	case active != nil:
		f.Differs = file.Sum() != active.Sum()
	}
	return f
}

// The metrics that facts are read from, so that who measures them need not know
// of this.
const (
	certificateMetric = "tocsin_certificate_expiry_timestamp_seconds"
	backupMetric      = "tocsin_backup_last_success_timestamp_seconds"
	applyMetric       = "tocsin_fsm_apply_duration_seconds"
	// enoughApplied is how many batches make a hundredth worth naming.
	enoughApplied = 200
)

// measured fills in what this node's metrics say.
func (n *Node) measured(f *doctor.Facts) {
	if n.opts.Gatherer == nil {
		return
	}
	families, _ := n.opts.Gatherer.Gather() // what is there counts, even if something else is not
	for _, family := range families {
		for _, m := range family.GetMetric() {
			switch family.GetName() {
			case certificateMetric:
				if at := time.Unix(int64(m.GetGauge().GetValue()), 0); m.GetGauge().GetValue() > 0 && (f.Certificate == nil || at.Before(*f.Certificate)) {
					f.Certificate = &at
				}
			case backupMetric:
				if at := time.Unix(int64(m.GetGauge().GetValue()), 0); m.GetGauge().GetValue() > 0 {
					f.Backup = &at
				}
			case applyMetric:
				for _, b := range m.GetHistogram().GetBucket() {
					if total := m.GetHistogram().GetSampleCount(); total >= enoughApplied && float64(b.GetCumulativeCount()) <= 0.99*float64(total) {
						f.Applying = b.GetUpperBound()
					}
				}
			}
		}
	}
}
