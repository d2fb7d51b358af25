package cluster_test

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
)

// noise is bytes of no meaning, the same ones for the same seed.
type noise struct{ rng *rand.Rand }

func newNoise(seed uint64) *noise { return &noise{rand.New(rand.NewPCG(seed, seed))} }

// bytes are up to 1300 bytes; every third begins as a TLS record, a message of
// gossip or a preamble does.
func (n *noise) bytes(i int) []byte {
	b := make([]byte, 1+n.rng.IntN(1300))
	for j := range b {
		b[j] = byte(n.rng.Uint32())
	}
	for j, c := range [][]byte{{0x16, 3, 1}, {0xf4, 4}, {12, 1}, []byte("\x00tcs")}[i%4] {
		if i%3 == 0 && j < len(b) {
			b[j] = c
		}
	}
	return b
}

// question is a message of a newcomer that makes no sense.
func (n *noise) question() []byte {
	kinds := []string{"join", "form", "take", "x"}
	body, err := json.Marshal(map[string]any{"body": map[string]any{
		"kind": kinds[n.rng.IntN(len(kinds))], "node": "nX", "request": n.bytes(1), "token": "c71d2fdfb23b",
		"founders": map[string]any{"cluster": "x", "voters": []map[string]any{{"id": "nX", "address": "y"}}},
	}, "proof": n.bytes(1)})
	if err != nil {
		panic(err)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}
