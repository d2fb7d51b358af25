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
	// Token names the proposal that brought it, so that a proposal whose answer
	// was lost can be repeated.
	Token Token
}

// TemplateFile is one template of a ConfigVersion.
type TemplateFile struct {
	Name string
	Text []byte
}

// Hash is the first 12 hexadecimal digits of SHA256, for people.
func (c *ConfigVersion) Hash() string { return hex.EncodeToString(c.SHA256[:6]) }

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

// Sum is the SHA-256 over the YAML and the templates, each part behind its
// length in eight bytes, so that no two versions share one by shifting text.
func (c *ConfigVersion) Sum() [32]byte {
	h := sha256.New()
	part := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	part(c.YAML)
	for _, t := range c.Templates {
		part([]byte(t.Name))
		part(t.Text)
	}
	return [32]byte(h.Sum(nil))
}
