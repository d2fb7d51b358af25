package app

import (
	"fmt"
	"os"
	"path/filepath"

	"tocsin/dispatcher/config"
	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

// checkFirst looks at the configuration file of a node that is about to form a
// cluster: with a bad one there is no cluster to form.
func (n *Node) checkFirst() error {
	s := &n.opts.Settings
	n.load = n.loadOptions()
	forms := len(s.Cluster.Peers) == 0 || s.Raft.BootstrapExpect > 1
	if !forms || n.machine.View().Config() != nil || hasLog(s.DataDir) {
		return nil
	}
	if _, err := readConfig(s.ConfigFile, n.load); err != nil {
		return fmt.Errorf("--config.file=%s cannot be the first configuration of a cluster:\n%w", s.ConfigFile, err)
	}
	return nil
}

// hasLog reports whether the node took part in a cluster before.
func hasLog(dir string) bool {
	entries, err := os.ReadDir(filepath.Join(dir, "raft"))
	return err == nil && len(entries) > 0
}

// openConfigs follows the cluster's configuration.
func (n *Node) openConfigs() error {
	n.configs = newConfigs(configOptions{
		File:     n.opts.Settings.ConfigFile,
		Machine:  n.machine,
		Propose:  n.propose,
		Ballot:   n.ballot,
		Ready:    n.cluster.Ready(),
		First:    n.takeover().begin,
		Compared: func() bool { return n.cluster.Quorum().Voters > 1 },
		Now:      n.cluster.Now,
		Apply:    n.applyConfig,
		Tell:     n.cluster.ConfigLoaded,
		Load:     n.load,
		Author:   "file of " + n.cluster.Name(),
		Logger:   n.opts.Logger,
	}, newConfigMetrics(n.opts.Registerer))
	n.background("configuration", closeFile, n.configs.run)
	return nil
}

// takeover is the import of an Alertmanager's data folder.
func (n *Node) takeover() *takeover {
	load := n.load
	load.Metrics = nil
	return &takeover{
		dir: n.opts.Settings.DataDir, retention: n.opts.Settings.Retention,
		machine: n.machine, propose: n.cluster.Propose, ready: n.cluster.Ready(),
		book: func() (*model.ConfigVersion, error) {
			if active := n.machine.View().Config(); active != nil {
				return active, nil
			}
			return config.Bundle(n.opts.Settings.ConfigFile)
		},
		load: load, now: n.opts.Now, log: n.opts.Logger,
	}
}

func (n *Node) loadOptions() config.Options {
	return config.Options{
		BaseDir:     filepath.Dir(n.opts.Settings.ConfigFile),
		ExternalURL: n.external,
		Logger:      n.opts.Logger,
		HTTP:        n.opts.Replace.ReceiverHTTP,
		Metrics:     notify.NewMetrics(notify.MetricsOptions{Registerer: n.opts.Registerer, ReceiverNames: n.opts.Features.EnableReceiverNamesInMetrics()}),
	}
}
