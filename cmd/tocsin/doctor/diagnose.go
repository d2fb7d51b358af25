package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// The names of the checks.
const (
	CheckNode        = "node answers"
	CheckMember      = "member of the cluster"
	CheckQuorum      = "quorum"
	CheckStorage     = "storage"
	CheckPorts       = "ports between nodes"
	CheckAddress     = "address told to the others"
	CheckClock       = "clock"
	CheckVersions    = "same program"
	CheckConfig      = "same configuration"
	CheckLag         = "same state"
	CheckFile        = "configuration file"
	CheckReceivers   = "receivers"
	CheckDeliveries  = "deliveries"
	CheckSources     = "sources"
	CheckReplicas    = "replica labels"
	CheckDisk        = "disk space"
	CheckSync        = "disk speed"
	CheckModes       = "permissions"
	CheckFiles       = "open files"
	CheckCertificate = "certificates"
	CheckBackup      = "backup"
)

// Answer is one node's facts, or why there are none.
type Answer struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	// Facts is nil where Error says why.
	Facts *Facts `json:"facts,omitempty"`
	Error string `json:"error,omitempty"`
}

// Diagnose judges what is known of the nodes of one cluster.
func Diagnose(answers []Answer) []Check {
	var f found
	var nodes []*Facts
	for i := range answers {
		a := &answers[i]
		if a.Facts == nil {
			f.fail(CheckNode, nameOf(a), "it gave no facts: "+a.Error, "on that machine: `systemctl status tocsin`, `journalctl -u tocsin -n 50`, then `tocsin doctor` there")
			continue
		}
		nodes = append(nodes, a.Facts)
		f.ok(CheckNode, a.Facts.label(), "it answers")
	}
	for _, n := range nodes {
		standing(&f, n)
		address(&f, n, nodes)
		clocks(&f, n)
		file(&f, n)
		aging(&f, n)
		machine(&f, n.label(), &n.Machine)
		applying(&f, n)
	}
	ports(&f, nodes)
	versions(&f, nodes)
	lag(&f, nodes)
	receivers(&f, nodes)
	deliveries(&f, nodes)
	sources(&f, nodes)
	replicas(&f, nodes)
	return f
}

func nameOf(a *Answer) string {
	if a.Name != "" {
		return a.Name
	}
	return a.ID
}

// standing judges a node's part in the cluster.
func standing(f *found, n *Facts) {
	me := n.label()
	switch {
	case n.Waiting != "":
		f.fail(CheckMember, me, "it waits to become a member: "+n.Waiting, "see that --cluster.peer names the others and that the ports between the nodes are open")
	case n.State == "removed":
		f.fail(CheckMember, me, "it was removed from the cluster", "stop it, or to take it back: move its data folder away and start it again")
	default:
		f.ok(CheckMember, me, n.State)
	}
	switch spare := n.Reachable - (n.Voters/2 + 1); {
	case n.Waiting != "":
	case !n.Quorum:
		f.fail(CheckQuorum, me, fmt.Sprintf("it sees %d of %d voters and no leader: silences and configuration cannot be changed, pages are late and may come twice", n.Reachable, n.Voters),
			"start the nodes that are down; where they run, see the check of ports")
	case n.Voters > 1 && spare < 1:
		f.warn(CheckQuorum, me, fmt.Sprintf("it sees %d of %d voters: one more lost, and there is no quorum", n.Reachable, n.Voters),
			"start the nodes that are down; a cluster of two needs a third to be able to lose one")
	default:
		f.ok(CheckQuorum, me, fmt.Sprintf("it sees %d of %d voters", n.Reachable, n.Voters))
	}
	if n.Storage != "" {
		f.fail(CheckStorage, me, "its data folder is out of use: "+n.Storage, "free or replace the disk of "+n.Machine.Folder+"; the node comes back by itself")
	}
}

// address judges what a node has the others call.
func address(f *found, n *Facts, all []*Facts) {
	if !n.Clustered {
		return
	}
	me := n.label()
	for _, a := range []struct{ flag, address string }{{"--cluster.advertise-address", n.Gossip}, {"--raft.advertise-address", n.Raft}} {
		ip, err := netip.ParseAddrPort(a.address)
		if err != nil {
			continue // a name: the check of ports says whether it works
		}
		why := ""
		switch host := ip.Addr(); {
		case host.IsUnspecified():
			why = "which is no machine's"
		case host.IsLoopback() && !allLocal(all):
			why = "which is each machine's own"
		case host.IsLinkLocalUnicast():
			why = "which does not leave its network link"
		case host.IsMulticast():
			why = "which is a group's"
		}
		if why != "" {
			f.fail(CheckAddress, me, fmt.Sprintf("it tells the others to call %s, %s", a.address, why),
				fmt.Sprintf("start it with %s=IP:PORT, an address of this machine that the others reach (it has %s)", a.flag, strings.Join(useful(n.Own), ", ")))
			continue
		}
		if !slices.Contains(n.Own, ip.Addr().String()) && unreached(n, all) {
			f.fail(CheckAddress, me, fmt.Sprintf("it tells the others to call %s, which is not an address of its machine, and they do not reach it there", a.address),
				fmt.Sprintf("start it with %s=IP:PORT (its machine has %s)", a.flag, strings.Join(useful(n.Own), ", ")))
		}
	}
	f.unlessSaid(CheckAddress, me, n.Gossip+", "+n.Raft)
}

