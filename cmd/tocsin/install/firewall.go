package install

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// rule lets packets to a port in.
type rule struct {
	port     string
	protocol string
	// from is the only source; the zero value is any.
	from netip.Addr
}

// rules let everybody speak to the API, and the other nodes to this one.
func rules(others []netip.Addr) []rule {
	out := []rule{{port: "9093", protocol: "tcp"}}
	for _, ip := range others {
		out = append(out,
			rule{"9094", "tcp", ip}, rule{"9094", "udp", ip}, rule{"9095", "tcp", ip})
	}
	return out
}

// firewallStep brings rules of a firewall about.
type firewallStep struct {
	firewall Firewall
	others   []netip.Addr
}

func (s firewallStep) String() string {
	text := string(s.firewall) + " lets in 9093/tcp"
	for i, ip := range s.others {
		text += []string{", and 9094/tcp, 9094/udp, 9095/tcp from ", ", "}[min(i, 1)] + ip.String()
	}
	return text
}

// Done implements Step.
func (s firewallStep) Done(ctx context.Context, m *Machine) (bool, error) {
	missing, err := s.find(ctx, m, false)
	return len(missing) == 0, err
}

// Do implements Step.
func (s firewallStep) Do(ctx context.Context, m *Machine) (func(context.Context) error, error) {
	missing, err := s.find(ctx, m, false)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return s.change(ctx, m, missing, false) }, s.change(ctx, m, missing, true)
}

// find gives the rules that are there, or those that are missing.
func (s firewallStep) find(ctx context.Context, m *Machine, there bool) ([]rule, error) {
	var known []string
	var word func(rule) string
	switch s.firewall {
	case UFW:
		out, err := m.run(ctx, "ufw", "show", "added")
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(out) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " comment ")
			known = append(known, line)
		}
		word = func(r rule) string { return "ufw " + strings.Join(r.ufw(), " ") }
	case Firewalld:
		rich, err := m.run(ctx, "firewall-cmd", "--permanent", "--list-rich-rules")
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(rich) {
			known = append(known, strings.TrimSpace(line))
		}
		word = rule.firewalld
	default:
		return nil, fmt.Errorf("BUG: firewall %q", s.firewall)
	}
	var out []rule
	for _, r := range rules(s.others) {
		if slices.Contains(known, word(r)) == there {
			out = append(out, r)
		}
	}
	return out, nil
}

// change adds rules, or removes them.
func (s firewallStep) change(ctx context.Context, m *Machine, rules []rule, add bool) error {
	if s.firewall == UFW {
		for _, r := range rules {
			args := append([]string{"delete"}, r.ufw()...)
			if add {
				args = append(r.ufw(), "comment", Account)
			}
			if _, err := m.run(ctx, "ufw", args...); err != nil {
				return err
			}
		}
		return nil
	}
	verb := "--remove-rich-rule="
	if add {
		verb = "--add-rich-rule="
	}
	var args []string
	for _, r := range rules {
		args = append(args, verb+r.firewalld())
	}
	// What is kept, and what is in force.
	_, kept := m.run(ctx, "firewall-cmd", append([]string{"--permanent"}, args...)...)
	_, now := m.run(ctx, "firewall-cmd", args...)
	return errors.Join(kept, now)
}

// ufw are the words of the rule for ufw; it lists them so, too.
func (r rule) ufw() []string {
	if !r.from.IsValid() {
		return []string{"allow", r.port + "/" + r.protocol}
	}
	return []string{"allow", "from", r.from.String(), "to", "any", "port", r.port, "proto", r.protocol}
}

// firewalld is the rule in firewalld's rich language; it lists it so, too. One
// command takes several rules only if they are of one kind.
func (r rule) firewalld() string {
	if !r.from.IsValid() {
		return fmt.Sprintf("rule port port=%q protocol=%q accept", r.port, r.protocol)
	}
	family := "ipv6"
	if r.from.Is4() {
		family = "ipv4"
	}
	return fmt.Sprintf("rule family=%q source address=%q port port=%q protocol=%q accept", family, r.from, r.port, r.protocol)
}

// noFirewallStep takes the rules away.
type noFirewallStep struct{ of firewallStep }

func (s noFirewallStep) String() string { return "no longer: " + s.of.String() }

// Done implements Step.
func (s noFirewallStep) Done(ctx context.Context, m *Machine) (bool, error) {
	there, err := s.of.find(ctx, m, true)
	return len(there) == 0, err
}

// Do implements Step.
func (s noFirewallStep) Do(ctx context.Context, m *Machine) (func(context.Context) error, error) {
	there, err := s.of.find(ctx, m, true)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return s.of.change(ctx, m, there, true) }, s.of.change(ctx, m, there, false)
}
