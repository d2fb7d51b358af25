package app

import (
	"context"
	"net"
	"net/url"
	"testing"
	"time"
)

// TestHungAPIIsNotAlive: the kernel goes on taking connections for a process
// that has stopped, so a connection alone proves nothing.
func TestHungAPIIsNotAlive(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	n := &Node{external: &url.URL{}}
	if err := n.answersOver(ctx, l.Addr()); err == nil {
		t.Error("an API that says nothing counts as alive")
	}
}
