package chaos

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// TestWire checks each kind of link on real connections between two hosts: a
// fault that does nothing would make every scenario pass.
func TestWire(t *testing.T) {
	w, a, b := twoHosts(t)
	cases := []struct {
		name string
		link Link
		open [3]bool // web, gossip, Raft
		udp  bool
	}{
		{"a good cable", Link{}, [3]bool{true, true, true}, true},
		{"cut", Link{Cut: true}, [3]bool{}, false},
		{"no UDP", Link{Block: UDP}, [3]bool{true, true, true}, false},
		{"no Raft", Link{Block: Raft}, [3]bool{true, true, false}, true},
		{"no gossip", Link{Block: Gossip}, [3]bool{true, false, true}, false},
		{"all is lost", Link{Loss: 1}, [3]bool{}, false},
		{"slow", Link{Delay: 50 * time.Millisecond}, [3]bool{true, true, true}, true},
		{"good again", Link{}, [3]bool{true, true, true}, true},
	}
	for _, c := range cases {
		w.Both(a.Last, b.Last, c.link)
		for i, port := range []int{webPort, gossipPort, raftPort} {
			if took, ok := connects(t, a, b, port); ok != c.open[i] || ok && took < 2*c.link.Delay {
				t.Errorf("%s: port %d: connected %v after %v, want %v", c.name, port, ok, took, c.open[i])
			}
		}
		if ok := datagram(t, a, b); ok != c.udp {
			t.Errorf("%s: a datagram arrived: %v, want %v", c.name, ok, c.udp)
		}
	}
	w.Set(b.Last, a.Last, Link{Cut: true})
	if _, ok := connects(t, a, b, webPort); ok {
		t.Error("connected although nothing comes back")
	}
	if !datagram(t, a, b) {
		t.Error("a datagram did not arrive although only the way back is cut")
	}
}

// twoHosts makes hosts, of which the second takes connections.
func twoHosts(t *testing.T) (*Wire, *Host, *Host) {
	t.Helper()
	rig.NeedRoot(t)
	rig.NeedTool(t, "ip")
	w := newWire()
	t.Cleanup(w.close)
	var hosts []*Host
	for i := range 2 {
		h, err := newHost(t.Context(), w, "w", fmt.Sprintf("h%d", i), byte(1+i), []byte{1, 2})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(h.remove)
		hosts = append(hosts, h)
	}
	for _, port := range []int{webPort, gossipPort, raftPort} {
		l, err := hosts[1].Listen(port)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_ = c.Close()
			}
		}()
	}
	return w, hosts[0], hosts[1]
}

// connects tries for a short time to connect.
func connects(t *testing.T, from, to *Host, port int) (time.Duration, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	start := time.Now()
	c, err := from.Dial(ctx, "tcp", fmt.Sprintf("%s:%d", to.Addr(), port))
	if err != nil {
		return 0, false
	}
	_ = c.Close()
	return time.Since(start), true
}

// datagram sends one to the gossip port and reports whether it arrives soon.
func datagram(t *testing.T, from, to *Host) bool {
	t.Helper()
	var in, out *net.UDPConn
	open := func(h *Host, c **net.UDPConn, port int) {
		err := h.inside(func() (err error) {
			*c, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(h.Addr()), Port: port})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	open(to, &in, gossipPort)
	defer in.Close()
	open(from, &out, 0)
	defer out.Close()
	if _, err := out.WriteTo([]byte("x"), in.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if err := in.SetReadDeadline(time.Now().Add(400 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	_, _, err := in.ReadFrom(make([]byte, 9))
	return err == nil
}
