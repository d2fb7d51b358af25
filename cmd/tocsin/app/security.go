package app

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	commoncfg "github.com/prometheus/common/config"
	"github.com/prometheus/exporter-toolkit/web"
	"gopkg.in/yaml.v2"

	"tocsin/cluster"
	"tocsin/cluster/pki"
	"tocsin/cluster/trust"
)

// security is how this node and the others know each other.
func (n *Node) security() (cluster.Security, error) {
	s := n.opts.Replace.Security
	c := &n.opts.Settings.Cluster
	if c.TLSConfigFile != "" {
		own, err := readTLSConfig(c.TLSConfigFile)
		if err != nil {
			return s, fmt.Errorf("--cluster.tls-config: %w", err)
		}
		s.Own = own
	}
	if c.JoinTokenFile == "" {
		return s, nil
	}
	if s.Own != nil {
		return s, errors.New("--cluster.join-token-file and --cluster.tls-config exclude each other: with your own certificates nobody needs a token")
	}
	t, err := readJoinToken(c.JoinTokenFile)
	if err == nil {
		s.JoinToken = &t
		return s, nil
	}
	err = fmt.Errorf("--cluster.join-token-file: %w", err)
	if _, statErr := os.Stat(filepath.Join(n.opts.Settings.DataDir, "credentials.json")); statErr == nil {
		n.opts.Logger.Warn("The join token cannot be read; this node has its certificate already and does without", "err", err)
		return s, nil
	}
	if next := pki.Next(err); next != "" {
		err = fmt.Errorf("%w; %s", err, next)
	}
	return s, err
}

// readJoinToken reads a file with a join token.
func readJoinToken(path string) (pki.Token, error) {
	f, err := os.Open(path)
	if err != nil {
		return pki.Token{}, err
	}
	defer f.Close()
	b := make([]byte, pki.MaxTokenText+1)
	n, err := f.Read(b)
	if err != nil && n == 0 {
		return pki.Token{}, fmt.Errorf("read %s: %w", path, pki.ErrNotToken)
	}
	t, err := pki.ParseToken(string(b[:n]))
	if err != nil {
		return pki.Token{}, fmt.Errorf("read %s: %w", path, err)
	}
	return t, nil
}

// tlsConfig is the file of --cluster.tls-config, Alertmanager's.
type tlsConfig struct {
	Server *web.TLSConfig       `yaml:"tls_server_config"`
	Client *commoncfg.TLSConfig `yaml:"tls_client_config"`
}

// readTLSConfig reads the file and tries what it names. The files that it names
// are read anew for every connection.
func readTLSConfig(path string) (*trust.Own, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var c tlsConfig
	if err := yaml.UnmarshalStrict(b, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	switch {
	case c.Server == nil:
		return nil, fmt.Errorf("%s has no tls_server_config", path)
	case c.Client == nil:
		return nil, fmt.Errorf("%s has no tls_client_config", path)
	}
	c.Server.SetDirectory(filepath.Dir(path))
	c.Client.SetDirectory(filepath.Dir(path))
	own := &trust.Own{ServerConfig: c.server, ClientConfig: c.client}
	_, serverErr := own.ServerConfig()
	_, clientErr := own.ClientConfig()
	if err := errors.Join(serverErr, clientErr); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return own, nil
}

func (c *tlsConfig) server() (*tls.Config, error) {
	cfg, err := web.ConfigToTLSConfig(c.Server)
	if err != nil {
		return nil, fmt.Errorf("tls_server_config: %w", err)
	}
	// A node that shows no certificate could be anybody, and Raft believes
	// whoever speaks it.
	if cfg.ClientCAs == nil {
		return nil, errors.New("tls_server_config: name the authority of the nodes' certificates with client_ca_file, " +
			"and set client_auth_type: RequireAndVerifyClientCert")
	}
	cfg.ClientAuth = tls.RequireAndVerifyClientCert
	cfg.SessionTicketsDisabled = true
	return cfg, nil
}

func (c *tlsConfig) client() (*tls.Config, error) {
	cfg, err := commoncfg.NewTLSConfig(c.Client)
	if err != nil {
		return nil, fmt.Errorf("tls_client_config: %w", err)
	}
	if cfg.GetClientCertificate == nil {
		return nil, errors.New("tls_client_config: name this node's certificate with cert_file and key_file")
	}
	return cfg, nil
}
