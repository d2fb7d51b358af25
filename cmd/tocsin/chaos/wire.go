package chaos

import (
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Wire joins hosts like an Ethernet switch, in user space: each host's interface
// is a TAP device whose other end is held here. The kernel's TCP stands on both
// sides, so that retransmission and half-open connections are real. Safe for
// concurrent use.
//
// Hosts are known by the last byte of their hardware address, which is that of
// their IP address. Nothing is learned, and nothing is broadcast.
type Wire struct {
	mu    sync.RWMutex
	ports map[byte]*os.File
	links map[pair]Link
	watch func(from, to byte, frame []byte)

	readers sync.WaitGroup
	late    atomic.Int64 // packets under way on slow links
}

type pair struct{ from, to byte }

// maxLate bounds how many packets are under way on slow links; more are lost.
const maxLate = 1 << 14

func newWire() *Wire {
	return &Wire{ports: map[byte]*os.File{}, links: map[pair]Link{}}
}

// plug joins a host. The wire owns tap from then on.
func (w *Wire) plug(host byte, tap *os.File) {
	w.mu.Lock()
	w.ports[host] = tap
	w.mu.Unlock()
	w.readers.Go(func() { w.read(host, tap) })
}

// Set makes one direction like l.
func (w *Wire) Set(from, to byte, l Link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.links[pair{from, to}] = l
}

// Both makes both directions between two hosts like l.
func (w *Wire) Both(a, b byte, l Link) {
	w.Set(a, b, l)
	w.Set(b, a, l)
}

// Watch makes f see every frame before it is passed on; f must be quick.
func (w *Wire) Watch(f func(from, to byte, frame []byte)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watch = f
}

// Heal makes all links good.
func (w *Wire) Heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.links)
}

// close unplugs all hosts and waits for their readers.
func (w *Wire) close() {
	w.mu.Lock()
	for _, tap := range w.ports {
		_ = tap.Close() // nothing is buffered
	}
	w.mu.Unlock()
	w.readers.Wait()
}

func (w *Wire) read(from byte, tap *os.File) {
	buf := make([]byte, 1<<16)
	for {
		n, err := tap.Read(buf)
		if err != nil {
			return
		}
		const typeAt, header = 12, 14
		if n < header || buf[typeAt] != 8 || buf[typeAt+1] != 0 {
			continue // not IPv4
		}
		w.pass(from, buf[5], buf[:n])
	}
}

// pass sends a frame to where it goes, if the link lets it.
func (w *Wire) pass(from, to byte, frame []byte) {
	w.mu.RLock()
	watch := w.watch
	w.mu.RUnlock()
	if watch != nil {
		watch(from, to, frame)
	}
	w.mu.RLock()
	out, l := w.ports[to], w.links[pair{from, to}]
	w.mu.RUnlock()
	switch {
	case out == nil || l.Cut || classify(frame)&l.Block != 0:
	case l.Loss > 0 && rand.Float64() < l.Loss:
	case l.Delay == 0:
		_, _ = out.Write(frame) // an interface that takes it no more has lost it
	case w.late.Add(1) > maxLate:
		w.late.Add(-1)
	default:
		kept := append([]byte(nil), frame...)
		time.AfterFunc(l.Delay, func() {
			w.late.Add(-1)
			_, _ = out.Write(kept)
		})
	}
}
