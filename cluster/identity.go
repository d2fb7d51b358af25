package cluster

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tocsin/fsm/model"
)

// identity is who this node is, kept in the data folder for life.
type identity struct {
	ID model.NodeID `json:"id"`
	// Cluster is the cluster that it belongs to, "" before it joined one.
	Cluster model.ClusterID `json:"cluster,omitempty"`
	// Replaces is the ID that the node had before its Raft log was lost; the
	// leader takes that one out when it lets this one in.
	Replaces model.NodeID `json:"replaces,omitempty"`
	// Member: it was in the Raft configuration under this ID once. If it is not
	// any more, it was removed, and does not come back by itself.
	Member bool `json:"member,omitempty"`
	// Others: it is not certain that no other node was ever a member beside
	// this one. Kept before the first other is let in: a node that has lost
	// everything must not take itself for alone.
	Others bool `json:"others,omitempty"`
}

const identityFile = "node.json"

// loadIdentity reads the identity in dir; a folder without one gets a fresh one.
func loadIdentity(dir string) (id identity, fresh bool, err error) {
	path := filepath.Join(dir, identityFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		id = identity{ID: newNodeID()}
		return id, true, id.save(dir)
	}
	if err != nil {
		return identity{}, false, fmt.Errorf("read node identity: %w", err)
	}
	if err := json.Unmarshal(b, &id); err != nil || id.ID == "" {
		return identity{}, false, fmt.Errorf("%w: %s names no node; restore the file, or remove it to have "+
			"this node join again under a new ID", ErrBadOptions, path)
	}
	return id, false, nil
}

func newNodeID() model.NodeID { return model.NodeID(randomHex(8)) }

// save writes the identity so that a crash leaves the old or the new one.
func (id identity) save(dir string) error {
	b, err := json.Marshal(id)
	if err != nil {
		return fmt.Errorf("encode node identity: %w", err)
	}
	if err := replaceFile(filepath.Join(dir, identityFile), append(b, '\n')); err != nil {
		return fmt.Errorf("write node identity: %w", err)
	}
	return nil
}

// replaceFile writes a file beside path, syncs it and puts it into place.
func replaceFile(path string, b []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// randomHex is n random bytes in hexadecimal digits.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
