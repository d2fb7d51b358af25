package config

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"net/url"
	"time"

	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/timeinterval"

	"tocsin/dispatcher/notify"
	"tocsin/dispatcher/route"
	"tocsin/fsm/model"
)

// Load compiles a version. The error is Problems if the version is not valid.
func Load(v *model.ConfigVersion, o Options) (*Config, error) {
	c := newCheck(MainFile, v.YAML)
	c.texts(v.Templates, true)
	if ps := c.result(); len(ps) > 0 {
		return nil, ps
	}
	l := loader{version: v, options: o, check: c}
	if err := l.prepare(); err != nil {
		return nil, err
	}
	if err := l.compile(); err != nil {
		return nil, err
	}
	return l.config, nil
}

// loader makes one Config.
type loader struct {
	version *model.ConfigVersion
	options Options
	check   *check
	config  *Config
}

// prepare does what comes before receivers can be built.
func (l *loader) prepare() error {
	c := &Config{Rev: l.version.Rev, Hash: hashOf(l.version.YAML), Upstream: l.check.upstream}
	t, err := newTemplates()
	if err != nil {
		return err
	}
	for _, f := range order(l.version.Templates, c.Upstream.Templates) {
		if err := t.add(f); err != nil {
			return fmt.Errorf("template %s: %w", f.Name, err)
		}
	}
	c.Template = t.set
	if c.Template.ExternalURL = l.options.ExternalURL; c.Template.ExternalURL == nil {
		c.Template.ExternalURL = &url.URL{}
	}
	c.masked = maskedText(c.Upstream, l.check.walker.doc)
	setDirectory(c.Upstream, l.options.BaseDir)
	l.config = c
	return nil
}

// compile makes everything that runs.
func (l *loader) compile() error {
	c := l.config
	var err error
	if c.Routes, err = route.New(c.Upstream.Route); err != nil {
		return fmt.Errorf("compile routes: %w", err)
	}
	c.InhibitRules = c.Upstream.InhibitRules
	c.Intervals = timeinterval.NewIntervener(intervalsOf(c.Upstream))
	c.ResolveTimeout = time.Duration(c.Upstream.Global.ResolveTimeout)
	c.Files = localFiles(c.Upstream)
	used := make(map[string]bool)
	for _, r := range c.Routes.Routes() {
		used[r.Receiver] = true
	}
	c.Receivers = make(map[string]*notify.Receiver)
	for _, rc := range c.Upstream.Receivers {
		c.ReceiverNames = append(c.ReceiverNames, ReceiverName{Name: rc.Name, Labels: rc.Labels})
		if !used[rc.Name] {
			continue
		}
		if c.Receivers[rc.Name], err = notify.Build(rc, l.buildOptions(rc.Name)); err != nil {
			return l.masked(err)
		}
	}
	return nil
}

// masked is err without the configuration's secrets.
func (l *loader) masked(err error) error {
	return Problems{{File: l.check.name, Message: l.check.walker.masked(err.Error())}}
}

func (l *loader) buildOptions(receiver string) notify.Options {
	ids := &identities{}
	for _, r := range elements(lookup(l.check.walker.doc.root, "receivers")) {
		if name := lookup(r, "name"); name != nil && name.Value == receiver {
			ids = newIdentities(r)
		}
	}
	return notify.Options{
		Template:   l.config.Template,
		Identities: ids.of,
		Logger:     l.options.Logger,
		HTTP:       l.options.HTTP,
		Metrics:    l.options.Metrics,
		Events:     l.options.Events,
	}
}

// hashOf is the number that Alertmanager shows as its config hash.
func hashOf(text []byte) float64 {
	sum := md5.Sum(text)
	var b [8]byte
	copy(b[:], sum[:6])
	return float64(binary.LittleEndian.Uint64(b[:]))
}

// intervalsOf are the time intervals of both top-level lists, by name.
func intervalsOf(c *amconfig.Config) map[string][]timeinterval.TimeInterval {
	out := make(map[string][]timeinterval.TimeInterval)
	for _, i := range c.MuteTimeIntervals {
		out[i.Name] = i.TimeIntervals
	}
	for _, i := range c.TimeIntervals {
		out[i.Name] = i.TimeIntervals
	}
	return out
}
