package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/store"
)

// Format is the version of the file's own form.
const Format = 1

// The parts of a file, in their order.
const (
	partManifest = "manifest.json"
	partState    = "state.snap"
	partSums     = "SHA256SUMS"
)

// Bounds of the small parts.
const (
	maxManifestBytes = 1 << 20
	maxSumsBytes     = 64 << 10
)

// Errors of reading a file. All of them leave everything as it was.
var (
	// ErrNotArchive says that a file is no backup of tocsin.
	ErrNotArchive = errors.New("not a backup made by tocsin")
	// ErrDamaged says that a file is cut off or was altered.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrTooNew says that a newer tocsin made the file.
	ErrTooNew = errors.New("the backup was made by a newer version of tocsin")
	// ErrSealed says that a file is encrypted and no key was given.
	ErrSealed = errors.New("the backup is encrypted")
	// ErrWrongKey says that the key that was given does not open the file.
	ErrWrongKey = errors.New("the passphrase or key does not open the backup")
)

// Manifest says what a file holds. It has no secrets.
type Manifest struct {
	Format  int       `json:"format"`
	Version string    `json:"tocsin_version"`
	Created time.Time `json:"created"`
	// Node is the name of the node that made it.
	Node    string          `json:"node,omitempty"`
	Cluster model.ClusterID `json:"cluster_id"`
	Index   uint64          `json:"index"`
	Term    uint64          `json:"term"`
	// StateHash is the rolling hash at Index, 16 hexadecimal digits.
	StateHash string `json:"state_hash"`
	// Schema is that of the state, Commands the lowest command version that all
	// voters knew.
	Schema   uint16 `json:"schema"`
	Commands uint32 `json:"command_version"`
	// ConfigRev is the active version of the configuration, 0 = none.
	ConfigRev uint64            `json:"config_version"`
	Claims    uint64            `json:"live_claims"`
	Counts    map[string]uint64 `json:"counts"`
	Parts     []Part            `json:"parts"`
}

// Part is one file inside the file.
type Part struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// About is what a state cannot say of itself.
type About struct {
	// Version is the program's, Node the name of the node.
	Version, Node string
	Created       time.Time
}

func newManifest(s *store.Summary, a About) Manifest {
	m := Manifest{Format: Format, Version: a.Version, Node: a.Node, Created: a.Created.UTC().Truncate(time.Millisecond)}
	m.describe(s)
	return m
}

// describe takes over what the records say.
func (m *Manifest) describe(s *store.Summary) {
	m.Cluster, m.Index, m.Term = s.Meta.Cluster, s.Meta.Index, s.Meta.Term
	m.StateHash = fmt.Sprintf("%016x", s.Meta.Hash)
	m.Schema, m.Commands = s.Header.Schema, s.Meta.MinVersion
	m.ConfigRev, m.Claims = s.ConfigRev, s.Claims
	m.Counts = make(map[string]uint64)
	for name, n := range s.Counts {
		if name != "state" {
			m.Counts[name] = n
		}
	}
	m.Parts = []Part{{Name: partState, Bytes: s.Bytes, SHA256: fmt.Sprintf("%x", s.Sum)}}
}

// differs says what of the manifest is not what the records say, "" if nothing.
func (m *Manifest) differs(s *store.Summary) string {
	var want Manifest
	want.describe(s)
	for _, f := range []struct {
		name       string
		have, want any
	}{
		{"cluster ID", m.Cluster, want.Cluster},
		{"index", m.Index, want.Index},
		{"term", m.Term, want.Term},
		{"state hash", m.StateHash, want.StateHash},
		{"schema", m.Schema, want.Schema},
		{"command version", m.Commands, want.Commands},
		{"config version", m.ConfigRev, want.ConfigRev},
		{"number of claims", m.Claims, want.Claims},
		{"length or sum of the state", fmt.Sprint(m.Parts), fmt.Sprint(want.Parts)},
		{"counts", fmt.Sprint(m.Counts), fmt.Sprint(want.Counts)},
	} {
		if f.have != f.want {
			return f.name
		}
	}
	return ""
}

// parseManifest reads what a file says of itself, and refuses what this program
// could not restore.
func parseManifest(b []byte) (Manifest, error) {
	// The format comes first: a newer one may have anything else.
	var form struct {
		Format  int    `json:"format"`
		Version string `json:"tocsin_version"`
	}
	if err := json.Unmarshal(b, &form); err != nil || form.Format < 1 {
		return Manifest{}, fmt.Errorf("%w: its manifest cannot be read", ErrDamaged)
	}
	if form.Format > Format {
		return Manifest{}, fmt.Errorf("%w: by %s, in format %d; this program knows up to %d", ErrTooNew, form.Version, form.Format, Format)
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return Manifest{}, fmt.Errorf("%w: its manifest cannot be read: %w", ErrDamaged, err)
	}
	switch {
	case m.Schema > store.Schema:
		return Manifest{}, fmt.Errorf("%w: by %s, with a state of schema %d; this program knows up to %d", ErrTooNew, m.Version, m.Schema, store.Schema)
	case m.Commands > command.Version:
		return Manifest{}, fmt.Errorf("%w: by %s, of a cluster that uses commands of version %d; this program knows up to %d", ErrTooNew, m.Version, m.Commands, command.Version)
	case len(m.Parts) != 1 || m.Parts[0].Name != partState || m.Parts[0].Bytes < 0:
		return Manifest{}, fmt.Errorf("%w: its manifest names other parts than it has", ErrDamaged)
	}
	return m, nil
}
