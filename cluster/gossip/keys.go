package gossip

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// SetKeys has gossip understand what is encrypted with any of keys, and encrypt
// with the first. It does nothing where gossip was opened without keys. At most
// one of the keys of before may be left out at a time: memberlist v0.6.0 takes
// another one out of its ring without harm to who reads it only at the ring's end.
func (g *Gossip) SetKeys(keys [][]byte) error {
	g.keysMu.Lock()
	defer g.keysMu.Unlock()
	if g.keyring == nil || len(keys) == 0 {
		return nil
	}
	for _, k := range keys {
		if err := g.keyring.AddKey(k); err != nil {
			return fmt.Errorf("add a gossip key: %w", err)
		}
	}
	if err := g.keyring.UseKey(keys[0]); err != nil {
		return fmt.Errorf("use a gossip key: %w", err)
	}
	has := g.keyring.GetKeys()
	for _, k := range slices.Backward(has) {
		if slices.ContainsFunc(keys, func(want []byte) bool { return bytes.Equal(want, k) }) {
			continue
		}
		if err := g.keyring.RemoveKey(k); err != nil {
			return fmt.Errorf("drop a gossip key: %w", err)
		}
	}
	return nil
}

// maxMet bounds the addresses that Meet remembers.
const maxMet = 64

// Meet has gossip look for the nodes at these addresses, too, IP:port each.
func (g *Gossip) Meet(addresses []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range addresses {
		if len(g.met) < maxMet && !slices.Contains(g.met, a) && a != g.address {
			g.met = append(g.met, a)
		}
	}
	select {
	case g.look <- struct{}{}:
	default:
	}
}

// Unreadable is when gossip was last met that other keys would open; zero if
// never.
func (g *Gossip) Unreadable() time.Time { return g.lines.lastUnreadable() }
