package trust

import (
	"encoding/json"
	"fmt"

	"tocsin/cluster/pki"
)

// kept is what a node keeps of its certificate, in its data folder and nowhere
// else. It is secret.
type kept struct {
	// Key is in PKCS #8, Certificate and Bundle are in DER.
	Key         []byte   `json:"key"`
	Certificate []byte   `json:"certificate"`
	Bundle      [][]byte `json:"bundle"`
	// Gossip are the keys of the gossip, so that a node that has lost its state
	// finds the others.
	Gossip pki.Ring `json:"gossip"`
}

// maxKept bounds what is read.
const maxKept = 64 << 10

func parseKept(b []byte) (kept, error) {
	var k kept
	if len(b) > maxKept || json.Unmarshal(b, &k) != nil {
		return kept{}, fmt.Errorf("%w file of the node's certificate", pki.ErrMalformed)
	}
	return k, nil
}

func (k kept) encode() []byte {
	b, err := json.Marshal(k)
	if err != nil {
		panic("BUG: " + err.Error()) // bytes and strings only
	}
	return append(b, '\n')
}
