package cluster

import (
	"fmt"
	"time"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the node's. Those of gossip are gossip's own.
type metrics struct {
	outcomes        *prometheus.CounterVec
	expired         prometheus.Counter
	lookups         prometheus.Counter
	overlaysMerged  prometheus.Counter
	overlaysDropped prometheus.Counter
	all             []prometheus.Collector
}

func newMetrics(n *Node) *metrics {
	m := &metrics{}
	m.outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tocsin_raft_proposals_total", Help: "Attempts to change the replicated state, by what became of them.",
	}, []string{"outcome"})
	for o := applied; o <= hopeless; o++ {
		m.outcomes.WithLabelValues(o.String())
	}
	m.all = append(m.all, m.outcomes)
	m.expired = m.counter("tocsin_claims_expired_total", "Claims that this node, as leader, ended because their holder was not heard of.")
	m.lookups = m.counter("alertmanager_nflog_queries_total", "Number of notification log queries were received.")
	m.counter("alertmanager_nflog_query_errors_total", "Number notification log received queries that failed: none can, the log is in memory.")
	m.overlaysMerged = m.counter("tocsin_overlays_merged_total", "Messages sent without a quorum that this node brought into the ledger.")
	m.overlaysDropped = m.counter("tocsin_overlays_dropped_total", "Overlays of other nodes that were too many to keep, or own ones too many to send.")
	m.gauges(n)
	m.all = append(m.all, newLagMetrics(n), newClockMetrics(n.clock), newTrustMetrics(n))
	return m
}

func (m *metrics) gauges(n *Node) {
	m.gauge("alertmanager_cluster_enabled", "1 if clustering is on.", func() float64 { return flag(n.opts.GossipBind != "") })
	m.gauge("tocsin_raft_leader", "1 if this node leads.", func() float64 { return flag(n.lead.Load() != nil) })
	m.gauge("tocsin_raft_quorum", "1 if a leader is within reach.", func() float64 { return flag(n.quorum.isHeld()) })
	m.gauge("tocsin_raft_voters", "Voters of the cluster.", func() float64 { _, v := n.countVoters(); return float64(v) })
	m.gauge("tocsin_raft_voters_reachable", "Voters that gossip sees.", func() float64 { r, _ := n.countVoters(); return float64(r) })
	m.gauge("tocsin_raft_storage_failed", "1 if this node's disk failed or hangs.", func() float64 {
		_, err := n.storage.get()
		return flag(err != nil)
	})
	m.gauge("tocsin_raft_applied_index", "Log index that this node's state has.", func() float64 {
		return float64(n.opts.Machine.View().Index())
	})
	m.ofRaft(n, "tocsin_raft_term", "Term of Raft.", func(r *raft.Raft) float64 { return float64(r.CurrentTerm()) })
	m.ofRaft(n, "tocsin_raft_commit_index", "Log index that is committed.", func(r *raft.Raft) float64 { return float64(r.CommitIndex()) })
	m.ofRaft(n, "tocsin_raft_last_index", "Log index of the newest entry.", func(r *raft.Raft) float64 { return float64(r.LastIndex()) })
	m.ofRaft(n, "tocsin_raft_last_contact_seconds", "Time since this node heard from its leader; 0 on the leader.", func(r *raft.Raft) float64 {
		if r.State() == raft.Leader || r.LastContact().IsZero() {
			return 0
		}
		return time.Since(r.LastContact()).Seconds()
	})
	m.gauge("tocsin_claims_live", "Claims that live.", func() float64 { return float64(n.opts.Machine.View().ClaimCount()) })
	m.gauge("tocsin_overlays_pending", "Own messages sent without a quorum that are not in the ledger yet.", func() float64 {
		own, _ := n.overlays.pending()
		return float64(own)
	})
	for name, l := range map[string]*lane{"raft": n.toRaft, "leader": n.toLeader} {
		m.lane(name, l)
	}
}

func (m *metrics) lane(to string, l *lane) {
	labels := prometheus.Labels{"to": to}
	m.all = append(m.all,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "tocsin_raft_proposals_queued", Help: "Proposals that wait to be sent.", ConstLabels: labels,
		}, func() float64 { waiting, _ := l.depth(); return float64(waiting) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "tocsin_raft_proposals_dropped_total", Help: "Proposals turned away because too many waited.", ConstLabels: labels,
		}, func() float64 { _, dropped := l.depth(); return float64(dropped) }),
	)
}

func (m *metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.all = append(m.all, c)
	return c
}

func (m *metrics) gauge(name, help string, f func() float64) {
	m.all = append(m.all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
}

// ofRaft is a gauge that is 0 while Raft is down here.
func (m *metrics) ofRaft(n *Node, name, help string, f func(*raft.Raft) float64) {
	m.gauge(name, help, func() float64 {
		if e := n.engine.Load(); e != nil {
			return f(e.raft)
		}
		return 0
	})
}

func (m *metrics) outcome(o outcome) { m.outcomes.WithLabelValues(o.String()).Inc() }

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for _, c := range m.all {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register cluster metrics: %w", err)
		}
	}
	return nil
}

func (m *metrics) unregister(r prometheus.Registerer) {
	if r == nil {
		return
	}
	for _, c := range m.all {
		r.Unregister(c)
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
