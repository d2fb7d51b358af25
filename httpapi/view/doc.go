// Package view is the vocabulary of what the HTTP side shows of its node: the
// cluster as this node sees it, the active configuration, and the build of the
// program.
//
// It is a leaf above fsm/model: plain values without behaviour beyond naming a
// state. Whoever wires the program fills them; the handlers only read them. It
// must not know Raft, gossip or HTTP.
package view
