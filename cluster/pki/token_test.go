package pki_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tocsin/cluster/pki"
)

func TestTokenComesBackAsItWas(t *testing.T) {
	for _, want := range []pki.Token{
		pki.NewToken(authority(t, "red").Fingerprint(), now.Add(time.Hour)),
		pki.NewToken(pki.Fingerprint{}, time.Time{}),
	} {
		for _, text := range []string{want.Text(), " " + want.Text() + "\r\n", strings.ToUpper(want.Text())} {
			got, err := pki.ParseToken(text)
			if err != nil || got != want {
				t.Errorf("%v, %v, want %v", got, err, want)
			}
		}
	}
}

// TestTypingErrorsAreToldFromWrongTokens changes every letter of a token.
func TestTypingErrorsAreToldFromWrongTokens(t *testing.T) {
	text := pki.NewToken(authority(t, "red").Fingerprint(), now).Text()
	for i := len("tocsin-join-1-"); i < len(text); i++ {
		for _, r := range "ab27-" {
			if text[i] == byte(r) {
				continue
			}
			if _, err := pki.ParseToken(text[:i] + string(r) + text[i+1:]); !errors.Is(err, pki.ErrMistyped) {
				t.Fatalf("letter %d as %c: %v", i, r, err)
			}
		}
	}
	for want, texts := range map[error][]string{
		pki.ErrMistyped:   {text[:len(text)-1], text + "a", text[:40], "tocsin-join-1-", text[:30] + "\n" + text[30:]},
		pki.ErrNotToken:   {"", "hello", strings.Repeat("a", 2000), "tocsin", text[1:]},
		pki.ErrNewerToken: {strings.Replace(text, "-1-", "-2-", 1)},
	} {
		for _, s := range texts {
			if _, err := pki.ParseToken(s); !errors.Is(err, want) {
				t.Errorf("%.20q: %v, want %v", s, err, want)
			}
		}
	}
}

func TestTokenIsNotShown(t *testing.T) {
	token := pki.NewToken(pki.Fingerprint{}, now)
	key := token.Key()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", token, "key", key)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", token, "key", key)
	shown := log.String() + fmt.Sprintf("%v %+v %#v %s %v %#v", token, token, token, token, key, key)
	text := token.Text()
	secret := text[len(text)-20:]
	if strings.Contains(shown, secret) || strings.Contains(shown, fmt.Sprintf("%x", key[:8])) || !strings.Contains(shown, token.ID.String()) {
		t.Errorf("shown is %s", shown)
	}
}

func TestProof(t *testing.T) {
	token := pki.NewToken(pki.Fingerprint{}, now)
	other := pki.NewToken(pki.Fingerprint{}, now)
	later := token
	later.Expires = now.Add(time.Hour)
	key, binding, said := token.Key(), []byte("this connection"), []byte("my request")
	proof := key.Proof(pki.SideAsking, binding, said)
	if !key.Proves(proof, pki.SideAsking, binding, said) {
		t.Error("the right proof proves nothing")
	}
	for name, ok := range map[string]bool{
		"another token":                    other.Key().Proves(proof, pki.SideAsking, binding, said),
		"a token with another end":         later.Key().Proves(proof, pki.SideAsking, binding, said),
		"the other side's":                 key.Proves(proof, pki.SideAnswering, binding, said),
		"another connection":               key.Proves(proof, pki.SideAsking, []byte("another"), said),
		"something else said":              key.Proves(proof, pki.SideAsking, binding, []byte("x")),
		"bytes moved from one to the next": key.Proves(proof, pki.SideAsking, []byte("this connectionm"), []byte("y request")),
		"nothing":                          key.Proves(nil, pki.SideAsking, binding, said),
		"half of it":                       key.Proves(proof[:16], pki.SideAsking, binding, said),
	} {
		if ok {
			t.Errorf("%s counts as a proof", name)
		}
	}
	if bytes.Equal(token.GossipKey(), key[:]) || bytes.Equal(token.GossipKey(), other.GossipKey()) || len(token.GossipKey()) != 32 {
		t.Error("the gossip key is not its own")
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(pki.NewToken(pki.Fingerprint{1}, time.Unix(1, 0)).Text())
	f.Add("tocsin-join-2-abc")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := pki.ParseToken(text)
		if err != nil {
			return
		}
		again, err := pki.ParseToken(token.Text())
		if err != nil || again != token {
			t.Errorf("%v, %v", again, err)
		}
	})
}

func TestRingNeverLosesAnybody(t *testing.T) {
	ring, ok := pki.Ring{}.Add(pki.Item{ID: "a"})
	if !ok || ring.Using != "a" || ring.Changing() {
		t.Fatalf("first: %+v", ring)
	}
	ring, ok = ring.Add(pki.Item{ID: "b"})
	if !ok || ring.Using != "a" {
		t.Fatalf("second: %+v", ring)
	}
	if _, ok := ring.Add(pki.Item{ID: "c"}); ok {
		t.Error("a second replacement began during the first")
	}
	// Three nodes take over the ring one by one. At each moment each two
	// understand each other.
	nodes := []pki.Ring{{}, {}, {}}
	for i := range nodes {
		nodes[i] = pki.Ring{Items: []pki.Item{{ID: "a"}}, Using: "a"}
	}
	changes := 0
	for range 20 {
		for i := range nodes {
			next, changed, _ := ring.Advance(reports(nodes))
			if changed {
				changes++
				ring = next
			}
			nodes[i] = ring
			for _, from := range nodes {
				for _, to := range nodes {
					if _, ok := to.Get(from.Using); !ok {
						t.Fatalf("%+v does not understand %+v", to, from)
					}
				}
			}
		}
	}
	if changes != 2 || ring.Using != "b" || ring.Changing() {
		t.Errorf("%d changes to %+v, want 2 to b alone", changes, ring)
	}
	if _, changed, waits := ring.Advance(reports(nodes)); changed || waits != pki.StepNone {
		t.Error("a ring at rest changes")
	}
}

func TestRingWaits(t *testing.T) {
	ring := pki.Ring{Items: []pki.Item{{ID: "a"}, {ID: "b"}}, Using: "a"}
	behind := pki.Report{Accepts: []string{"a"}, Uses: "a"}
	ready := pki.Report{Accepts: []string{"a", "b"}, Uses: "a"}
	if _, changed, waits := ring.Advance([]pki.Report{ready, behind}); changed || waits != pki.StepAccept {
		t.Error("went on without a node that does not accept the new one")
	}
	ring, changed, _ := ring.Advance([]pki.Report{ready, ready})
	if !changed || ring.Using != "b" || len(ring.Items) != 2 {
		t.Fatalf("%+v", ring)
	}
	if _, changed, waits := ring.Advance([]pki.Report{ready, {Accepts: []string{"a", "b"}, Uses: "b"}}); changed || waits != pki.StepUse {
		t.Error("dropped the old one, which a node still uses")
	}
}

func reports(nodes []pki.Ring) []pki.Report {
	var out []pki.Report
	for _, n := range nodes {
		out = append(out, pki.Report{Accepts: n.IDs(), Uses: n.Using})
	}
	return out
}
