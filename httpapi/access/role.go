package access

import (
	"errors"
	"fmt"
)

// Role is what somebody may do.
type Role uint8

// The roles. Ingest and Viewer know nothing of each other, Operator is both and
// more, Admin is all.
const (
	// None may ask whether the node lives.
	None Role = iota
	// Ingest posts alerts.
	Ingest
	// Viewer reads.
	Viewer
	// Operator changes silences, reloads the configuration file and reads the
	// audit.
	Operator
	// Admin changes the configuration, the cluster and the access to it.
	Admin
)

// ErrRole says that a word is no role.
var ErrRole = errors.New("not a role")

var roleNames = [...]string{"none", "ingest", "viewer", "operator", "admin"} // only read

// ParseRole reads what String writes.
func ParseRole(s string) (Role, error) {
	for i, name := range roleNames {
		if name == s {
			return Role(i), nil
		}
	}
	return None, fmt.Errorf("%q is %w: there are none, ingest, viewer, operator and admin", s, ErrRole)
}

// String is the role's word.
func (r Role) String() string {
	if int(r) >= len(roleNames) {
		return "unknown"
	}
	return roleNames[r]
}

// Allows reports whether r may do what needs need.
func (r Role) Allows(need Role) bool {
	switch need {
	case None:
		return true
	case Ingest, Viewer:
		return r == need || r >= Operator && r <= Admin
	default:
		return r >= need && r <= Admin
	}
}

// MarshalText writes what String writes.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Role) UnmarshalText(b []byte) error {
	p, err := ParseRole(string(b))
	if err != nil {
		return err
	}
	*r = p
	return nil
}
