package cluster

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"tocsin/cluster/pki"
	"tocsin/fsm/model"
)

// Every connection between nodes begins with a hello and its answer, so that a
// node of another cluster is refused by name before any protocol starts. Raft's
// own messages know no clusters.

// helloTimeout bounds the exchange, maxForeigners the nodes of other clusters
// that are named.
const (
	helloTimeout  = 5 * time.Second
	maxForeigners = 256
	maxHelloBytes = 4 << 10
)

// hello is who opens a connection; in the answer, who took it or refused it.
// It is JSON so that a newer node can say more.
type hello struct {
	Node    model.NodeID    `json:"node"`
	Cluster model.ClusterID `json:"cluster,omitempty"` // "" while not known
	Name    string          `json:"name,omitempty"`
	Refused bool            `json:"refused,omitempty"`
	// Why is the reason of a refusal, for people.
	Why string `json:"why,omitempty"`
}

// foreign reports whether both know their cluster and it is not the same.
func (h hello) foreign(o hello) bool {
	return h.Cluster != "" && o.Cluster != "" && h.Cluster != o.Cluster
}

func writeHello(w io.Writer, h hello) error {
	body, err := json.Marshal(h)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(body))), body...))
	return err
}

func readHello(r io.Reader) (hello, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return hello{}, err
	}
	n := binary.BigEndian.Uint16(head[:])
	if n > maxHelloBytes {
		return hello{}, errors.New("hello too long")
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return hello{}, err
	}
	var h hello
	err := json.Unmarshal(body, &h)
	return h, err
}

// greet says hello on a connection that this node opened, and returns the answer.
func (n *Node) greet(ctx context.Context, c net.Conn) (hello, error) {
	deadline := time.Now().Add(helloTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := c.SetDeadline(deadline); err != nil {
		return hello{}, err
	}
	shown, err := n.vet(c)
	if err != nil {
		return hello{}, n.turnAway(c, "refused a node that this one has called", err)
	}
	if err := writeHello(c, n.hello()); err != nil {
		return hello{}, fmt.Errorf("say hello: %w", err)
	}
	answer, err := readHello(c)
	if err != nil {
		return hello{}, fmt.Errorf("hear hello: %w", err)
	}
	if answer.Refused && answer.Why != "" {
		return hello{}, n.refusedBy(answer, c.RemoteAddr())
	}
	if shown != "" && shown != answer.Node {
		return hello{}, fmt.Errorf("node %s says that it is %s: %w", shown, answer.Node, ErrOtherNode)
	}
	if answer.Refused || answer.foreign(n.hello()) {
		n.sayForeign(answer, c.RemoteAddr())
		return hello{}, fmt.Errorf("node %s (%s) of cluster %s: %w", answer.Node, answer.Name, answer.Cluster, ErrOtherCluster)
	}
	return answer, c.SetDeadline(time.Time{})
}

// welcome answers the hello of a connection that another node opened, and gives
// the connection back as one whose other side is known.
func (n *Node) welcome(c net.Conn) (net.Conn, error) {
	if err := c.SetDeadline(time.Now().Add(helloTimeout)); err != nil {
		return nil, err
	}
	shown, err := n.vet(c)
	if err != nil {
		return nil, n.turnAway(c, "refused a connection to the port between nodes", err)
	}
	asked, err := readHello(c)
	if err != nil {
		return nil, fmt.Errorf("hear hello: %w", err)
	}
	if asked.Refused {
		return nil, n.refusedBy(asked, c.RemoteAddr())
	}
	if shown != "" && shown != asked.Node {
		return nil, n.turnAway(c, "refused a connection to the port between nodes",
			fmt.Errorf("node %s says that it is %s: %w", shown, asked.Node, ErrOtherNode))
	}
	if n.trust != nil && n.trust.External() && n.isRemoved(asked.Node) {
		return nil, n.turnAway(c, "refused a connection to the port between nodes", fmt.Errorf("%w: %s", pki.ErrRemoved, asked.Node))
	}
	own := n.hello()
	own.Refused = own.foreign(asked)
	if err := writeHello(c, own); err != nil {
		return nil, fmt.Errorf("say hello: %w", err)
	}
	if own.Refused {
		n.sayForeign(asked, c.RemoteAddr())
		return nil, fmt.Errorf("node %s (%s) of cluster %s: %w", asked.Node, asked.Name, asked.Cluster, ErrOtherCluster)
	}
	return n.greeted.add(c, asked.Node), c.SetDeadline(time.Time{})
}

func (n *Node) hello() hello {
	return hello{Node: n.id, Cluster: n.clusterID(), Name: n.opts.Name}
}

// sayForeign says once a node that it is of another cluster.
func (n *Node) sayForeign(h hello, from net.Addr) {
	if _, said := n.foreigners.Load(h.Node); said || n.foreignersSaid.Add(1) > maxForeigners {
		return
	}
	n.foreigners.Store(h.Node, true)
	n.log.Error("refused a connection with a node of another cluster",
		"node", h.Node, "name", h.Name, "address", from, "its_cluster", h.Cluster, "our_cluster", n.clusterID())
}
