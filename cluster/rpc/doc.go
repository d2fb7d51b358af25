// Package rpc is questions and answers between nodes: one connection a peer,
// many questions on it at a time, each with a number.
//
// Every question ends in an answer, or in one of two errors that the whole
// delivery rests on telling apart: ErrNotSent, when the other side cannot have
// seen it, and ErrNoAnswer, when it may have. Frames, waiting questions and
// running handlers are bounded.
//
// It must not know what is asked, nor how connections are made or who may make
// them: it gets a dial function and a listener.
package rpc
