package install

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Plan is what an installation consists of.
type Plan struct {
	Steps []Step
	// Notes are what the operator should know.
	Notes []string
}

// Make plans an installation. It looks at nothing but its arguments, which Check
// and Look have made.
func Make(o Options, f Facts, binary []byte, docs []Doc) Plan {
	p := Plan{}
	files := Files(f.Layout, binary, docs)
	if f.Layout.Packaged {
		files = slices.DeleteFunc(files, func(x File) bool { return !x.Theirs })
	}
	env := f.Env
	if len(o.Peers) > 0 {
		flags, notes := flagsFor(o, f)
		env = setCluster(env, flags)
		p.Notes = append(p.Notes, notes...)
	}
	for i := range files {
		if files[i].Path == EnvFile {
			files[i].Text, files[i].Theirs = []byte(env), false
		}
	}
	p.addFiles(files, f, o)
	if f.Firewall != NoFirewall && !o.NoFirewall {
		p.addFirewall(env, f)
	}
	if f.Mute && !f.Data {
		p.Notes = append(p.Notes, "nobody is told anything yet: name a receiver in "+ConfigFile+
			", the same on all machines; where the node runs already, `systemctl reload tocsin` on one of them then")
	}
	switch {
	case o.NoStart:
	case f.Live:
		p.Steps = append(p.Steps, enableStep{}, runStep{files: []string{f.Layout.Binary, f.Layout.UnitPath(), EnvFile, TokenFile}})
	default:
		p.Notes = append(p.Notes, "systemd does not run here: start the node yourself, with the command in "+f.Layout.UnitPath())
	}
	return p
}

// addFiles has the account before what belongs to it, and after its
// description.
func (p *Plan) addFiles(files []File, f Facts, o Options) {
	for _, x := range files {
		if x.Path == f.Layout.SysusersPath() {
			p.Steps = append(p.Steps, fileStep{x})
		}
	}
	p.Steps = append(p.Steps, accountStep{sysusers: f.Layout.SysusersPath()})
	docs := bundle{text: "manual pages and shell completion below " + f.Layout.share}
	for _, x := range files {
		switch {
		case x.doc:
			docs.steps = append(docs.steps, fileStep{x})
		case x.Path != f.Layout.SysusersPath():
			p.Steps = append(p.Steps, fileStep{x})
		}
	}
	if len(docs.steps) > 0 {
		p.Steps = append(p.Steps, docs)
	}
	if o.Token != "" {
		p.Steps = append(p.Steps, fileStep{File{
			Path: TokenFile, What: "join token", Mode: 0o640, Group: Account, Text: []byte(o.Token),
		}})
	}
}

// flagsFor are the flags of the node, the same on all of them but for the
// address that is told to the others.
func flagsFor(o Options, f Facts) (flags, notes []string) {
	if o.BootstrapExpect > 0 {
		flags = append(flags, "--raft.bootstrap-expect="+strconv.Itoa(o.BootstrapExpect))
	}
	for _, p := range o.Peers {
		flags = append(flags, "--cluster.peer="+p)
	}
	advertise := o.Advertise
	if advertise == "" && len(f.Addresses) > 0 {
		advertise, notes = advertised(o, f)
	}
	if advertise != "" {
		flags = append(flags, "--cluster.advertise-address="+advertise)
	}
	if o.Token != "" || slices.Contains(clusterFlags(f.Env), tokenFlag) {
		flags = append(flags, tokenFlag)
	}
	if f.Data && len(peersOf(clusterFlags(f.Env))) == 0 {
		notes = append(notes, fmt.Sprintf("%s holds data already: this node stays in the cluster that it is in. "+
			"To have it join another one, stop it, move the folder away, and run this again", DataDir))
	}
	return flags, notes
}

const tokenFlag = "--cluster.join-token-file=" + TokenFile

// advertised is the peer that is this machine, and so what the others know it
// by.
func advertised(o Options, f Facts) (address string, notes []string) {
	var unknown []string
	for _, p := range o.Peers {
		host, port, err := net.SplitHostPort(p)
		if err != nil {
			panic("BUG: Check has passed the peer " + p)
		}
		ips := f.Resolved[host]
		if len(ips) == 0 {
			unknown = append(unknown, host)
		}
		for _, ip := range ips {
			if slices.Contains(f.Addresses, ip) && !ip.IsLoopback() {
				return net.JoinHostPort(ip.String(), port), nil
			}
		}
	}
	if len(unknown) > 0 {
		notes = append(notes, "these names are not known here (yet): "+strings.Join(unknown, ", "))
	}
	return "", append(notes, "none of --peers is an address of this machine: the others are told the address that is found when the node starts; "+
		"if that is the wrong one, give --advertise IP")
}

// others are the addresses of the peers that are not this machine.
func others(peers []string, f Facts) (ips []netip.Addr, unknown []string) {
	for _, host := range hosts(peers) {
		found := f.Resolved[host]
		if len(found) == 0 {
			unknown = append(unknown, host)
		}
		for _, ip := range found {
			if !slices.Contains(f.Addresses, ip) && !ip.IsLoopback() && !slices.Contains(ips, ip) {
				ips = append(ips, ip)
			}
		}
	}
	return ips, unknown
}

// addFirewall opens the API to all, and the ports between nodes to the nodes.
func (p *Plan) addFirewall(env string, f Facts) {
	ips, unknown := others(peersOf(clusterFlags(env)), f)
	p.Steps = append(p.Steps, firewallStep{f.Firewall, ips})
	if len(unknown) > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%s is not told of %s, whose address is not known: allow 9094/tcp, 9094/udp and 9095/tcp from there, or run this again",
			f.Firewall, strings.Join(unknown, ", ")))
	}
}
