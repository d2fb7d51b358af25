package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"

	"tocsin/cluster/mux"
	"tocsin/cluster/pki"
	"tocsin/cluster/trust"
	"tocsin/fsm/model"
)

// Who may speak on the port between nodes: whoever shows a certificate of this
// cluster that is good, and says the same name in its hello. Who may not is told
// why, in the answer to its hello.

// ErrRefusedBy says that the other node does not accept this one.
var ErrRefusedBy = errors.New("the other node refuses this one")

// vet says who is on the other side of c; "" where there is no TLS, or where the
// certificates are the operator's and name no nodes.
func (n *Node) vet(c net.Conn) (model.NodeID, error) {
	if n.trust == nil {
		return "", nil
	}
	s, ok := mux.Handshaken(c)
	if !ok {
		return "", trust.ErrNoTLS
	}
	name, err := n.trust.Vet(s)
	return name.Node, err
}

// turnAway tells the other side why it is not welcome.
func (n *Node) turnAway(c net.Conn, what string, reason error) error {
	// A node that is about to join is a matter of course.
	if !errors.Is(reason, pki.ErrProvisional) && !errors.Is(reason, trust.ErrNotEnrolled) {
		n.refusals.Say(what, c.RemoteAddr(), reason)
	}
	said := n.hello()
	said.Refused, said.Why = true, withNext(reason)
	if writeHello(c, said) == nil {
		mux.Linger(c)
	}
	return reason
}

func withNext(reason error) string {
	if next := pki.Next(reason); next != "" {
		return reason.Error() + "; " + next
	}
	return reason.Error()
}

// refusedBy is the error of a hello that was answered with a refusal.
func (n *Node) refusedBy(answer hello, from net.Addr) error {
	err := fmt.Errorf("%w: %s: %s", ErrRefusedBy, cmp.Or(answer.Name, string(answer.Node)), answer.Why)
	if n.trust != nil && n.trust.Certificate() != nil {
		n.refusals.Say("another node refuses this one", from, err, "node", answer.Node)
	}
	return err
}

// stranger is told of connections that got no further than the handshake. With
// the operator's own certificates that is where one that has expired is refused.
func (n *Node) stranger(from net.Addr, err error) {
	if errors.Is(err, mux.ErrNotTLS) || n.trust.External() && !errors.Is(err, io.EOF) {
		n.refusals.Say("refused a connection to the port between nodes", from, err)
	}
}
