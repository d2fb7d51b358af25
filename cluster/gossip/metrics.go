package gossip

import (
	"cmp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/fsm/model"
)

// The names are Alertmanager's, and mean what they mean there.
type metrics struct {
	joined, left, updated, conflicts prometheus.Counter
	pruned, eventsDropped            prometheus.Counter
	reconnects, reconnectsFailed     prometheus.Counter
	refreshes, refreshesFailed       prometheus.Counter
	messages                         map[string]*prometheus.CounterVec
	pings                            *prometheus.HistogramVec
	alive                            *prometheus.CounterVec
	all                              []prometheus.Collector
}

// The two kinds of message, as Alertmanager labels them.
const (
	typeFull   = "full_state"
	typeUpdate = "update"
)

func newMetrics(g *Gossip) *metrics {
	m := &metrics{messages: make(map[string]*prometheus.CounterVec)}
	m.joined = m.counter("alertmanager_cluster_peers_joined_total", "Nodes that gossip has seen appear.")
	m.left = m.counter("alertmanager_cluster_peers_left_total", "Nodes that gossip has seen die or leave.")
	m.updated = m.counter("alertmanager_cluster_peers_update_total", "Changes that nodes told of themselves.")
	m.conflicts = m.counter("alertmanager_cluster_peer_name_conflicts_total", "Times that two nodes had the same ID.")
	m.pruned = m.counter("alertmanager_cluster_messages_pruned_total", "Messages dropped because too many waited to be spread.")
	m.eventsDropped = m.counter("tocsin_gossip_events_dropped_total", "Membership events that nobody took in time.")
	m.reconnects = m.counter("alertmanager_cluster_reconnections_total", "Lost nodes that were reached again.")
	m.reconnectsFailed = m.counter("alertmanager_cluster_reconnections_failed_total", "Lost nodes that were not reached.")
	m.refreshes = m.counter("alertmanager_cluster_refresh_join_total", "Initial peers that were joined.")
	m.refreshesFailed = m.counter("alertmanager_cluster_refresh_join_failed_total", "Initial peers that were not reached.")
	for _, name := range []string{"received", "received_size", "sent", "sent_size"} {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alertmanager_cluster_messages_" + name + "_total",
			Help: "Gossip messages or their bytes, by kind.",
		}, []string{"msg_type"})
		v.WithLabelValues(typeFull)
		v.WithLabelValues(typeUpdate)
		m.messages[name] = v
		m.all = append(m.all, v)
	}
	m.pings = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "alertmanager_cluster_pings_seconds",
		Help:    "Round trips of gossip's pings.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5},
	}, []string{"peer"})
	m.alive = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "alertmanager_cluster_alive_messages_total",
		Help: "Signs of life of nodes of this cluster.",
	}, []string{"peer"})
	m.all = append(m.all, m.pings, m.alive)
	m.gauge("alertmanager_cluster_members", "Nodes that gossip sees, this one included.", func() float64 { return float64(g.count(true)) })
	m.gauge("alertmanager_cluster_failed_peers", "Nodes that gossip has lost.", func() float64 { return float64(g.count(false)) })
	m.gauge("alertmanager_cluster_health_score", "Health of gossip on this node; 0 is best.", func() float64 { return float64(g.HealthScore()) })
	m.gauge("alertmanager_cluster_messages_queued", "Messages that wait to be spread.", func() float64 { return float64(g.queue.len()) })
	m.gauge("alertmanager_peer_position", "Place of this node among those that gossip sees, by name.", func() float64 { return float64(g.position()) })
	m.all = append(m.all, &peerInfo{g})
	return m
}

func (m *metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.all = append(m.all, c)
	return c
}

func (m *metrics) gauge(name, help string, f func() float64) {
	m.all = append(m.all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for _, c := range m.all {
		if err := r.Register(c); err != nil {
			return err
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

func (m *metrics) received(kind string, n int) { m.count("received", kind, n) }

func (m *metrics) sent(kind string, n int) { m.count("sent", kind, n) }

func (m *metrics) count(what, kind string, n int) {
	m.messages[what].WithLabelValues(kind).Inc()
	m.messages[what+"_size"].WithLabelValues(kind).Add(float64(n))
}

// forget drops the series of a node.
func (m *metrics) forget(peer string) {
	m.pings.DeleteLabelValues(peer)
	m.alive.DeleteLabelValues(peer)
}

func (m *metrics) joinTried(reconnect bool, err error) {
	switch {
	case reconnect && err == nil:
		m.reconnects.Inc()
	case reconnect:
		m.reconnectsFailed.Inc()
	case err == nil:
		m.refreshes.Inc()
	default:
		m.refreshesFailed.Inc()
	}
}

// position is Alertmanager's: the place among the living by name.
func (g *Gossip) position() int {
	type named struct {
		name string
		id   model.NodeID
	}
	var alive []named
	var self named
	for _, m := range g.Members() {
		if m.Alive {
			alive = append(alive, named{m.Name, m.ID})
		}
		if m.Self {
			self = named{m.Name, m.ID}
		}
	}
	slices.SortFunc(alive, func(a, b named) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id)) })
	return max(0, slices.Index(alive, self))
}

// peerInfo is one series a living node.
type peerInfo struct{ g *Gossip }

func (p *peerInfo) desc() *prometheus.Desc {
	return prometheus.NewDesc("alertmanager_cluster_peer_info", "A node that gossip sees.", []string{"peer"}, nil)
}

// Describe tells of the series.
func (p *peerInfo) Describe(ch chan<- *prometheus.Desc) { ch <- p.desc() }

// Collect gives one series a living node, by name, or by ID where two nodes
// have the same name.
func (p *peerInfo) Collect(ch chan<- prometheus.Metric) {
	used := make(map[string]bool)
	for _, m := range p.g.Members() {
		if !m.Alive {
			continue
		}
		name := cmp.Or(m.Name, string(m.ID))
		if used[name] {
			name = string(m.ID)
		}
		used[name] = true
		ch <- prometheus.MustNewConstMetric(p.desc(), prometheus.GaugeValue, 1, name)
	}
}
