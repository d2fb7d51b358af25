package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/dispatcher/config"
	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/httpapi/view"
)

// configs has the node run the cluster's active configuration, and carries
// what the file says into the cluster.
type configs struct {
	opts    configOptions
	metrics *configMetrics
	// wake has a token while there may be a version to load.
	wake chan struct{}
	// running is what the dispatcher has, shown what the API shows of it.
	running atomic.Pointer[config.Config]
	shown   atomic.Pointer[view.Config]

	// applying is held while the dispatcher is given a configuration, so that
	// a restart of the timers cannot bring an older one back.
	applying sync.Mutex

	mu      sync.Mutex
	loaded  chan struct{} // closed and replaced when running changes or fails to; guarded by mu
	failure error         // of loading the version failedRev; guarded by mu
	badRev  uint64        // guarded by mu
}

type configOptions struct {
	File    string
	Machine *fsm.Machine
	// Propose has the cluster apply a command.
	Propose func(context.Context, ...command.Command) ([]command.Result, error)
	// Ballot is an error if another voter could not load the version.
	Ballot func(context.Context, *model.ConfigVersion) error
	// First runs before anything else, and returns a channel that is closed when
	// what it began has ended; nil: nothing.
	First func(context.Context) <-chan struct{}
	// Compared reports whether there are other nodes that this one may be
	// compared with; nil: there are none.
	Compared func() bool
	// Now is the wall clock; needed where Compared is.
	Now func() time.Time
	// Ready is closed when this node may judge that the cluster has no
	// configuration yet.
	Ready <-chan struct{}
	// Apply has the dispatcher run a configuration; Tell tells the cluster.
	Apply  func(*config.Config) error
	Tell   func(rev uint64)
	Load   config.Options
	Author string
	Logger *slog.Logger
}

// compareEvery is how often the file is compared with the active version, and
// a version that could not be loaded is tried again.
const compareEvery = time.Minute

// seedEvery is how often a node proposes the first version until there is one.
const seedEvery = 2 * time.Second

// reloadWithin bounds a reload.
const reloadWithin = 30 * time.Second

// reloadTries bounds how often a reload meets somebody else's change and looks
// again.
const reloadTries = 5

// ErrReload says that a reload lost against other changes again and again.
var ErrReload = errors.New("the configuration was changed by others meanwhile, again and again")

func newConfigs(o configOptions, m *configMetrics) *configs {
	return &configs{opts: o, metrics: m, wake: make(chan struct{}, 1), loaded: make(chan struct{})}
}

// run follows the active version until ctx ends.
func (c *configs) run(ctx context.Context) error {
	if c.opts.First != nil {
		ended := c.opts.First(ctx)
		defer func() { <-ended }()
	}
	cancel := c.opts.Machine.Observe(func(ch fsm.Change) {
		if ch.Config {
			c.poke()
		}
	})
	defer cancel()
	c.poke()
	compare := time.NewTicker(compareEvery)
	defer compare.Stop()
	seed := time.NewTicker(seedEvery)
	defer seed.Stop()
	ready := c.opts.Ready
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.wake:
			c.follow()
		case <-compare.C:
			c.follow()
			c.compare()
		case <-ready:
			ready = nil
			c.seed(ctx)
			c.compare()
		case <-seed.C:
			if ready == nil {
				c.seed(ctx)
			}
		}
	}
}

func (c *configs) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// seed makes the file the first version of a cluster that has none.
func (c *configs) seed(ctx context.Context) {
	v := c.opts.Machine.View()
	if v.Config() != nil || v.Cluster() == "" {
		return
	}
	file, err := c.file()
	if err != nil {
		c.opts.Logger.Error("the cluster has no configuration yet, and this node's file cannot be its first", "file", c.opts.File, "err", err)
		return
	}
	file.Comment = "the configuration file of the first node"
	// All nodes that seed the same cluster use the same token, so that only
	// the first one does. A node whose own state is behind cannot know that the
	// cluster has a configuration, and must not put its old file over it.
	rev, err := c.propose(ctx, command.PutConfig{Seed: true, Token: seedToken(v.Cluster()), Version: *file})
	if errors.Is(err, errConflict) {
		return
	}
	if err != nil {
		c.opts.Logger.Warn("could not make the configuration file the cluster's first version; it will be tried again", "err", err)
		return
	}
	if active := c.opts.Machine.View().Config(); active != nil && active.Sum() == file.Sum() {
		c.opts.Logger.Info("the configuration file is the cluster's first version", "file", c.opts.File, "rev", rev)
	}
}

// file reads the configuration file with its templates and checks it.
func (c *configs) file() (*model.ConfigVersion, error) {
	return readConfig(c.opts.File, c.opts.Load)
}

// readConfig reads a configuration file with its templates. The error has all
// that is wrong with it, each with file, line and column.
func readConfig(file string, load config.Options) (*model.ConfigVersion, error) {
	v, err := config.Bundle(file)
	if err != nil {
		return nil, err
	}
	if err := config.CheckVersion(file, v, load).Err(); err != nil {
		return nil, err
	}
	return v, nil
}

// put is propose for a version that all other voters can load, too: a node that
// cannot load what the cluster runs is denied its claims (I13). The first
// version of a cluster is not asked about, since nobody runs one yet.
func (c *configs) put(ctx context.Context, p command.PutConfig) (uint64, error) {
	if err := c.opts.Ballot(ctx, &p.Version); err != nil {
		return 0, err
	}
	return c.propose(ctx, p)
}

// propose has the cluster make a version the active one and returns its number.
func (c *configs) propose(ctx context.Context, put command.PutConfig) (uint64, error) {
	put.Version.Author = cmp.Or(put.Version.Author, c.opts.Author)
	results, err := c.opts.Propose(ctx, put)
	if err != nil {
		return 0, err
	}
	return results[0].Rev, resultError(results[0])
}

