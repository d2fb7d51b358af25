package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// dialTime bounds one connection, TLS included.
const dialTime = 3 * time.Second

// Dial connects to address and hangs up, with TLS after its handshake, and
// returns what went wrong; "" if nothing did. It does not judge certificates: who
// is trusted is a matter of the configuration.
func Dial(ctx context.Context, address string, withTLS bool) string {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return Explain(err)
	}
	defer conn.Close()
	if !withTLS {
		return ""
	}
	host, _, _ := net.SplitHostPort(address)
	secure := tls.Client(conn, &tls.Config{ServerName: host, InsecureSkipVerify: true}) //nolint:gosec // nothing is sent
	if err := secure.HandshakeContext(ctx); err != nil {
		return "TLS: " + Explain(err)
	}
	return ""
}

// Explain is a network error in few words; "" for none.
func Explain(err error) string {
	if err == nil {
		return ""
	}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return "the name " + dns.Name + " cannot be resolved"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return refused
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err.Error()
	}
	return err.Error()
}

// maxDials bounds the connections under way.
const maxDials = 16

// DialAll connects to each of the targets, to the same address once, and notes
// the errors.
func DialAll(ctx context.Context, targets []Target) {
	type place struct {
		address string
		tls     bool
	}
	results := map[place]*string{}
	for i := range targets {
		if t := &targets[i]; t.Address != "" && t.Error == "" {
			results[place{t.Address, t.TLS}] = new(string)
		}
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxDials)
	for p, result := range results {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			*result = Dial(ctx, p.address, p.tls)
		})
	}
	wg.Wait()
	for i := range targets {
		if r := results[place{targets[i].Address, targets[i].TLS}]; r != nil && targets[i].Error == "" {
			targets[i].Error = *r
		}
	}
}

// OwnAddresses are the IP addresses of this machine, ascending.
func OwnAddresses() []string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []string
	for _, a := range addresses {
		ip, _, _ := strings.Cut(a.String(), "/")
		out = append(out, ip)
	}
	slices.Sort(out)
	return out
}
