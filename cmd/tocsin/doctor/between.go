package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"
)

// ports judges who reaches whom.
func ports(f *found, nodes []*Facts) {
	for _, n := range nodes {
		for i := range n.Peers {
			unreachable(f, n, &n.Peers[i])
		}
		if n.Clustered && len(n.Peers) > 0 {
			f.unlessSaid(CheckPorts, n.label(), fmt.Sprintf("it reaches the other %d", len(n.Peers)))
		}
	}
}

// refused is Explain's word for a port on which nobody listens.
const refused = "connection refused"

// unreachable judges the ways from a node to another.
func unreachable(f *found, n *Facts, p *Reach) {
	peer := cmp.Or(p.Name, p.ID)
	if p.Raft == "" {
		f.unknown(CheckPorts, n.label(), "it does not know where "+peer+" is", "start "+peer+", or remove it with `tocsin raft remove-peer`")
		return
	}
	var ways, open []string
	from, _, _ := net.SplitHostPort(n.Raft)
	for _, w := range []struct{ address, proto, err string }{
		{p.Raft, "tcp", p.RaftTCP}, {p.Gossip, "tcp", p.GossipTCP}, {p.Gossip, "udp", p.GossipUDP},
	} {
		if w.err == "" {
			continue
		}
		_, port, _ := net.SplitHostPort(w.address)
		ways = append(ways, fmt.Sprintf("%s/%s (%s)", w.address, w.proto, w.err))
		open = append(open, fmt.Sprintf("ufw allow proto %s from %s to any port %s", w.proto, from, port))
	}
	if len(ways) == 0 {
		return
	}
	fix := fmt.Sprintf("let it through on the machine of %s and between: `%s` (with firewalld: `firewall-cmd --permanent --add-port=PORT/PROTOCOL`)", peer, strings.Join(open, " && "))
	if p.RaftTCP == refused {
		fix = fmt.Sprintf("nothing listens there: start %s, or see with `ss -lntu` on its machine which address it listens on", peer)
	}
	f.fail(CheckPorts, n.label(), fmt.Sprintf("it does not reach %s at %s", peer, strings.Join(ways, ", ")), fix)
}

// versions judges whether all run the same.
func versions(f *found, nodes []*Facts) {
	by := func(of func(*Facts) string) map[string][]string {
		out := map[string][]string{}
		for _, n := range nodes {
			out[of(n)] = append(out[of(n)], n.label())
		}
		return out
	}
	say := func(groups map[string][]string) string {
		var out []string
		for _, v := range slices.Sorted(maps.Keys(groups)) {
			out = append(out, v+" on "+strings.Join(groups[v], " and "))
		}
		return strings.Join(out, ", ")
	}
	if len(nodes) < 2 {
		return
	}
	programs := by(func(n *Facts) string { return n.Version })
	if len(programs) > 1 {
		f.warn(CheckVersions, "", say(programs), "fine during an upgrade; afterwards bring all to the same version")
	} else {
		f.ok(CheckVersions, "", say(programs))
	}
	configs := by(func(n *Facts) string { return fmt.Sprintf("version %d", n.ConfigRev) })
	if len(configs) > 1 {
		f.fail(CheckConfig, "", say(configs), "ask again in a few seconds; if it stays so, the log of the node that is behind says why it cannot load the new one")
	} else {
		f.ok(CheckConfig, "", say(configs))
	}
}

// behindBy is how many changes a node may lack: facts are not of the same moment.
const behindBy = 1000

// lag judges whether all have the same state, about.
func lag(f *found, nodes []*Facts) {
	var newest uint64
	for _, n := range nodes {
		newest = max(newest, n.Applied)
	}
	for _, n := range nodes {
		if missing := newest - n.Applied; missing > behindBy {
			f.warn(CheckLag, n.label(), fmt.Sprintf("it lacks %d changes that another node has", missing), "if it does not catch up within a minute, see its checks of ports and disk")
		}
	}
	if len(nodes) > 1 {
		f.unlessSaidAnywhere(CheckLag, fmt.Sprintf("all have what is agreed on, up to entry %d", newest))
	}
}

