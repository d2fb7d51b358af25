package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/version"

	"tocsin/dispatcher/alert"
	"tocsin/httpapi"
	"tocsin/httpapi/view"
)

// drainWeb is how long requests under way get at a stop.
const drainWeb = 5 * time.Second

// openListeners binds the API's addresses first of all: the others are told the
// port, and a port in use is the most common mistake.
func (n *Node) openListeners() error {
	s := &n.opts.Settings
	n.listeners = n.opts.Replace.Listeners
	if n.listeners == nil && !n.opts.Replace.NoWeb {
		ls, err := listenWeb(s.Web)
		if err != nil {
			return err
		}
		n.listeners = ls
		n.closers.push("HTTP listeners", closeFile, func(context.Context) error {
			closeListeners(ls)
			return nil
		})
	}
	external, err := externalURL(s.Web.ExternalURL, n.WebAddress())
	if err != nil {
		return err
	}
	n.external = external
	return nil
}

// openWeb answers HTTP requests.
func (n *Node) openWeb(ctx context.Context) error {
	silences := n.silences()
	web, err := httpapi.New(httpapi.Options{
		Web:             n.webSettings(),
		Build:           thisBuild(),
		Started:         n.opts.Started,
		Alerts:          n.alerts,
		Dispatcher:      n.dispatch,
		Decoder:         n.decoder(),
		Silences:        silences,
		Writer:          silences,
		MaxSilenceBytes: n.opts.Settings.Silences.MaxSizeBytes,
		Config:          n.configs.shown.Load,
		Cluster:         n.view,
		Versions:        &versions{machine: n.machine, configs: n.configs, load: n.load},
		Planner:         &planner{n},
		Members:         members{n.cluster},
		Joining:         joining{n.cluster},
		NodeKeys:        nodeKeys{n.cluster},
		Ledger:          ledger{n.machine, n.cluster},
		Doctor:          n.Examine,
		Audit:           audit{n.machine},
		Keys:            n.keys(),
		Backups:         backups{n},
		Reload:          n.Reload,
		Ready:           n.readiness,
		Gatherer:        n.opts.Gatherer,
		Registerer:      n.opts.Registerer,
		Logger:          n.opts.Logger,
		Now:             n.cluster.Now,
	})
	if err != nil {
		return err
	}
	n.web = web
	n.exam.open.Store(true)
	if len(n.listeners) == 0 {
		return nil
	}
	n.awaitConfig(ctx)
	socket, err := n.openSocket()
	if err != nil {
		return err
	}
	n.serveWeb(socket)
	return nil
}

func (n *Node) webSettings() httpapi.Web {
	w := &n.opts.Settings.Web
	return httpapi.Web{
		ExternalURL:    n.external,
		RoutePrefix:    w.RoutePrefix,
		GetConcurrency: w.GetConcurrency,
		Timeout:        w.Timeout,
		MaxBodyBytes:   w.MaxBodyBytes,
		CORSOrigin:     w.CORSOrigin,
		ConfigFile:     w.ConfigFile,
		Pprof:          w.EnablePprof,
	}
}

func (n *Node) silences() *silences {
	s := &silences{machine: n.machine, events: n.events, propose: n.propose, max: uint32(max(0, n.opts.Settings.Silences.Max))}
	if n.opts.Settings.Silences.Log {
		s.log = n.opts.Logger
	}
	return s
}

// firstConfig bounds how long a starting node waits for a configuration before
// it answers requests.
const firstConfig = 3 * time.Second

// awaitConfig waits a little for the configuration, so that the first answer
// to a client is as good as any later one. A node that finds no cluster takes
// alerts nevertheless.
func (n *Node) awaitConfig(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, firstConfig)
	defer cancel()
	if err := n.configs.waitLoaded(ctx, 1); err != nil {
		n.opts.Logger.Warn("there is no configuration yet: alerts are taken, and told once there is one", "err", err)
	}
}

func (n *Node) decoder() *alert.Decoder {
	return alert.NewDecoder(alert.DecoderOptions{
		Known:     n.alerts,
		ValidName: func(name string) bool { return compat.IsValidLabelName(model.LabelName(name)) },
		MaxBytes:  int(n.opts.Settings.Web.MaxBodyBytes),
	})
}

// serveWeb answers requests on all listeners; socket is the admin's, or nil.
func (n *Node) serveWeb(socket net.Listener) {
	var serving sync.WaitGroup
	serve := func(f func() error) {
		serving.Go(func() {
			if err := f(); err != nil && !errors.Is(err, net.ErrClosed) {
				n.fail(err)
			}
		})
	}
	serve(func() error { return n.web.Serve(n.listeners...) })
	if socket != nil {
		serve(func() error { return n.web.ServeSocket(socket) })
	}
	n.closers.push("HTTP server", drainWeb, func(ctx context.Context) error {
		err := n.web.Shutdown(ctx)
		serving.Wait()
		if err != nil {
			return fmt.Errorf("requests were cut off: %w", err)
		}
		return nil
	})
}

// Version is the program's version: three numbers, also where the build named
// none.
func Version() string { return cmp.Or(version.Version, "0.0.0") }

func thisBuild() view.Build {
	return view.Build{
		Version:   Version(),
		Revision:  version.GetRevision(),
		Branch:    version.Branch,
		BuildUser: version.BuildUser,
		BuildDate: version.BuildDate,
		GoVersion: runtime.Version(),
	}
}
