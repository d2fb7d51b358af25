package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// ConfigVersion is one version of the configuration, with the templates that
// it was checked with. Shared and immutable.
type ConfigVersion struct {
	// Rev counts versions from 1.
	Rev uint64
	// YAML is the text as it was proposed.
	YAML []byte
	// Templates are the template files, in the order of their names.
	Templates []TemplateFile
	Author    string
	Comment   string
	// Stamp is when it was accepted, by the leader's clock.
	Stamp Millis
	// SHA256 is what Sum was when the version was proposed.
	SHA256 [32]byte
}

// TemplateFile is one template of a ConfigVersion.
type TemplateFile struct {
	Name string
	Text []byte
}

// Hash is the first 12 hexadecimal digits of SHA256, for people.
func (c *ConfigVersion) Hash() string { return hex.EncodeToString(c.SHA256[:6]) }

// Sum is the SHA-256 over the YAML and, in their order, the names and texts of
// the templates. Each part is preceded by its length as eight bytes, most
// significant first, so that no two versions run together to the same bytes.
func (c *ConfigVersion) Sum() [32]byte {
	h := sha256.New()
	part := func(b []byte) {
		// A hash's Write never fails.
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		_, _ = h.Write(b)
	}
	part(c.YAML)
	for _, t := range c.Templates {
		part([]byte(t.Name))
		part(t.Text)
	}
	return [32]byte(h.Sum(nil))
}

// Node is what the cluster keeps of one of its nodes, beside its address in the
// Raft configuration.
type Node struct {
	ID   NodeID
	Name string
	// API, Raft and Gossip are host:port, as told to the others.
	API, Raft, Gossip string
	// Version is the program's, Commands the newest command version that it
	// understands.
	Version  string
	Commands uint32
}
