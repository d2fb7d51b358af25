package cluster

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	"tocsin/cluster/pki"
)

// TestImpostorIsNotBelieved answers a newcomer as somebody would who stands in
// between and does not know the token: without a proof, with a proof of the
// newcomer's own, and with the right one of another connection.
func TestImpostorIsNotBelieved(t *testing.T) {
	token := pki.NewToken(pki.Fingerprint{}, time.Time{})
	key, other := token.Key(), pki.NewToken(pki.Fingerprint{}, time.Time{}).Key()
	for name, c := range map[string]struct {
		answer func(e *enrolConn) error
		want   error
	}{
		"who knows it":      {func(e *enrolConn) error { return e.say(enrolAnswer{Node: "x"}, &key) }, nil},
		"no proof":          {func(e *enrolConn) error { return e.say(enrolAnswer{Node: "x"}, nil) }, pki.ErrWrongToken},
		"another token":     {func(e *enrolConn) error { return e.say(enrolAnswer{Node: "x"}, &other) }, pki.ErrWrongToken},
		"the other side's":  {func(e *enrolConn) error { e.own = e.other; return e.say(enrolAnswer{Node: "x"}, &key) }, pki.ErrWrongToken},
		"other connection":  {func(e *enrolConn) error { e.binding = []byte("x"); return e.say(enrolAnswer{Node: "x"}, &key) }, pki.ErrWrongToken},
		"it refuses itself": {func(e *enrolConn) error { return e.say(enrolAnswer{Refused: "no"}, nil) }, errEnrolRefused},
	} {
		asks, answers := enrolPair(t)
		done := make(chan error, 1)
		go func() {
			var q enrolQuestion
			if _, err := answers.hear(&q); err != nil {
				done <- err
				return
			}
			done <- c.answer(answers)
		}()
		_, err := asks.ask(enrolQuestion{Kind: enrolJoin}, &token)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err := <-done; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// enrolPair are both ends of a connection.
func enrolPair(t *testing.T) (asks, answers *enrolConn) {
	t.Helper()
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	c, err := pki.Provisional("x", key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	server := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{c.Raw}, PrivateKey: key}}, SessionTicketsDisabled: true})
	client := tls.Client(near, &tls.Config{InsecureSkipVerify: true})
	done := make(chan error, 1)
	go func() { done <- server.HandshakeContext(t.Context()) }()
	if err := errors.Join(client.HandshakeContext(t.Context()), <-done); err != nil {
		t.Fatal(err)
	}
	if asks, err = openEnrol(client, true); err != nil {
		t.Fatal(err)
	}
	if answers, err = openEnrol(server, false); err != nil {
		t.Fatal(err)
	}
	return asks, answers
}
