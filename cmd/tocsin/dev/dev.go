package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/promslog"

	"tocsin/cluster/clock"
	"tocsin/cmd/tocsin/app"
)

// Options say how the demonstration is run.
type Options struct {
	// Program is the name by which the program was called, for the commands
	// that are printed.
	Program  string
	LogLevel string
	Out, Err io.Writer
}

// size is how many nodes the demonstration has.
const size = 3

// joinWithin bounds how long the nodes have to find each other.
const joinWithin = 30 * time.Second

// ErrJoin says that the nodes did not find each other in time.
var ErrJoin = errors.New("the nodes did not form a cluster in time")

// demonstration is what runs.
type demonstration struct {
	opts   Options
	logger *slog.Logger
	folder string
	config string
	nodes  []*app.Node
	server *http.Server
}

// Run runs the demonstration until ctx ends.
func Run(ctx context.Context, o Options) error {
	level := promslog.NewLevel()
	if err := level.Set(o.LogLevel); err != nil {
		return fmt.Errorf("--log.level: %w", err)
	}
	folder, err := os.MkdirTemp("", "tocsin-dev-")
	if err != nil {
		return fmt.Errorf("make the temporary data folder: %w", err)
	}
	defer os.RemoveAll(folder)
	d := &demonstration{
		opts:   o,
		logger: promslog.New(&promslog.Config{Level: level, Writer: o.Err}),
		folder: folder,
		config: filepath.Join(folder, "alertmanager.yml"),
	}
	defer d.stop()
	start := time.Now()
	if err := d.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	fmt.Fprint(o.Out, d.welcome(time.Since(start)))
	return d.wait(ctx)
}

func (d *demonstration) start(ctx context.Context) error {
	address, err := d.startSink()
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.config, []byte(demo("http://"+address+"/")), 0o600); err != nil {
		return fmt.Errorf("write the demonstration's configuration: %w", err)
	}
	for i := range size {
		if err := d.startNode(ctx, i); err != nil {
			return err
		}
	}
	return d.formed(ctx)
}

// startSink starts the receiver and returns its host:port.
func (d *demonstration) startSink() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("start the receiver: %w", err)
	}
	d.server = &http.Server{Handler: &sink{out: d.opts.Out, now: time.Now}, ReadHeaderTimeout: time.Minute}
	go d.server.Serve(l) // ends with Close, in stop
	return l.Addr().String(), nil
}

// startNode starts node i; all after the first join it.
func (d *demonstration) startNode(ctx context.Context, i int) error {
	s := app.DefaultSettings()
	s.ConfigFile = d.config
	s.DataDir = filepath.Join(d.folder, fmt.Sprintf("node%d", i+1))
	s.Cluster.ListenAddress = "127.0.0.1:0"
	s.Cluster.PeerName = fmt.Sprintf("node%d", i+1)
	if i > 0 {
		s.Cluster.Peers = []string{d.nodes[0].GossipAddress()}
	}
	l, err := listen(9093 + 100*i)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	n, err := app.Open(ctx, app.Options{
		Settings:   s,
		Logger:     d.logger.With("node", s.Cluster.PeerName),
		Registerer: registry,
		Gatherer:   registry,
		Elapsed:    clock.SinceBoot,
		Replace:    app.Replace{Listeners: []net.Listener{l}},
	})
	if err != nil {
		l.Close()
		return fmt.Errorf("start %s: %w", s.Cluster.PeerName, err)
	}
	d.nodes = append(d.nodes, n)
	return nil
}

// listen takes the port if it is free, and any free one otherwise.
func listen(port int) (net.Listener, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("find a free port: %w", err)
	}
	return l, nil
}

// formed waits until all nodes are members and run the configuration.
func (d *demonstration) formed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, joinWithin)
	defer cancel()
	for _, n := range d.nodes {
		select {
		case <-n.Ready():
		case err := <-n.Failed():
			return err
		case <-ctx.Done():
			return ErrJoin
		}
	}
	return nil
}

func (d *demonstration) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		fmt.Fprintln(d.opts.Out, "\nstopping")
		return nil
	case err := <-d.nodes[0].Failed():
		return err
	case err := <-d.nodes[1].Failed():
		return err
	case err := <-d.nodes[2].Failed():
		return err
	}
}

// stop takes the nodes down, the newest first, then the receiver.
func (d *demonstration) stop() {
	for i := len(d.nodes) - 1; i >= 0; i-- {
		if err := d.nodes[i].Close(context.Background()); err != nil {
			d.logger.Warn("a node did not stop cleanly", "err", err)
		}
	}
	if d.server != nil {
		d.server.Close()
	}
}
