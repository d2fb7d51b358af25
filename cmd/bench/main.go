// Command bench measures a Tocsin binary, next to Alertmanager if that is
// installed: how fast it takes alerts in and at what cost, how fast it lists
// them, what memory they take, and, with three nodes, how fast and how late
// notifications go out.
//
// All servers run on loopback addresses of this machine and share its
// processors with the load, so the figures are for comparing, not for quoting.
// The load is bounded in number; bench ends by itself and stops what it started.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"tocsin/cmd/bench/server"
)

// plan is what to measure.
type plan struct {
	programs []server.Program
	// sizes are the numbers of alerts, repeats how often each is measured for
	// every program in turn.
	sizes   []int
	repeats int
	// rounds is how often all alerts are refreshed, at least.
	rounds      int
	connections int
	// gets is how often each list is asked for.
	gets int
	// groups is how many groups are due at once, singles how many one by one,
	// on a cluster of nodes.
	groups, singles, nodes int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	p, err := parse(args, log)
	if err != nil {
		return err
	}
	var in []ingest
	for _, n := range p.sizes {
		for range p.repeats {
			for _, prog := range p.programs {
				fmt.Fprintf(log, "%s: %d alerts\n", prog.Name, n)
				r, err := p.ingest(ctx, prog, n)
				if err != nil {
					return fmt.Errorf("measure %s with %d alerts: %w", prog.Name, n, err)
				}
				in = append(in, r)
			}
		}
	}
	var told []delivery
	for range p.repeats {
		for _, prog := range p.programs {
			fmt.Fprintf(log, "%s: %d nodes, %d groups\n", prog.Name, p.nodes, p.groups)
			d, err := p.delivery(ctx, prog)
			if err != nil {
				return fmt.Errorf("measure %d nodes of %s: %w", p.nodes, prog.Name, err)
			}
			told = append(told, d)
		}
	}
	return report(out, in, told)
}

func parse(args []string, log io.Writer) (plan, error) {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(log)
	bin := fs.String("bin", "bin/tocsin", "the Tocsin binary; empty for none")
	am := fs.String("alertmanager", "auto", "the Alertmanager binary; auto for prometheus-alertmanager or alertmanager from PATH if there is one, empty for none")
	sizes := fs.String("alerts", "1000,10000,50000", "how many alerts, a list")
	short := fs.Bool("short", false, "a quick run: fewer alerts and groups, once each")
	p := plan{gets: 5, nodes: 3}
	fs.IntVar(&p.repeats, "repeats", 2, "how often to measure each, in turns")
	fs.IntVar(&p.rounds, "rounds", 3, "how often to refresh all alerts, at least")
	fs.IntVar(&p.connections, "connections", 4, "how many connections post alerts")
	fs.IntVar(&p.groups, "groups", 2000, "how many groups are due at once on the cluster; 0 leaves the cluster out")
	fs.IntVar(&p.singles, "singles", 40, "how many groups are due one by one on the cluster")
	if err := fs.Parse(args); err != nil {
		return p, err
	}
	if *short {
		*sizes, p.repeats, p.groups, p.singles = "1000", 1, 200, 10
	}
	if err := p.setSizes(*sizes); err != nil {
		return p, err
	}
	if p.repeats < 1 || p.rounds < 1 || p.connections < 1 || p.groups < 0 || p.singles < 0 || fs.NArg() > 0 {
		return p, errors.New("numbers must be positive, and there are no arguments but flags")
	}
	return p, p.setPrograms(*bin, *am)
}

func (p *plan) setSizes(list string) error {
	for s := range strings.SplitSeq(list, ",") {
		if s == "" {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 || n > maxAlerts {
			return fmt.Errorf("-alerts: %q is not a number from 1 to %d", s, maxAlerts)
		}
		p.sizes = append(p.sizes, n)
	}
	return nil
}

// maxAlerts bounds the load: the bodies are made beforehand and kept.
const maxAlerts = 200_000

func (p *plan) setPrograms(bin, am string) error {
	if bin != "" {
		p.programs = append(p.programs, server.Tocsin(bin))
	}
	if am == "auto" {
		am = ""
		for _, name := range []string{"prometheus-alertmanager", "alertmanager"} {
			if path, err := exec.LookPath(name); err == nil {
				am = path
				break
			}
		}
	}
	if am != "" {
		p.programs = append(p.programs, server.Alertmanager(am))
	}
	if len(p.programs) == 0 {
		return errors.New("there is nothing to measure")
	}
	return nil
}
