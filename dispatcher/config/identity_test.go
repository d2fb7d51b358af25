package config_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// ids are the identities of the integrations of a receiver whose lists are
// given, in the order of the file.
func ids(t *testing.T, lists string) []string {
	t.Helper()
	c := load(t, "global: {smtp_smarthost: 'm.example:25', smtp_from: a@example.com, opsgenie_api_key: k}\n"+
		"route: {receiver: r}\nreceivers:\n  - name: r\n"+lists)
	var out []string
	for _, i := range c.Receivers["r"].Integrations {
		out = append(out, i.Identity())
	}
	return out
}

func mails(to ...string) string {
	var b strings.Builder
	b.WriteString("    email_configs:\n")
	for _, a := range to {
		fmt.Fprintf(&b, "      - %s\n", a)
	}
	return b.String()
}

func TestIdentityIsNotThePlace(t *testing.T) {
	a, b, c := "{to: a@example.com}", "{to: b@example.com}", "{to: c@example.com}"
	first := ids(t, mails(a, b, c))
	second := ids(t, mails(c, a, b))
	if want := []string{first[2], first[0], first[1]}; !slices.Equal(second, want) {
		t.Errorf("reordered, the identities are %v, want %v", second, want)
	}
	third := ids(t, mails(b))
	if third[0] != first[1] {
		t.Errorf("alone, the identity is %v, want %v", third[0], first[1])
	}
	if first[0] == first[1] || first[1] == first[2] {
		t.Errorf("different receivers have equal identities: %v", first)
	}
}

// TestIdentityStays: what does not change who is told changes no identity.
func TestIdentityStays(t *testing.T) {
	base := ids(t, mails("{to: a@example.com, headers: {X: y}, auth_password: one}"))
	for _, same := range []string{
		`{headers: {"X": 'y'}, to: "a@example.com", auth_password: one}`,
		"{to: a@example.com, headers: {X: y}, auth_password: two}",
		"{to: a@example.com, headers: {X: y}, send_resolved: true}",
		"{to: a@example.com, headers: {X: y}, html: '{{ .Status }}'}",
		"{to: a@example.com, headers: {X: y}, tls_config: {insecure_skip_verify: true}}",
	} {
		if got := ids(t, mails(same)); got[0] != base[0] {
			t.Errorf("%s has the identity %s, want %s", same, got[0], base[0])
		}
	}
	yes, always := ids(t, mails("{to: a@example.com, require_tls: yes}")), ids(t, mails("{to: a@example.com, require_tls: true}"))
	if yes[0] != always[0] {
		t.Errorf("two words for true make two identities: %v, %v", yes, always)
	}
	for _, other := range []string{
		"{to: b@example.com, headers: {X: y}}",
		"{to: a@example.com, headers: {X: z}}",
		"{to: a@example.com, smarthost: 'other.example:25', headers: {X: y}}",
	} {
		if got := ids(t, mails(other)); got[0] == base[0] {
			t.Errorf("%s has the same identity %s", other, got[0])
		}
	}
}

// TestIdentityOfAddresses: an address that is secret still tells two receivers
// apart, and is not shown.
func TestIdentityOfAddresses(t *testing.T) {
	a, b := "    webhook_configs: [{url: 'http://x.example/a'}]\n", "    webhook_configs: [{url: 'http://x.example/b'}]\n"
	if ids(t, a)[0] == ids(t, b)[0] {
		t.Error("two addresses have one identity")
	}
	both := ids(t, "    webhook_configs: [{url: 'http://x.example/b'}, {url: 'http://x.example/a'}]\n")
	if both[0] != ids(t, b)[0] || both[1] != ids(t, a)[0] {
		t.Errorf("together, the identities are %v", both)
	}
}

// TestTwins: integrations that differ in secrets only are told apart by a hash,
// whatever their order, and equal ones by a number.
func TestTwins(t *testing.T) {
	list := func(keys ...string) string {
		var b strings.Builder
		b.WriteString("    pagerduty_configs:\n")
		for _, k := range keys {
			fmt.Fprintf(&b, "      - routing_key: %s\n", k)
		}
		return b.String()
	}
	ab, ba := ids(t, list("hush-a", "hush-b")), ids(t, list("hush-b", "hush-a"))
	if ab[0] == ab[1] || ab[0] != ba[1] || ab[1] != ba[0] {
		t.Errorf("identities are %v and %v", ab, ba)
	}
	same := ids(t, list("hush-a", "hush-a"))
	if same[1] != same[0]+"#2" {
		t.Errorf("identities of equal ones are %v", same)
	}
}
