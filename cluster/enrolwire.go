package cluster

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"

	"tocsin/cluster/mux"
	"tocsin/cluster/pki"
	"tocsin/cluster/trust"
	"tocsin/fsm/model"
)

// Enrolment is how a node gets its certificate: a protocol of its own on the port
// between nodes, because it has none to show yet. What is said is JSON, so that a
// newer node can say more, with a proof beside it that its sender knows the join
// token, if there is one.

const maxEnrolBytes = 64 << 10

// The questions.
const (
	enrolJoin = "join" // a newcomer asks a member
	enrolForm = "form" // a founder asks another
	enrolTake = "take" // and gives it its certificate
)

// enrolQuestion is what is asked.
type enrolQuestion struct {
	Kind string       `json:"kind"`
	Node model.NodeID `json:"node"`
	Name string       `json:"name,omitempty"`
	// Cluster is the one that the node belongs to, if it does to any.
	Cluster model.ClusterID `json:"cluster,omitempty"`
	// Token is the ID of the join token, if there is one.
	Token string `json:"token,omitempty"`
	// Request is for a certificate, in DER.
	Request []byte `json:"request,omitempty"`
	// Founders is for enrolForm; Grant for enrolTake.
	Founders *founders   `json:"founders,omitempty"`
	Grant    *enrolGrant `json:"grant,omitempty"`
}

// enrolAnswer is what is answered: a refusal, or what was asked for.
type enrolAnswer struct {
	Refused string      `json:"refused,omitempty"`
	Busy    bool        `json:"busy,omitempty"`  // asking later may help
	Other   bool        `json:"other,omitempty"` // the node is of another cluster
	Node    string      `json:"node,omitempty"`
	Grant   *enrolGrant `json:"grant,omitempty"`
	// Request is a founder's for its certificate.
	Request []byte `json:"request,omitempty"`
}

// enrolGrant is a certificate with what comes along.
type enrolGrant struct {
	Certificate []byte   `json:"certificate"`
	Bundle      [][]byte `json:"bundle"`
	Gossip      pki.Ring `json:"gossip"`
	// Members are the gossip addresses of the cluster's nodes.
	Members []string `json:"members,omitempty"`
}

// enrolConn is a connection on which a node enrols.
type enrolConn struct {
	net.Conn
	tls     tls.ConnectionState
	binding []byte
	own     pki.Side
	other   pki.Side
}

// openEnrol begins to talk on c, as the one that asks or the one that answers.
func openEnrol(c net.Conn, asks bool) (*enrolConn, error) {
	s, ok := mux.Handshaken(c)
	if !ok {
		return nil, trust.ErrNoTLS
	}
	binding, err := trust.Binding(s)
	if err != nil {
		return nil, fmt.Errorf("bind a proof to the connection: %w", err)
	}
	e := &enrolConn{Conn: c, tls: s, binding: binding, own: pki.SideAnswering, other: pki.SideAsking}
	if asks {
		e.own, e.other = e.other, e.own
	}
	return e, nil
}

// sealed is a message and the proof of its sender.
type sealed struct {
	Body  json.RawMessage `json:"body"`
	Proof []byte          `json:"proof,omitempty"`
}

// say sends v, with a proof if there is a key.
func (e *enrolConn) say(v any, key *pki.TokenKey) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s := sealed{Body: body}
	if key != nil {
		s.Proof = key.Proof(e.own, e.binding, body)
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if len(b) > maxEnrolBytes {
		return errors.New("message too long")
	}
	_, err = e.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

// hear receives into v, and gives what is needed to check the proof.
func (e *enrolConn) hear(v any) (sealed, error) {
	var head [4]byte
	if _, err := io.ReadFull(e, head[:]); err != nil {
		return sealed{}, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxEnrolBytes {
		return sealed{}, errors.New("message too long")
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(e, b); err != nil {
		return sealed{}, err
	}
	var s sealed
	if err := json.Unmarshal(b, &s); err != nil {
		return sealed{}, err
	}
	return s, json.Unmarshal(s.Body, v)
}

// proves reports whether the sender of s knows the token.
func (e *enrolConn) proves(s sealed, key pki.TokenKey) bool {
	return key.Proves(s.Proof, e.other, e.binding, s.Body)
}
