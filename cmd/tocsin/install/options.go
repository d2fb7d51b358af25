package install

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// gossipPort is where a peer is that was given without a port.
const gossipPort = "9094"

// maxPeers bounds the line of flags.
const maxPeers = 64

// ErrOptions is wrapped by every error about options that make no sense.
var ErrOptions = errors.New("the options make no sense")

// Options are what the operator asked for.
type Options struct {
	// Peers are hosts or host:port of the gossip of all nodes; the machine
	// itself may be among them. None: the flags stay as they are.
	Peers []string
	// BootstrapExpect is how many empty nodes form the cluster; 0: the nodes
	// that Peers name have one.
	BootstrapExpect int
	// Advertise is the IP address or IP:port by which the others reach this
	// node; empty: the one of Peers that is this machine's.
	Advertise string
	// Token is the text of the join token; empty: none.
	Token string
	// NoStart leaves the service alone, NoFirewall the firewall.
	NoStart, NoFirewall bool
}

// Check finds what makes no sense. It also gives every peer its port. Error:
// ErrOptions.
func (o *Options) Check() error {
	if len(o.Peers) > maxPeers {
		return fmt.Errorf("%w: %d peers, more than %d", ErrOptions, len(o.Peers), maxPeers)
	}
	peers := make([]string, 0, len(o.Peers))
	for _, p := range o.Peers {
		address, err := hostPort(p)
		if err != nil {
			return fmt.Errorf("%w: --peers: %w", ErrOptions, err)
		}
		if !slices.Contains(peers, address) {
			peers = append(peers, address)
		}
	}
	o.Peers = peers
	if err := o.checkAdvertise(); err != nil {
		return err
	}
	switch n := o.BootstrapExpect; {
	case n < 0:
		return fmt.Errorf("%w: --bootstrap-expect must not be negative", ErrOptions)
	case n > 0 && len(peers) == 0:
		return fmt.Errorf("%w: --bootstrap-expect %d says that %d nodes form a cluster, so name them with --peers", ErrOptions, n, n)
	case n > len(peers)+1:
		return fmt.Errorf("%w: --bootstrap-expect %d, but --peers names %d: the nodes would wait for ever", ErrOptions, n, len(peers))
	}
	return nil
}

func (o *Options) checkAdvertise() error {
	if o.Advertise == "" {
		return nil
	}
	if len(o.Peers) == 0 {
		return fmt.Errorf("%w: --advertise needs --peers", ErrOptions)
	}
	address, err := hostPort(o.Advertise)
	if err != nil {
		return fmt.Errorf("%w: --advertise: %w", ErrOptions, err)
	}
	host, _, _ := net.SplitHostPort(address)
	if _, err := netip.ParseAddr(host); err != nil {
		return fmt.Errorf("%w: --advertise: %q is no IP address", ErrOptions, host)
	}
	o.Advertise = address
	return nil
}

// hostPort adds the port where it is missing. The characters are those that
// neither systemd nor a shell takes for something else.
func hostPort(text string) (string, error) {
	address := text
	if ip, err := netip.ParseAddr(text); err == nil {
		address = net.JoinHostPort(ip.String(), gossipPort)
	} else if !strings.Contains(text, ":") {
		address = net.JoinHostPort(text, gossipPort)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("%q is not host:port", text)
	}
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-_:", r)
	}
	if n, err := strconv.ParseUint(port, 10, 16); host == "" || len(host) > 253 || strings.ContainsFunc(host, odd) || err != nil || n == 0 {
		return "", fmt.Errorf("%q is not host:port", text)
	}
	return address, nil
}
