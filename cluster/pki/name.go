package pki

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"strings"

	"tocsin/fsm/model"
)

// Name is who a certificate is for.
type Name struct {
	Cluster model.ClusterID
	// Node is "" in the certificate of an authority.
	Node model.NodeID
}

const scheme = "tocsin"

// maxName bounds a cluster's and a node's ID in a certificate.
const maxName = 128

// String is the URI form.
func (n Name) String() string { return n.uri().String() }

func (n Name) uri() *url.URL {
	u := &url.URL{Scheme: scheme, Host: string(n.Cluster)}
	if n.Node != "" {
		u.Path = "/" + string(n.Node)
	}
	return u
}

// check refuses what does not come back out of a URI as it went in.
func (n Name) check() error {
	if n.Cluster == "" || !plain(string(n.Cluster)) || !plain(string(n.Node)) {
		return fmt.Errorf("%w: cluster %q, node %q", ErrBadName, n.Cluster, n.Node)
	}
	return nil
}

func plain(s string) bool {
	if len(s) > maxName {
		return false
	}
	for _, r := range s {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", r) {
			return false
		}
	}
	return true
}

// NameOf reads who c is for. Errors: ErrForeign, if it is no certificate of ours;
// ErrProvisional.
func NameOf(c *x509.Certificate) (Name, error) {
	if len(c.URIs) != 1 || c.URIs[0].Scheme != scheme {
		return Name{}, fmt.Errorf("%w: it names no Tocsin cluster", ErrForeign)
	}
	u := c.URIs[0]
	if u.Host == "" {
		return Name{}, ErrProvisional
	}
	n := Name{Cluster: model.ClusterID(u.Host), Node: model.NodeID(strings.TrimPrefix(u.Path, "/"))}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || n.check() != nil {
		return Name{}, fmt.Errorf("%w: it names no Tocsin cluster", ErrForeign)
	}
	return n, nil
}
