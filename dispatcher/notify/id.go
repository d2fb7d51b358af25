package notify

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"tocsin/fsm/model"
)

// deliveryIDBytes is how much of the hash makes up a delivery ID: enough that
// two messages never share one, short enough for every header.
const deliveryIDBytes = 16

// DeliveryID names a message: 32 hexadecimal digits of the SHA-256 over the
// cluster, the key, the generation of the ledger entry that the message builds
// on, and the sorted sets of alerts that it tells. It is equal on every retry,
// on a takeover, and on both sides of a split with equal views (I3).
func DeliveryID(cluster model.ClusterID, key model.DeliveryKey, baseGen uint64, firing, resolved model.AlertSet) string {
	h := sha256.New()
	// Every part is preceded by its length, so that no two messages run
	// together to the same bytes. A hash's Write never fails.
	for _, s := range []string{string(cluster), key.Group, key.Receiver, key.Integration} {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		_, _ = h.Write([]byte(s))
	}
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, baseGen))
	for _, set := range []model.AlertSet{firing, resolved} {
		b := binary.BigEndian.AppendUint64(nil, uint64(len(set)))
		for _, hash := range set {
			b = binary.BigEndian.AppendUint64(b, uint64(hash))
		}
		_, _ = h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)[:deliveryIDBytes])
}
