package notify_test

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// letter is one message that the mail server took.
type letter struct {
	user, password, from, text string
	to                         []string
	tls                        bool
}

// mailServer is a mail server that wants STARTTLS and a password.
type mailServer struct {
	addr, caFile string

	mu      sync.Mutex
	letters []letter
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	// httptest has a certificate for example.com and the loopback addresses.
	web := httptest.NewTLSServer(nil)
	certificates := web.TLS.Certificates
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	web.Close()
	s := &mailServer{caFile: filepath.Join(t.TempDir(), "ca.pem")}
	if err := os.WriteFile(s.caFile, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	server := smtp.NewServer(s)
	server.TLSConfig = &tls.Config{Certificates: certificates}
	var done sync.WaitGroup
	done.Go(func() {
		if err := server.Serve(ln); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		done.Wait()
	})
	return s
}

// one is the only message that arrived since the last call.
func (s *mailServer) one(t *testing.T) letter {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.letters) != 1 {
		t.Fatalf("%d messages arrived, want one", len(s.letters))
	}
	l := s.letters[0]
	s.letters = nil
	return l
}

func (s *mailServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.letters)
}

// NewSession implements smtp.Backend.
func (s *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &mailSession{server: s, conn: c}, nil
}

type mailSession struct {
	server *mailServer
	conn   *smtp.Conn
	letter letter
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "hush-password" {
			return &smtp.SMTPError{Code: 535, Message: "no: " + password}
		}
		s.letter.user, s.letter.password = user, password
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if s.letter.user == "" {
		return smtp.ErrAuthRequired
	}
	_, s.letter.tls = s.conn.TLSConnectionState()
	s.letter.from = from
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "refused") {
		return &smtp.SMTPError{Code: 550, Message: "nobody here"}
	}
	s.letter.to = append(s.letter.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.letter.text = string(text)
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.letters = append(s.server.letters, s.letter)
	return nil
}

func (s *mailSession) Reset() { s.letter.from, s.letter.to, s.letter.text = "", nil, "" }

func (s *mailSession) Logout() error { return nil }

// newSilentServer is the address of a mail server that answers until a command
// and then says nothing more.
func newSilentServer(t *testing.T, silentAt string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			done.Go(func() {
				defer func() { _ = conn.Close() }()
				answerUntil(conn, silentAt)
			})
		}
	})
	t.Cleanup(func() {
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
		done.Wait()
	})
	return ln.Addr().String()
}

// answerUntil plays the server's part, and after the command that it is to fall
// silent at only listens until the client hangs up.
func answerUntil(conn net.Conn, silentAt string) {
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	r := bufio.NewReader(conn)
	silent := silentAt == "greeting"
	if !silent {
		say("220 mail.example.com")
	}
	data := false
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		command := strings.ToUpper(strings.TrimSpace(line))
		if data && command != "." {
			continue
		}
		if silent = silent || strings.HasPrefix(command, silentAt); silent {
			continue
		}
		data = command == "DATA"
		if data {
			say("354 go on")
		} else {
			say("250 fine")
		}
	}
}
