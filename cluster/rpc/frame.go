package rpc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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

func readFrame(r io.Reader) (frame, error) {
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
	// Memory follows what arrives, not what the head promises.
	var body bytes.Buffer
	body.Grow(min(n, 64<<10))
	if _, err := io.CopyN(&body, r, int64(n)); err != nil {
		return frame{}, err
	}
	f.body = body.Bytes()
	return f, nil
}
