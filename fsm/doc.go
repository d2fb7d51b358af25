// Package fsm is the replicated state machine.
package fsm
