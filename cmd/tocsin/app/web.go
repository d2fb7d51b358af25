package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
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
func (n *Node) openWeb() error {
	s := &n.opts.Settings
	silences := &silences{machine: n.machine, propose: n.cluster.Propose, max: uint32(max(0, s.Silences.Max))}
	web, err := httpapi.New(httpapi.Options{
		Web: httpapi.Web{
			ExternalURL:    n.external,
			RoutePrefix:    s.Web.RoutePrefix,
			GetConcurrency: s.Web.GetConcurrency,
			Timeout:        s.Web.Timeout,
			MaxBodyBytes:   s.Web.MaxBodyBytes,
			CORSOrigin:     s.Web.CORSOrigin,
			ConfigFile:     s.Web.ConfigFile,
			Pprof:          s.Web.EnablePprof,
		},
		Build:           thisBuild(),
		Started:         n.opts.Started,
		Alerts:          n.alerts,
		Dispatcher:      n.dispatch,
		Decoder:         n.decoder(),
		Silences:        silences,
		Writer:          silences,
		MaxSilenceBytes: s.Silences.MaxSizeBytes,
		Config:          n.configs.shown.Load,
		Cluster:         n.view,
		Versions:        &versions{machine: n.machine, configs: n.configs, load: n.load},
		Members:         members{n.cluster},
		Ledger:          ledger{n.machine},
		Reload:          n.Reload,
		Ready:           func() error { return nil },
		Gatherer:        n.opts.Gatherer,
		Registerer:      n.opts.Registerer,
		Logger:          n.opts.Logger,
		Now:             n.opts.Now,
	})
	if err != nil {
		return err
	}
	n.web = web
	if len(n.listeners) > 0 {
		n.serveWeb()
	}
	return nil
}

func (n *Node) decoder() *alert.Decoder {
	return alert.NewDecoder(alert.DecoderOptions{
		Known:     n.alerts,
		ValidName: func(name string) bool { return compat.IsValidLabelName(model.LabelName(name)) },
		MaxBytes:  int(n.opts.Settings.Web.MaxBodyBytes),
	})
}

func (n *Node) serveWeb() {
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := n.web.Serve(n.listeners...); err != nil && !errors.Is(err, net.ErrClosed) {
			n.fail(err)
		}
	}()
	n.closers.push("HTTP server", drainWeb, func(ctx context.Context) error {
		err := n.web.Shutdown(ctx)
		<-served
		if err != nil {
			return fmt.Errorf("requests were cut off: %w", err)
		}
		return nil
	})
}

func thisBuild() view.Build {
	return view.Build{
		Version:   version.Version,
		Revision:  version.GetRevision(),
		Branch:    version.Branch,
		BuildUser: version.BuildUser,
		BuildDate: version.BuildDate,
		GoVersion: runtime.Version(),
	}
}