// Reload proposes the file where it differs from the active version, and
// restarts the groups' timers where it does not. It returns when this node's
// dispatcher runs what the file says.
func (c *configs) Reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reloadWithin)
	defer cancel()
	c.opts.Logger.Info("Loading configuration file", "file", c.opts.File)
	err := c.reload(ctx)
	c.metrics.reloaded(err == nil)
	if err != nil {
		c.opts.Logger.Error("Loading configuration file failed", "file", c.opts.File, "err", err)
		return err
	}
	c.opts.Logger.Info("Completed loading of configuration file", "file", c.opts.File)
	return nil
}

func (c *configs) reload(ctx context.Context) error {
	file, err := readConfig(c.opts.File, withFiles(c.opts.Load))
	if err != nil {
		return err
	}
	for range reloadTries {
		active := c.opts.Machine.View().Config()
		if active != nil && active.Sum() == file.Sum() {
			return c.restart(ctx, active.Rev)
		}
		file.Comment = "reload of " + filepath.Base(c.opts.File)
		rev, err := c.put(ctx, command.PutConfig{BaseRev: revOf(active), Token: newToken(), Version: *file})
		if errors.Is(err, errConflict) {
			continue
		}
		if err != nil {
			return fmt.Errorf("propose the configuration file to the cluster: %w", spelledOut(err, c.opts.File))
		}
		return c.waitLoaded(ctx, rev)
	}
	return ErrReload
}

// restart applies what runs already once more, which restarts the groups'
// timers on this node, as Alertmanager's reload does.
func (c *configs) restart(ctx context.Context, rev uint64) error {
	if err := c.waitLoaded(ctx, rev); err != nil {
		return err
	}
	c.applying.Lock()
	defer c.applying.Unlock()
	return c.opts.Apply(c.running.Load())
}

// follow loads the active version, if it is not what runs.
func (c *configs) follow() {
	active := c.opts.Machine.View().Config()
	running := c.running.Load()
	if active == nil || running != nil && running.Rev == active.Rev {
		return
	}
	loaded, err := config.Load(active, c.opts.Load)
	if err == nil {
		err = c.apply(loaded)
	}
	if err != nil {
		c.opts.Logger.Error("this node cannot load the cluster's configuration and goes on with the one that it has", "rev", active.Rev, "err", err)
		c.metrics.reloaded(false)
		c.settle(active.Rev, err)
		return
	}
	c.shown.Store(showConfig(loaded))
	c.opts.Tell(loaded.Rev)
	c.metrics.runs(loaded, c.quiet(running, active))
	c.metrics.reloaded(true)
	c.settle(loaded.Rev, nil)
	c.opts.Logger.Info("the configuration is in force", "rev", active.Rev, "hash", active.Hash(), "author", active.Author)
	c.compare()
}

// quiet is how long the hash of a version that this node has just loaded, after
// running another or none, is not shown.
func (c *configs) quiet(before *config.Config, v *model.ConfigVersion) time.Duration {
	if c.opts.Compared == nil || !c.opts.Compared() || v.Rev == 1 {
		return 0 // there is nobody, or nothing, to differ from
	}
	if before != nil {
		return hashQuiet
	}
	age := c.opts.Now().Sub(time.UnixMilli(int64(v.Stamp)))
	return max(0, min(hashQuiet, hashQuiet-age))
}

func (c *configs) apply(loaded *config.Config) error {
	c.applying.Lock()
	defer c.applying.Unlock()
	if err := c.opts.Apply(loaded); err != nil {
		return err
	}
	c.running.Store(loaded)
	return nil
}

// settle tells those who wait for rev how loading it went.
func (c *configs) settle(rev uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.badRev, c.failure = rev, err
	close(c.loaded)
	c.loaded = make(chan struct{})
}

// waitLoaded waits until this node runs rev or a newer version, or cannot.
func (c *configs) waitLoaded(ctx context.Context, rev uint64) error {
	for {
		c.mu.Lock()
		loaded, failure, bad := c.loaded, c.failure, c.badRev
		c.mu.Unlock()
		if running := c.running.Load(); running != nil && running.Rev >= rev {
			return nil
		}
		if failure != nil && bad >= rev {
			return failure
		}
		select {
		case <-loaded:
		case <-ctx.Done():
			return fmt.Errorf("wait for configuration %d: %w", rev, ctx.Err())
		}
	}
}

// compare says whether the file is what the cluster runs.
func (c *configs) compare() {
	active := c.opts.Machine.View().Config()
	if active == nil {
		return
	}
	file, err := config.Bundle(c.opts.File)
	differs := err != nil || file.Sum() != active.Sum()
	if !c.metrics.differ(differs) {
		return
	}
	facts := []any{"file", c.opts.File, "rev", active.Rev}
	if err != nil {
		facts = append(facts, "err", err)
	}
	c.opts.Logger.Warn("the configuration file is not what the cluster runs; reload (SIGHUP, POST /-/reload, or `tocsin config apply`) proposes it, `tocsin config show` shows what runs", facts...)
}

func revOf(v *model.ConfigVersion) uint64 {
	if v == nil {
		return 0
	}
	return v.Rev
}

func showConfig(c *config.Config) *view.Config {
	receivers := make([]view.Receiver, 0, len(c.ReceiverNames))
	for _, r := range c.ReceiverNames {
		receivers = append(receivers, view.Receiver{Name: r.Name, Labels: r.Labels})
	}
	return &view.Config{Rev: c.Rev, Original: c.Masked(), Receivers: receivers, ResolveTimeout: c.ResolveTimeout}
}
