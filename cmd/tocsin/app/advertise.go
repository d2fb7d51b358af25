package app

import (
	"net"
	"net/netip"
	"slices"
)

// advertisedHost is the host that the others are told: given's, or bind's, or
// where bind means every interface a private address of this machine. The
// empty string means that there is none to tell.
func advertisedHost(given, bind string, interfaces []net.Addr) string {
	if host, _, err := net.SplitHostPort(given); err == nil && host != "" {
		return host
	}
	host, _, err := net.SplitHostPort(bind)
	if err != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(host); host != "" && (err != nil || !ip.IsUnspecified()) {
		return host
	}
	return privateHost(interfaces)
}

// privateHost picks the address of this machine that others most likely reach:
// private IPv4 first, then private IPv6, then loopback where there is nothing
// else, as on a machine without a network.
func privateHost(interfaces []net.Addr) string {
	var ips []netip.Addr
	for _, a := range interfaces {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			ips = append(ips, p.Addr().Unmap())
		}
	}
	for _, fits := range []func(netip.Addr) bool{
		func(ip netip.Addr) bool { return ip.Is4() && ip.IsPrivate() },
		func(ip netip.Addr) bool { return ip.IsPrivate() },
		func(ip netip.Addr) bool { return ip.Is4() && ip.IsLoopback() },
	} {
		if i := slices.IndexFunc(ips, fits); i >= 0 {
			return ips[i].String()
		}
	}
	return ""
}
