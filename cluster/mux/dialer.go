package mux

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// DialFunc opens a stream to host:port.
type DialFunc func(ctx context.Context, address string) (net.Conn, error)

// Dialer reaches the mux of another node.
type Dialer struct {
	// Dial opens the connection. Default: TCP.
	Dial DialFunc
	// TLS is asked for the configuration of every handshake; nil means no
	// TLS. NextProtos is filled in; ServerName must be set there if it is not
	// the host that is dialled.
	TLS func() (*tls.Config, error)
	// Timeout bounds dial and handshake together. Default 5 s.
	Timeout time.Duration
}

// Connect dials address and says which protocol is wanted.
func (d *Dialer) Connect(ctx context.Context, address, protocol string) (net.Conn, error) {
	timeout := d.Timeout
	if timeout <= 0 {
		timeout = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dial := d.Dial
	if dial == nil {
		dial = dialTCP
	}
	raw, err := dial(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	hasten(raw)
	c, err := d.introduce(ctx, raw, address, protocol)
	if err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("open %s to %s: %w", protocol, address, err)
	}
	return c, nil
}

func (d *Dialer) introduce(ctx context.Context, raw net.Conn, address, protocol string) (net.Conn, error) {
	if d.TLS != nil {
		return d.clientTLS(ctx, raw, address, protocol)
	}
	deadline, _ := ctx.Deadline()
	if err := raw.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if err := writePreamble(raw, protocol); err != nil {
		return nil, err
	}
	return raw, deadlineIn(raw, 0)
}

func (d *Dialer) clientTLS(ctx context.Context, raw net.Conn, address, protocol string) (net.Conn, error) {
	cfg, err := d.TLS()
	if err != nil {
		return nil, fmt.Errorf("load tls configuration: %w", err)
	}
	cfg = cfg.Clone()
	cfg.NextProtos = []string{protocol}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS13)
	if cfg.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		cfg.ServerName = host
	}
	c := tls.Client(raw, cfg)
	if err := c.HandshakeContext(ctx); err != nil {
		var header tls.RecordHeaderError
		if errors.As(err, &header) {
			return nil, ErrOtherPort
		}
		return nil, fmt.Errorf("tls handshake: %w", err)
	}
	if got := c.ConnectionState().NegotiatedProtocol; got != protocol {
		return nil, fmt.Errorf("peer speaks %q: %w", got, ErrUnknownProtocol)
	}
	return c, nil
}

func dialTCP(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}
