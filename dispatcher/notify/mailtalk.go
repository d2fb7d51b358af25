package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/notify/email"
	commoncfg "github.com/prometheus/common/config"
)

// talk is one conversation with a mail server. It ends with its context.
type talk struct {
	client   *smtp.Client
	conn     net.Conn
	release  func() bool
	exchange *exchange // nil: nobody is asked
}

// connect begins a conversation as far as the first address: greeting, TLS,
// authentication. The bool says whether a later try may do better.
func (m *mail) connect(ctx context.Context) (*talk, bool, error) {
	tlsConfig, err := m.tlsConfig()
	if err != nil {
		return nil, false, fmt.Errorf("make TLS settings: %w", err)
	}
	conn, err := m.dial(ctx, tlsConfig)
	if err != nil {
		return nil, true, fmt.Errorf("connect to mail server: %w", err)
	}
	// What is given up must not be delivered later: see exchange.linger.
	if c := tcpOf(conn); c != nil {
		_ = c.SetLinger(0)
	}
	// A deadline in the past breaks off whatever the conversation waits for.
	release := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	client, err := smtp.NewClient(conn, m.conf.Smarthost.Host)
	if err != nil {
		release()
		return nil, true, errors.Join(fmt.Errorf("greet mail server: %w", err), conn.Close())
	}
	if err := m.introduce(client, tlsConfig); err != nil {
		release()
		// The server may have hung up already; the error that matters is err.
		_ = client.Close()
		return nil, true, err
	}
	return &talk{client: client, conn: conn, release: release, exchange: exchangeOf(ctx)}, true, nil
}

func (m *mail) implicitTLS() bool {
	if m.conf.ForceImplicitTLS != nil {
		return *m.conf.ForceImplicitTLS
	}
	return m.conf.Smarthost.Port == "465"
}

// startTLS reports whether a plain conversation has to change to TLS.
func (m *mail) startTLS() bool {
	return m.conf.RequireTLS != nil && *m.conf.RequireTLS && !m.implicitTLS()
}

// tlsConfig are the settings for either kind of TLS; nil where none is used, so
// that files which are then not needed need not be there.
func (m *mail) tlsConfig() (*tls.Config, error) {
	if !m.implicitTLS() && !m.startTLS() {
		return nil, nil
	}
	settings := m.conf.TLSConfig
	if settings == nil {
		settings = &commoncfg.TLSConfig{}
	}
	c, err := commoncfg.NewTLSConfig(settings)
	if err != nil {
		return nil, err
	}
	if c.ServerName == "" {
		c.ServerName = m.conf.Smarthost.Host
	}
	return c, nil
}

func (m *mail) dial(ctx context.Context, tlsConfig *tls.Config) (net.Conn, error) {
	if m.implicitTLS() {
		d := tls.Dialer{Config: tlsConfig}
		return d.DialContext(ctx, "tcp", m.conf.Smarthost.String())
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", m.conf.Smarthost.String())
}

// introduce says hello, changes to TLS where that is asked for, and logs in
// where the server offers to.
func (m *mail) introduce(client *smtp.Client, tlsConfig *tls.Config) error {
	if m.conf.Hello != "" {
		if err := client.Hello(m.conf.Hello); err != nil {
			return fmt.Errorf("say hello: %w", err)
		}
	}
	if m.startTLS() {
		if ok, _ := client.Extension("STARTTLS"); !ok {
			return fmt.Errorf("start TLS: require_tls is true and %s does not offer STARTTLS", m.conf.Smarthost)
		}
		if err := client.StartTLS(tlsConfig); err != nil {
			return fmt.Errorf("start TLS: %w", err)
		}
	}
	offered, mechanisms := client.Extension("AUTH")
	if !offered || m.conf.AuthUsername == "" {
		return nil
	}
	auth, err := m.auth(mechanisms)
	if err != nil {
		return fmt.Errorf("choose how to log in: %w", err)
	}
	if err := client.Auth(auth); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	return nil
}

// auth is the first way to log in that the server offers and the configuration
// has the secret for.
func (m *mail) auth(mechanisms string) (smtp.Auth, error) {
	var errs error
	for _, mechanism := range strings.Fields(mechanisms) {
		file, secret := m.conf.AuthPasswordFile, string(m.conf.AuthPassword)
		switch mechanism {
		case "PLAIN", "LOGIN":
		case "CRAM-MD5":
			file, secret = m.conf.AuthSecretFile, string(m.conf.AuthSecret)
		default:
			errs = errors.Join(errs, fmt.Errorf("%s is not supported", mechanism))
			continue
		}
		secret, err := secretFrom(file, secret)
		if err != nil {
			errs = errors.Join(errs, fmt.Errorf("%s: %w", mechanism, err))
			continue
		}
		switch mechanism {
		case "CRAM-MD5":
			return smtp.CRAMMD5Auth(m.conf.AuthUsername, secret), nil
		case "LOGIN":
			return email.LoginAuth(m.conf.AuthUsername, secret), nil
		default:
			return smtp.PlainAuth(m.conf.AuthIdentity, m.conf.AuthUsername, secret, m.conf.Smarthost.Host), nil
		}
	}
	if errs == nil {
		errs = errors.New("the server names no mechanism")
	}
	return nil, errs
}

// secretFrom is the secret in the file, or the one in the configuration where
// there is no file.
func secretFrom(file, secret string) (string, error) {
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read secret: %w", err)
		}
		secret = strings.TrimSpace(string(content))
	}
	if secret == "" {
		return "", errors.New("no secret is configured")
	}
	return secret, nil
}

// deliver hands over one message and ends the conversation.
func (t *talk) deliver(from string, to []string, text []byte) (bool, error) {
	defer t.release()
	if err := t.send(from, to, text); err != nil {
		// The server may have hung up already; the error that matters is err.
		_ = t.client.Close()
		return true, err
	}
	// The message is accepted; how the server takes the farewell changes
	// nothing about that.
	if c := tcpOf(t.conn); c != nil {
		_ = c.SetLinger(-1)
	}
	if t.client.Quit() != nil {
		_ = t.client.Close()
	}
	return false, nil
}

// send hands the message over. The server takes it with its last line, so that is
// what is asked for: a message that breaks off before is none.
func (t *talk) send(from string, to []string, text []byte) error {
	if err := t.client.Mail(from); err != nil {
		return fmt.Errorf("name the sender: %w", err)
	}
	for _, addr := range to {
		if err := t.client.Rcpt(addr); err != nil {
			return fmt.Errorf("name the receiver: %w", err)
		}
	}
	w, err := t.client.Data()
	if err != nil {
		return fmt.Errorf("begin the message: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("write the message: %w", err)
	}
	if err := t.exchange.mayWrite(); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("end the message: %w", err)
	}
	return nil
}
