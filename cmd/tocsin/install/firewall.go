package install

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// rule lets packets to one port in.
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

// ruleStep brings a rule of a firewall about.
type ruleStep struct {
	firewall Firewall
	rule
}

func (s ruleStep) String() string {
	from := "anybody"
	if s.from.IsValid() {
		from = s.from.String()
	}
	return fmt.Sprintf("%s: %s/%s from %s", s.firewall, s.port, s.protocol, from)
}

// ufw are the words of the rule for ufw; as it lists them, too.
func (r rule) ufw() []string {
	if !r.from.IsValid() {
		return []string{"allow", r.port + "/" + r.protocol}
	}
	return []string{"allow", "from", r.from.String(), "to", "any", "port", r.port, "proto", r.protocol}
}

// firewalld is what stands behind --add-, --query- and --remove-.
func (r rule) firewalld() string {
	if !r.from.IsValid() {
		return fmt.Sprintf("port=%s/%s", r.port, r.protocol)
	}
	family := "ipv6"
	if r.from.Is4() {
		family = "ipv4"
	}
	return fmt.Sprintf("rich-rule=rule family=%q source address=%q port port=%q protocol=%q accept", family, r.from, r.port, r.protocol)
}

// Done implements Step.
func (s ruleStep) Done(ctx context.Context, m *Machine) (bool, error) {
	switch s.firewall {
	case UFW:
		out, err := m.run(ctx, "ufw", "show", "added")
		if err != nil {
			return false, err
		}
		want := "ufw " + strings.Join(s.ufw(), " ")
		for line := range strings.Lines(out) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " comment ")
			if line == want {
				return true, nil
			}
		}
		return false, nil
	case Firewalld:
		for _, where := range []string{"--permanent", ""} {
			// An exit code that is not 0 is its way to say no.
			if out, err := s.cmd(ctx, m, where, "query"); err != nil || strings.TrimSpace(out) != "yes" {
				return false, nil //nolint:nilerr
			}
		}
		return true, nil
	default:
		return false, fmt.Errorf("BUG: firewall %q", s.firewall)
	}
}

// Do implements Step.
func (s ruleStep) Do(ctx context.Context, m *Machine) (func(context.Context) error, error) {
	undo := func(ctx context.Context) error { return s.remove(ctx, m) }
	if s.firewall == UFW {
		_, err := m.run(ctx, "ufw", append(s.ufw(), "comment", Account)...)
		return undo, err
	}
	for _, where := range []string{"--permanent", ""} {
		if _, err := s.cmd(ctx, m, where, "add"); err != nil {
			return undo, err
		}
	}
	return undo, nil
}

// remove takes the rule out; one that is not there is no error.
func (s ruleStep) remove(ctx context.Context, m *Machine) error {
	if s.firewall == UFW {
		_, err := m.run(ctx, "ufw", append([]string{"delete"}, s.ufw()...)...)
		return err
	}
	var errs []error
	for _, where := range []string{"--permanent", ""} {
		_, err := s.cmd(ctx, m, where, "remove")
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// cmd runs firewall-cmd for what is kept (--permanent) or for what is in force.
func (s ruleStep) cmd(ctx context.Context, m *Machine, where, verb string) (string, error) {
	args := []string{"--" + verb + "-" + s.firewalld()}
	if where != "" {
		args = append([]string{where}, args...)
	}
	return m.run(ctx, "firewall-cmd", args...)
}
