package cluster

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/cluster/mux"
	"tocsin/fsm/model"
)

// errSilenced says that this node's Raft may not be heard any more.
var errSilenced = errors.New("raft is silenced on this node")

// streamLayer carries one instance of Raft. Once silenced, nothing of that
// instance gets out and nothing gets in, whatever it still does.
type streamLayer struct {
	accept  net.Listener // welcomed connections of the raft protocol
	connect connector
	address string // as told to others
	ctx     context.Context
	cancel  context.CancelFunc

	mu       sync.Mutex // guards the rest
	conns    map[*streamConn]struct{}
	silenced bool
}

var _ raft.StreamLayer = (*streamLayer)(nil)

// connector opens a stream to the node of that ID, or with none to any node.
type connector func(ctx context.Context, id model.NodeID, address, protocol string) (net.Conn, error)

func newStreamLayer(accept net.Listener, connect connector, address string) *streamLayer {
	s := &streamLayer{accept: accept, connect: connect, address: address, conns: make(map[*streamConn]struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Dial reaches the Raft of another node, and of no other that has its address.
func (s *streamLayer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(s.ctx, timeout)
	defer cancel()
	id, at := unnamed(address)
	c, err := s.connect(ctx, id, at, mux.ProtocolRaft)
	if err != nil {
		return nil, err
	}
	return s.track(c)
}

// Accept takes a connection of another node.
func (s *streamLayer) Accept() (net.Conn, error) {
	c, err := s.accept.Accept()
	if err != nil {
		return nil, err
	}
	return s.track(c)
}

func (s *streamLayer) track(c net.Conn) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silenced {
		_ = c.Close()
		return nil, errSilenced
	}
	t := &streamConn{Conn: c, layer: s}
	s.conns[t] = struct{}{}
	return t, nil
}

// silence closes every connection and lets none in or out from now on.
func (s *streamLayer) silence() {
	s.mu.Lock()
	s.silenced = true
	conns := s.conns
	s.conns = nil
	s.mu.Unlock()
	s.cancel()
	for c := range conns {
		_ = c.Conn.Close()
	}
}

// Close stops accepting.
func (s *streamLayer) Close() error {
	s.silence()
	return s.accept.Close()
}

// Addr is what the others are told.
func (s *streamLayer) Addr() net.Addr { return address(s.address) }

type streamConn struct {
	net.Conn
	layer *streamLayer
}

// Close closes the connection.
func (c *streamConn) Close() error {
	c.layer.mu.Lock()
	delete(c.layer.conns, c)
	c.layer.mu.Unlock()
	return c.Conn.Close()
}

// address is a host:port as a net.Addr.
type address string

// Network is tcp.
func (address) Network() string { return "tcp" }

// String is host:port.
func (a address) String() string { return string(a) }
