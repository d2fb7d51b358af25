package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

// silenceImport puts the silences of a JSON array, several at a time.
type silenceImport struct {
	force   bool
	workers int
}

func newSilenceImport(r *remote) *cobra.Command {
	var im silenceImport
	cmd := &cobra.Command{
		Use:   "import [FILE]",
		Short: "Add silences from a JSON array",
		Long:  "Add the silences of a JSON array, as `silence query -o json` writes it, from a\nfile or from standard input. A silence whose ID is known is changed; one whose\nID is not known gets a new one.",
		Args:  between(0, 1, "at most one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if im.workers < 1 {
				return usagef("--worker must be at least 1, not %d", im.workers)
			}
			silences, err := readSilences(r.In, args)
			if err != nil {
				return err
			}
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				return im.run(ctx, c, r, silences)
			})
		},
	}
	cmd.Flags().BoolVarP(&im.force, "force", "f", false, "Give every silence a new ID.")
	cmd.Flags().IntVarP(&im.workers, "worker", "w", 8, "How many silences are put at a time.")
	return cmd
}

func readSilences(in io.Reader, args []string) ([]client.Silence, error) {
	if len(args) > 0 {
		f, err := os.Open(args[0])
		if err != nil {
			return nil, fmt.Errorf("import silences: %w", err)
		}
		defer f.Close()
		in = f
	}
	var out []client.Silence
	if err := json.NewDecoder(in).Decode(&out); err != nil {
		return nil, fmt.Errorf("import silences: couldn't unmarshal input data, is it a JSON array of silences? %w", err)
	}
	return out, nil
}

func (im *silenceImport) run(ctx context.Context, c *client.Client, r *remote, silences []client.Silence) error {
	queue := make(chan client.Silence)
	results := make(chan error)
	var wg sync.WaitGroup
	for range min(im.workers, len(silences)) {
		wg.Go(func() {
			for s := range queue {
				results <- im.put(ctx, c, s)
			}
		})
	}
	go func() {
		for _, s := range silences {
			queue <- s
		}
		close(queue)
		wg.Wait()
		close(results)
	}()
	failed := 0
	for err := range results {
		if err != nil {
			failed++
			fmt.Fprintf(r.Err, "tocsin: %v\n", err)
		}
	}
	if failed > 0 {
		return fmt.Errorf("couldn't import %d out of %d silences", failed, len(silences))
	}
	r.printf("imported %d silences\n", len(silences))
	return nil
}

func (im *silenceImport) put(ctx context.Context, c *client.Client, s client.Silence) error {
	name := s.ID
	if im.force {
		s.ID = ""
	}
	_, err := c.PutSilence(ctx, s)
	if s.ID != "" && client.IsNotFound(err) {
		s.ID = ""
		_, err = c.PutSilence(ctx, s)
	}
	if err != nil {
		return fmt.Errorf("import silence %q: %w", name, err)
	}
	return nil
}
