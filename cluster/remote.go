package cluster

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/cluster/mux"
	"tocsin/cluster/rpc"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// The questions between nodes. The numbers are part of the wire format.
const (
	kindPropose  uint8 = iota + 1 // an envelope, for the leader
	kindRenew                     // a claim to renew, for the leader
	kindIndex                     // how far the leader's state is
	kindProgress                  // how far a node's log is
	kindJoin                      // a node that wants to be a member, for the leader
	kindForm                      // a new cluster that is to be formed
	kindRemove                    // a node to take out, for the leader
	kindTransfer                  // leadership to hand over, for the leader
	kindOverlay                   // an overlay too large for gossip
	kindState                     // how a node is, and what its wall clock shows
	kindQuestion                  // what the program above asks the voters
	kindOverlays                  // what was sent without a quorum, against the same
	kindExamine                   // how a node and its machine are
	kindTend                      // a member to change, for the leader
)

// dialTime bounds opening a connection. The longer one attempt goes on, the longer
// TCP waits to knock again, also when the way is open by then.
const dialTime = 2 * time.Second

// connect opens a stream to whatever node listens there, hellos exchanged.
func (n *Node) connect(ctx context.Context, address, protocol string) (net.Conn, error) {
	return n.connectTo(ctx, "", address, protocol)
}

// connectTo opens a stream to a node, hellos exchanged. Error: ErrOtherNode, if
// another one has taken its address.
func (n *Node) connectTo(ctx context.Context, id model.NodeID, address, protocol string) (net.Conn, error) {
	c, err := n.dialer.Connect(ctx, address, protocol)
	if err != nil {
		return nil, err
	}
	answer, err := n.greet(ctx, c)
	if err == nil && id != "" && answer.Node != id {
		err = fmt.Errorf("node %s at %s: %w: %s", id, address, ErrOtherNode, answer.Node)
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return n.greeted.add(c, answer.Node), nil
}

func (n *Node) connectRPC(ctx context.Context, address string) (net.Conn, error) {
	return n.connect(ctx, address, mux.ProtocolRPC)
}

// leader is who leads and where its port between nodes is, "" if not known.
func (n *Node) leader() (model.NodeID, string) {
	e := n.engine.Load()
	if e == nil {
		return "", ""
	}
	at, id := e.raft.LeaderWithID()
	if heard := n.heardAddress(model.NodeID(id)); heard != "" {
		return model.NodeID(id), heard
	}
	return model.NodeID(id), string(at)
}

// askLeader asks the leader, if that is another node. It is not passed on from
// there: the leader answers or says that it is none.
func (n *Node) askLeader(ctx context.Context, kind uint8, body []byte) ([]byte, error) {
	id, at := n.leader()
	switch {
	case at == "":
		return nil, errNobodyLeads
	case id == n.id:
		return nil, errNotLeading
	}
	return n.client.Call(ctx, at, kind, body)
}

// handle answers another node.
func (n *Node) handle(ctx context.Context, kind uint8, body []byte) ([]byte, error) {
	switch kind {
	case kindPropose:
		return n.takeForwarded(ctx, body)
	case kindRenew:
		return nil, n.takeRenewal(body)
	case kindIndex:
		return n.tellIndex()
	case kindProgress:
		return n.tellProgress()
	case kindJoin:
		return nil, n.takeJoin(ctx, body)
	case kindForm:
		return nil, n.takeForm(body)
	case kindRemove:
		return nil, n.takeRemove(ctx, body)
	case kindTransfer:
		return nil, n.takeTransfer(ctx, body)
	case kindQuestion:
		return nil, n.takeQuestion(ctx, body)
	case kindExamine:
		return n.takeExamine(ctx)
	case kindTend:
		return n.takeTending(ctx, body)
	case kindOverlay:
		n.overlays.hear(body)
		return nil, nil
	case kindState:
		return n.answerState()
	case kindOverlays:
		n.overlays.merge(body, true)
		return n.overlays.state(), nil
	default:
		return nil, refuse("unknown question %d; is this node older than the one that asks?", kind)
	}
}

func refuse(format string, args ...any) error {
	return &rpc.Refusal{Verdict: rpc.VerdictRefused, Text: fmt.Sprintf(format, args...)}
}

func (n *Node) notLeader() error {
	_, at := n.leader()
	if at == n.raftAddress {
		at = ""
	}
	return &rpc.Refusal{Verdict: rpc.VerdictNotLeader, Text: at}
}

// takeForwarded puts another node's proposal into the log, if this node leads.
func (n *Node) takeForwarded(ctx context.Context, body []byte) ([]byte, error) {
	e := n.engine.Load()
	if e == nil || e.raft.State() != raft.Leader {
		return nil, n.notLeader()
	}
	env, err := command.Decode(body)
	if err != nil {
		return nil, refuse("%v", err)
	}
	if need, have := command.Needs(env.Commands...), n.commandVersion(); need > have {
		return nil, refuse("%v", n.tooNew(need, have))
	}
	r, err := n.toRaft.submit(ctx, proposal{cmds: env.Commands, bytes: len(body)})
	if err != nil {
		return nil, verdictOf(err)
	}
	return encodeReply(r), nil
}

func encodeReply(r reply) []byte {
	return append(binary.AppendUvarint(nil, r.index), command.EncodeResults(r.results)...)
}

func decodeReply(b []byte) (reply, error) {
	index, n := binary.Uvarint(b)
	if n <= 0 {
		return reply{}, errors.New("malformed reply")
	}
	results, err := command.DecodeResults(b[n:])
	if err != nil {
		return reply{}, err
	}
	return reply{results: results, index: index}, nil
}

func (n *Node) takeRenewal(body []byte) error {
	l := n.lead.Load()
	if l == nil {
		return n.notLeader()
	}
	var r renewal
	if err := model.Decode(body, &r); err != nil {
		return refuse("%v", err)
	}
	if err := l.lessor.renew(r.key, r.token); err != nil {
		return refuse("%v", err)
	}
	return nil
}

// tellIndex says how far the leader's state is: who has applied that much has
// seen everything that was acknowledged before the question.
func (n *Node) tellIndex() ([]byte, error) {
	if n.lead.Load() == nil {
		return nil, n.notLeader()
	}
	return binary.AppendUvarint(nil, n.opts.Machine.View().Index()), nil
}

func (n *Node) tellProgress() ([]byte, error) {
	p := progress{Applied: n.opts.Machine.View().Index(), Node: n.id, Keys: n.ownKeys()}
	if e := n.engine.Load(); e != nil {
		p.LastIndex = e.raft.LastIndex()
	}
	if _, err := n.storage.get(); err != nil {
		p.Storage = err.Error()
	}
	return json.Marshal(p)
}