// allLocal reports whether the whole cluster is on one machine, by its addresses.
func allLocal(all []*Facts) bool {
	for _, n := range all {
		for _, p := range n.Peers {
			if ip, err := netip.ParseAddrPort(p.Gossip); err != nil || !ip.Addr().IsLoopback() {
				return false
			}
		}
		if ip, err := netip.ParseAddrPort(n.Gossip); err != nil || !ip.Addr().IsLoopback() {
			return false
		}
	}
	return true
}

// useful are addresses that others may reach.
func useful(own []string) []string {
	var out []string
	for _, s := range own {
		if ip, err := netip.ParseAddr(s); err == nil && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return []string{"none but loopback"}
	}
	return out
}

// unreached reports whether no other node reaches n.
func unreached(n *Facts, all []*Facts) bool {
	asked := false
	for _, other := range all {
		for _, p := range other.Peers {
			if p.ID != n.ID {
				continue
			}
			if p.RaftTCP == "" {
				return false
			}
			asked = true
		}
	}
	return asked
}

// clockOff is from where on a clock is wrong, clockBad from where on badly.
const (
	clockOff = time.Second
	clockBad = 5 * time.Second
)

func clocks(f *found, n *Facts) {
	me := n.label()
	if n.Clock == nil {
		if n.Voters > 1 {
			f.unknown(CheckClock, me, "its clock was not compared with the others' yet", "ask again in a minute; it takes two other nodes to say which clock is right")
		}
		return
	}
	off := time.Duration(*n.Clock * float64(time.Second))
	text := fmt.Sprintf("%v ahead of most nodes' clocks", off.Round(time.Millisecond))
	switch {
	case off.Abs() < 10*time.Millisecond:
		text = "it agrees with most nodes' clocks"
	case off < 0:
		text = fmt.Sprintf("%v behind most nodes' clocks", -off.Round(time.Millisecond))
	}
	const fix = "set it and see why it is not kept right: `timedatectl`, `chronyc tracking`"
	switch {
	case n.ClockCorrected:
		f.fail(CheckClock, me, text+"; the node goes by theirs meanwhile", fix)
	case off.Abs() > clockBad:
		f.fail(CheckClock, me, text, fix)
	case off.Abs() > clockOff:
		f.warn(CheckClock, me, text, fix)
	default:
		f.ok(CheckClock, me, text)
	}
}

func file(f *found, n *Facts) {
	me, c := n.label(), &n.Config
	switch {
	case c.Path == "":
	case c.Error != "":
		f.warn(CheckFile, me, c.Path+" cannot be read: "+c.Error, "it changes nothing as long as the cluster has a configuration; `tocsin config show` prints what runs, to put there")
	case c.Differs:
		f.warn(CheckFile, me, c.Path+" is not what the cluster runs", "`tocsin config apply "+c.Path+"` proposes the file; `tocsin config show` prints what runs, to put there")
	default:
		f.ok(CheckFile, me, c.Path+" is what the cluster runs")
	}
}

// What is too old, or ends too soon.
const (
	backupOld       = 48 * time.Hour
	certificateSoon = 7 * 24 * time.Hour
)

// aging judges certificates and backups, where there are any.
func aging(f *found, n *Facts) {
	me := n.label()
	if n.Certificate != nil {
		left := n.Certificate.Sub(n.Time)
		switch text := "the first of its certificates ends " + n.Certificate.UTC().Format("2006-01-02 15:04 MST"); {
		case left <= 0:
			f.fail(CheckCertificate, me, text, "the others refuse it: see its log, and `tocsin help security-nodes`")
		case left < certificateSoon:
			f.warn(CheckCertificate, me, text, "nodes renew theirs by themselves: see its log for what keeps this one from it")
		default:
			f.ok(CheckCertificate, me, text)
		}
	}
	if n.Backup != nil {
		age := n.Time.Sub(*n.Backup).Round(time.Minute)
		if age > backupOld {
			f.warn(CheckBackup, me, fmt.Sprintf("the last backup that succeeded is %v old", age), "see its log for why there is none since; `tocsin snapshot save FILE` makes one now")
		} else {
			f.ok(CheckBackup, me, fmt.Sprintf("%v old", age))
		}
	}
}
