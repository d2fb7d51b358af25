package gossip

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// SetKeys has gossip understand what is encrypted with any of keys, and encrypt
// with the first. It does nothing where gossip was opened without keys.
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
	wanted := func(k []byte) bool {
		return slices.ContainsFunc(keys, func(want []byte) bool { return bytes.Equal(want, k) })
	}
	if !slices.ContainsFunc(g.keyring.GetKeys(), func(k []byte) bool { return !wanted(k) }) {
		return nil
	}
	// memberlist v0.6.0 takes a key out of its ring without harm to who reads the
	// ring meanwhile only at its end. Each key that is used once comes to its front.
	for _, k := range slices.Backward(keys) {
		if err := g.keyring.UseKey(k); err != nil {
			return fmt.Errorf("use a gossip key: %w", err)
		}
	}
	for _, k := range slices.Backward(g.keyring.GetKeys()) {
		if wanted(k) {
			break
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
