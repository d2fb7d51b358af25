package install

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

// resolveTime bounds looking up the peers' names, all together.
const resolveTime = 5 * time.Second

// Firewall is the program that decides what comes in.
type Firewall string

// The firewalls that are known.
const (
	NoFirewall Firewall = ""
	UFW        Firewall = "ufw"
	Firewalld  Firewall = "firewalld"
)

// Facts are what a machine is like before anything is done.
type Facts struct {
	Layout Layout
	// Env is the text of the file of flags; ours if there is none.
	Env string
	// Mute: the first configuration is ours, which tells nobody.
	Mute bool
	// Data: the data folder holds something.
	Data bool
	// Live: systemd runs here, so the service can be started.
	Live     bool
	Firewall Firewall
	// Addresses are this machine's; Resolved are those of the peers by their
	// host. A name that is not known is missing.
	Addresses []netip.Addr
	Resolved  map[string][]netip.Addr
}

// Look finds the facts. Program is the path of the running binary.
func Look(ctx context.Context, m *Machine, o *Options, program string) (Facts, error) {
	f := Facts{Layout: Local(), Env: envText}
	if _, err := os.Stat(m.at(Packaged().UnitPath())); err == nil {
		f.Layout = Packaged()
		if program != m.at(f.Layout.Binary) {
			return f, errors.New("Tocsin is installed as a package here: upgrade that, and use its " + f.Layout.Binary)
		}
	}
	text, err := os.ReadFile(m.at(EnvFile))
	switch {
	case err == nil:
		f.Env = string(text)
	case !errors.Is(err, fs.ErrNotExist):
		return f, err
	}
	config, err := os.ReadFile(m.at(ConfigFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	f.Mute = err != nil || string(config) == configText
	entries, err := os.ReadDir(m.at(DataDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	f.Data = len(entries) > 0
	if m.Root != "" {
		return f, nil // the rest is this machine's
	}
	_, err = os.Stat("/run/systemd/system")
	f.Live = err == nil
	f.Firewall = findFirewall(ctx, m)
	f.Addresses = ownAddresses()
	f.Resolved = resolve(ctx, append(hosts(o.Peers), hosts(peersOf(clusterFlags(f.Env)))...))
	return f, nil
}

func findFirewall(ctx context.Context, m *Machine) Firewall {
	if out, err := m.run(ctx, "ufw", "status"); err == nil && strings.Contains(out, "Status: active") {
		return UFW
	}
	if out, err := m.run(ctx, "firewall-cmd", "--state"); err == nil && strings.Contains(out, "running") {
		return Firewalld
	}
	return NoFirewall
}

func ownAddresses() []netip.Addr {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil // then --advertise has to be given
	}
	var out []netip.Addr
	for _, a := range interfaces {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out
}

// hosts are the hosts of addresses that Check has seen.
func hosts(addresses []string) []string {
	var out []string
	for _, a := range addresses {
		if host, _, err := net.SplitHostPort(a); err == nil {
			out = append(out, host)
		}
	}
	return out
}

func resolve(ctx context.Context, names []string) map[string][]netip.Addr {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	out := map[string][]netip.Addr{}
	for _, name := range names {
		if _, known := out[name]; known {
			continue
		}
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		if err != nil {
			continue // said by whoever needs it
		}
		for _, ip := range ips {
			out[name] = append(out[name], ip.Unmap())
		}
	}
	return out
}