// receivers judges whether messages could get to where they are to go.
func receivers(f *found, nodes []*Facts) {
	type place struct {
		address string
		proxy   bool
	}
	type outcome struct {
		users  []string
		failed map[string]string // by node
		nodes  int
	}
	places := map[place]*outcome{}
	for _, n := range nodes {
		met := map[place]bool{}
		for _, t := range n.Receivers {
			user := t.Receiver + "/" + t.Integration
			if t.Address == "" {
				f.unknown(CheckReceivers, n.label(), fmt.Sprintf("where %s sends cannot be told: %s", user, t.Error), "send a test alert: `tocsin alert add`")
				continue
			}
			p := place{t.Address, t.Proxy}
			o := places[p]
			if o == nil {
				o = &outcome{failed: map[string]string{}}
				places[p] = o
			}
			if !slices.Contains(o.users, user) {
				o.users = append(o.users, user)
			}
			if !met[p] {
				met[p] = true
				o.nodes++
			}
			if t.Error != "" {
				o.failed[n.label()] = t.Error
			}
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(places), func(a, b place) int { return cmp.Compare(a.address, b.address) }) {
		o := places[p]
		what := strings.Join(o.users, ", ")
		if p.proxy {
			what += " by a proxy"
		}
		for _, node := range slices.Sorted(maps.Keys(o.failed)) {
			finding := fmt.Sprintf("it does not reach %s (%s): %s", p.address, what, o.failed[node])
			if len(o.failed) < o.nodes {
				f.fail(CheckReceivers, node, finding, "other nodes reach it: compare this machine's firewall, routes, DNS (/etc/resolv.conf) and proxy with theirs")
			} else {
				f.fail(CheckReceivers, node, finding, "no node reaches it: is the address right, does it run, is the way out open?")
			}
		}
	}
	for _, n := range nodes {
		if len(n.Receivers) > 0 {
			f.unlessSaid(CheckReceivers, n.label(), "it reaches all addresses of the receivers")
		}
	}
}

const (
	// enoughPosts is how often a source must have posted before its silence
	// elsewhere means something: a load balancer spreads as many.
	enoughPosts = 20
	// sourceSilent is after which time a source counts as gone.
	sourceSilent = 5 * time.Minute
)

// sources judges whether those who post reach all nodes. What they tell one node
// is told on, so this costs nothing until that node fails.
func sources(f *found, nodes []*Facts) {
	if len(nodes) < 2 {
		return
	}
	told := false
	for name, by := range heardBy(nodes) {
		if by.posts < enoughPosts {
			continue
		}
		told = true
		var missed []string
		for _, n := range nodes {
			at, known := by.at[n.ID]
			// A node that was started a moment ago has had no chance.
			if n.Time.Sub(n.Started) < sourceSilent && !known || known && by.last.Sub(at.Last) < sourceSilent {
				continue
			}
			missed = append(missed, n.label())
		}
		if len(missed) > 0 {
			slices.Sort(missed)
			f.warn(CheckSources, "", fmt.Sprintf("%s posts its alerts to some nodes, and not to %s", name, strings.Join(missed, ", ")),
				"list every node under alerting.alertmanagers of that Prometheus, and let it through to port 9093; while only one node is told, that node must not fail")
		}
	}
	switch {
	case told:
		f.unlessSaid(CheckSources, "", "all that post reach all nodes")
	default:
		f.unknown(CheckSources, "", "nobody has posted often enough to tell", fmt.Sprintf("ask again when the sources have posted %d times, about as many minutes", enoughPosts))
	}
}

// heard is where a source was heard.
type heard struct {
	posts uint64
	last  time.Time
	at    map[string]Source // by node ID
}

func heardBy(nodes []*Facts) map[string]*heard {
	out := map[string]*heard{}
	for _, n := range nodes {
		for _, s := range n.Sources {
			if n.Time.Sub(s.Last) > sourceSilent*2 {
				continue // gone everywhere, or here
			}
			h := out[s.Name]
			if h == nil {
				h = &heard{at: map[string]Source{}}
				out[s.Name] = h
			}
			h.posts += s.Posts
			h.at[n.ID] = s
			if s.Last.After(h.last) {
				h.last = s.Last
			}
		}
	}
	return out
}

// replicas judges labels that tell replicas of a Prometheus apart.
func replicas(f *found, nodes []*Facts) {
	worst := map[string]Twin{}
	for _, n := range nodes {
		for _, t := range n.Twins {
			if t.Alerts > worst[t.Label].Alerts {
				worst[t.Label] = t
			}
		}
	}
	for _, label := range slices.Sorted(maps.Keys(worst)) {
		t := worst[label]
		f.warn(CheckReplicas, "", fmt.Sprintf("%d alerts are there more than once because the label %s differs (%s), such as %s: people are told twice", t.Alerts, label, strings.Join(t.Values, ", "), t.Example),
			fmt.Sprintf("drop it in every Prometheus: alerting: { alert_relabel_configs: [{ action: labeldrop, regex: %s }] }", label))
	}
	if len(nodes) > 0 {
		f.unlessSaid(CheckReplicas, "", "no alert is there twice because of a replica's label")
	}
}
