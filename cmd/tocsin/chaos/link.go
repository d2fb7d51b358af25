package chaos

import (
	"encoding/binary"
	"time"
)

// Link is what one direction between two hosts is like. The zero value is a good
// cable.
type Link struct {
	// Cut drops everything.
	Cut bool
	// Block drops these kinds of traffic.
	Block Class
	// Loss is the share of packets that are lost, 0 to 1.
	Loss float64
	// Delay is how much later a packet arrives.
	Delay time.Duration
}

// Class is a set of kinds of traffic.
type Class uint8

// The kinds of traffic that can be told apart.
const (
	// UDP is every datagram.
	UDP Class = 1 << iota
	// Raft is what goes between nodes over TCP beside gossip.
	Raft
	// Gossip is both halves of it, TCP and UDP.
	Gossip
	// Web is the HTTP API of the nodes.
	Web
)

// The ports of a node.
const (
	webPort    = 9093
	gossipPort = 9094
	raftPort   = 9095
)

// classify says which kinds of traffic an Ethernet frame with IPv4 belongs to.
func classify(frame []byte) Class {
	const header = 14
	if len(frame) < header+20 {
		return 0
	}
	ip := frame[header:]
	words := int(ip[0]&15) * 4
	if len(ip) < words+4 {
		return 0
	}
	var c Class
	from, to := binary.BigEndian.Uint16(ip[words:]), binary.BigEndian.Uint16(ip[words+2:])
	switch ip[9] {
	case 17:
		c |= UDP
	case 6:
		if from == raftPort || to == raftPort {
			c |= Raft
		}
		if from == webPort || to == webPort {
			c |= Web
		}
	default:
		return 0
	}
	if from == gossipPort || to == gossipPort {
		c |= Gossip
	}
	return c
}

// opens reports whether a frame with IPv4 opens a TCP connection.
func opens(frame []byte) bool {
	const header, flagsAt, syn, ack = 14, 13, 2, 16
	if len(frame) < header+20 || frame[header+9] != 6 {
		return false
	}
	tcp := header + int(frame[header]&15)*4
	return len(frame) > tcp+flagsAt && frame[tcp+flagsAt]&(syn|ack) == syn
}
