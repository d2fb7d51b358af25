package rpc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// MaxBody bounds a question or an answer: the largest log entry with some room
// around it.
const MaxBody = 9 << 20

// A frame: length of the rest (4 bytes), number (8), kind (1), body. In an
// answer the kind is the verdict.
const headBytes = 4 + 8 + 1

// ErrFrame says that the other side does not speak this protocol.
var ErrFrame = errors.New("malformed rpc frame")

type frame struct {
	id   uint64
	kind uint8
	body []byte
}

// appendFrame writes f behind b.
func appendFrame(b []byte, f frame) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(headBytes-4+len(f.body)))
	b = binary.BigEndian.AppendUint64(b, f.id)
	b = append(b, f.kind)
	return append(b, f.body...)
}

// errBudget says that the frames that are held already leave no room.
var errBudget = errors.New("too many bytes of questions are held")

// budget is how many bytes of frames may be held at a time.
type budget struct{ left atomic.Int64 }

func newBudget(bytes int) *budget {
	b := &budget{}
	b.left.Store(int64(bytes))
	return b
}

func (b *budget) take(n int) bool {
	if b.left.Add(-int64(n)) >= 0 {
		return true
	}
	b.give(n)
	return false
}

func (b *budget) give(n int) { b.left.Add(int64(n)) }

// step is how much of a body is read, and counted, at a time.
const step = 64 << 10

// readFrame reads one frame. What its body takes of the budget is given back by
// whoever has done with the frame; after an error nothing is held. A nil budget
// is without bounds.
func readFrame(r io.Reader, of *budget) (frame, error) {
	var head [headBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	n := int(binary.BigEndian.Uint32(head[:])) - (headBytes - 4)
	if n < 0 || n > MaxBody {
		return frame{}, fmt.Errorf("%w: body of %d bytes", ErrFrame, n)
	}
	f := frame{id: binary.BigEndian.Uint64(head[4:]), kind: head[12]}
	if n == 0 {
		return f, nil
	}
	var err error
	f.body, err = readBody(r, n, of)
	return f, err
}

// readBody reads n bytes. Memory follows what arrives, not what the head
// promises.
func readBody(r io.Reader, n int, of *budget) ([]byte, error) {
	var body bytes.Buffer
	body.Grow(min(n, step))
	held := 0
	for held < n {
		part := min(step, n-held)
		err := errBudget
		if of == nil || of.take(part) {
			held += part
			_, err = io.CopyN(&body, r, int64(part))
		}
		if err != nil {
			if of != nil {
				of.give(held)
			}
			return nil, err
		}
	}
	return body.Bytes(), nil
}
