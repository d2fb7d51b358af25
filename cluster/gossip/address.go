package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/hashicorp/go-sockaddr"
)

// ErrBadAddress says that an address is not host:port, or not an IP where one
// is needed.
var ErrBadAddress = errors.New("bad gossip address")

// splitAddress cuts host:port; the host may be empty.
func splitAddress(address string) (string, int, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%w %q: %w", ErrBadAddress, address, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%w %q: port is not a number below 65536", ErrBadAddress, address)
	}
	return host, int(port), nil
}

// bindIP is the address to listen on for a host, which may be a name.
func bindIP(ctx context.Context, host string, resolve ResolveFunc) (string, error) {
	if host == "" {
		return "0.0.0.0", nil
	}
	if net.ParseIP(host) != nil {
		return host, nil
	}
	ips, err := resolve(ctx, host)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", host, err)
	}
	if len(ips) == 0 {
		return "", fmt.Errorf("resolve %s: %w: no address", host, ErrBadAddress)
	}
	return ips[0], nil
}

// advertise is what the others are told: what was asked for, else the bound
// address, else an address of this machine. port is the bound one.
func advertise(opts *Options, bound string, port int) (string, int, error) {
	if opts.Advertise != "" {
		host, p, err := splitAddress(opts.Advertise)
		if err != nil {
			return "", 0, err
		}
		if net.ParseIP(host) == nil {
			return "", 0, fmt.Errorf("%w %q: must be an IP and a port", ErrBadAddress, opts.Advertise)
		}
		if p == 0 {
			p = port
		}
		return host, p, nil
	}
	if ip := net.ParseIP(bound); ip != nil && !ip.IsUnspecified() {
		return bound, port, nil
	}
	return ownIP(opts), port, nil
}

// ownIP looks for a private address of this machine, then, if that is allowed,
// for a public one. Without any the node talks to itself.
func ownIP(opts *Options) string {
	if ip, err := sockaddr.GetPrivateIP(); err == nil && ip != "" {
		return ip
	}
	if opts.AllowPublic {
		if ip, err := sockaddr.GetPublicIP(); err == nil && ip != "" {
			return ip
		}
	}
	if len(opts.Peers) > 0 {
		opts.Logger.Warn("no private address found to tell the peers, so they cannot reach this node; set --cluster.advertise-address")
	}
	return "127.0.0.1"
}

// resolvePeers finds the addresses of all peers, names and IPs alike. What does
// not resolve is left out and said.
func resolvePeers(ctx context.Context, opts *Options) []string {
	ctx, cancel := context.WithTimeout(ctx, opts.Timing.PeersResolveTimeout)
	defer cancel()
	var out []string
	for _, p := range opts.Peers {
		host, port, err := splitAddress(p)
		if err != nil {
			opts.Logger.Warn("peer is left out", "peer", p, "err", err)
			continue
		}
		ips, err := opts.Resolve(ctx, host)
		if err != nil {
			if ctx.Err() == nil {
				opts.Logger.Warn("peer does not resolve", slog.String("peer", p), slog.Any("err", err))
			}
			continue
		}
		for _, ip := range ips {
			out = append(out, net.JoinHostPort(ip, strconv.Itoa(port)))
		}
	}
	return out
}

func systemResolve(ctx context.Context, host string) ([]string, error) {
	if net.ParseIP(host) != nil {
		return []string{host}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return net.DefaultResolver.LookupHost(ctx, host)
}
