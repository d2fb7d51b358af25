package chaos

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Host is a machine of a network: a network namespace with one interface.
type Host struct {
	Name string
	// Last is the last byte of its address.
	Last byte

	ns string // its name for ip netns
}

// network is the first three bytes of all addresses.
const network = "10.231.0."

// Addr is its address.
func (h *Host) Addr() string { return addr(h.Last) }

func addr(last byte) string { return fmt.Sprintf("%s%d", network, last) }

// newHost makes a host on a wire, which knows the addresses of the others.
func newHost(ctx context.Context, w *Wire, prefix, name string, last byte, others []byte) (*Host, error) {
	h := &Host{Name: name, Last: last, ns: prefix + name}
	if err := ip(ctx, "", "netns", "add", h.ns); err != nil {
		return nil, err
	}
	tap, err := h.openTAP()
	if err != nil {
		h.remove()
		return nil, fmt.Errorf("make the interface of %s: %w", h.ns, err)
	}
	w.plug(last, tap)
	var script bytes.Buffer
	fmt.Fprintf(&script, "link set lo up\nlink set eth0 address %s\naddr add %s/24 dev eth0\nlink set eth0 up\n", mac(last), h.Addr())
	for _, o := range others {
		// Nobody has to ask for hardware addresses, so a cut is silence and
		// never an error.
		fmt.Fprintf(&script, "neigh replace %s lladdr %s dev eth0 nud permanent\n", addr(o), mac(o))
	}
	if err := ip(ctx, script.String(), "-n", h.ns, "-batch", "-"); err != nil {
		h.remove()
		return nil, err
	}
	return h, nil
}

func mac(last byte) string { return fmt.Sprintf("02:00:00:00:00:%02x", last) }

// remove takes the namespace away. It lives on while a process is in it.
func (h *Host) remove() {
	_ = ip(context.Background(), "", "netns", "del", h.ns) // all goes with the mount namespace anyway
}

// command is a program and its arguments as they are run on the host. The
// process ID is the program's: ip replaces itself.
func (h *Host) command(argv ...string) []string {
	return append([]string{"ip", "netns", "exec", h.ns}, argv...)
}

// Listen listens on a port of the host.
func (h *Host) Listen(port int) (l net.Listener, err error) {
	err = h.inside(func() (err error) {
		l, err = net.Listen("tcp4", fmt.Sprintf("%s:%d", h.Addr(), port))
		return err
	})
	return l, err
}

// Dial connects from the host to an address, given by number.
func (h *Host) Dial(ctx context.Context, _, address string) (c net.Conn, err error) {
	err = h.inside(func() (err error) {
		c, err = (&net.Dialer{}).DialContext(ctx, "tcp4", address)
		return err
	})
	return c, err
}

// inside runs f on a thread that is in the host's network; a socket that f makes
// stays there.
func (h *Host) inside(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		back, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			done <- err
			return
		}
		defer back.Close()
		there, err := os.Open("/run/netns/" + h.ns)
		if err != nil {
			done <- err
			return
		}
		defer there.Close()
		if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter %s: %w", h.ns, err)
			return
		}
		done <- f()
		if unix.Setns(int(back.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread() // else the thread ends with this goroutine
		}
	}()
	return <-done
}

// openTAP makes eth0 and returns its other end.
func (h *Host) openTAP() (tap *os.File, err error) {
	err = h.inside(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		var req struct {
			name  [unix.IFNAMSIZ]byte
			flags uint16
			_     [22]byte
		}
		copy(req.name[:], "eth0")
		req.flags = unix.IFF_TAP | unix.IFF_NO_PI
		if _, _, no := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNSETIFF, uintptr(unsafe.Pointer(&req))); no != 0 {
			_ = unix.Close(fd)
			return no
		}
		tap = os.NewFile(uintptr(fd), h.ns)
		return nil
	})
	return tap, err
}

// ip runs ip(8).
func ip(ctx context.Context, stdin string, args ...string) error {
	cmd := exec.CommandContext(ctx, "ip", args...)
	if stdin != "" {
		cmd.Stdin = bytes.NewBufferString(stdin)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip %v: %w: %s", args, err, out)
	}
	return nil
}
