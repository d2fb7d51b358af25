package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/migrate"
	"tocsin/dispatcher/config"
)

func newMigrate(s Streams) *cobra.Command {
	return group("migrate", "Come from Alertmanager", newMigrateCheck(s))
}

func newMigrateCheck(s Streams) *cobra.Command {
	r := &remote{Streams: s, now: time.Now}
	source := migrate.Source{Transport: http.DefaultTransport, Proc: "/proc"}
	var address string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say what changes when an Alertmanager is replaced by Tocsin",
		Long: "Read a running Alertmanager and say what stays the same, what will be different and\n" +
			"what is to be done first. Nothing is changed. Its flags are read from its\n" +
			"/debug/pprof/cmdline or, on the same machine, from the list of processes.\n\n" +
			"`tocsin help migrating` walks through replacing a cluster.\n\n" +
			"Exit codes: 0 nothing is to be done, 2 something is, 1 something is in the way or\n" +
			"nothing could be read.",
		Args: nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.output != asTable && r.output != asJSON {
				return usagef("--output must be table or json, not %q", r.output)
			}
			if address == "" && source.ConfigFile == "" && source.Flags == "" {
				address = defaultAddress
			}
			if address != "" {
				var err error
				if source.URL, err = baseURL(address); err != nil {
					return usageError{fmt.Errorf("--url: %w", err)}
				}
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), r.timeout)
			defer cancel()
			return r.migrateCheck(ctx, source)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&address, "url", "", "The Alertmanager, with its route prefix if it has one. Default http://127.0.0.1:9093, unless --config or --flags are given: then none is asked.")
	fs.StringVar(&source.ConfigFile, "config", "", "Its configuration file; without it, what its API shows is looked at.")
	fs.StringVar(&source.Flags, "flags", "", "Its command line, such as the ExecStart= of its unit file, in place of what can be found out.")
	fs.StringVarP(&r.output, "output", "o", asTable, "Output: table or json.")
	fs.DurationVar(&r.timeout, "timeout", 30*time.Second, "How long to wait for answers.")
	return cmd
}

// baseURL reads the address of an API.
func baseURL(address string) (*url.URL, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err == nil && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		err = fmt.Errorf("%q is not an address such as http://alertmanager:9093", address)
	}
	return u, err
}

func (r *remote) migrateCheck(ctx context.Context, source migrate.Source) error {
	if err := config.InitMode(config.ModeDefault, nil); err != nil {
		return err
	}
	facts, err := migrate.Look(ctx, source)
	if err != nil {
		return err
	}
	found := migrate.Judge(&facts)
	err = r.print(found, func(t *table) {
		for _, f := range found {
			t.row(strings.ToUpper(f.Level.String()), f.About, f.Text)
			if f.Do != "" {
				t.row("", "", "  → "+f.Do)
			}
		}
	})
	if err != nil {
		return err
	}
	switch migrate.Worst(found) {
	case migrate.Stop:
		return exitCode(exitFailed)
	case migrate.Todo:
		return exitCode(2)
	}
	return nil
}
