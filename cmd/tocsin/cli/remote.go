package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

// remote is what all commands that speak to a node have in common: where it
// is, how long to wait, and how to print.
type remote struct {
	Streams
	address string
	output  string
	timeout time.Duration
	// tokenFile has the secret of an API token; empty: none.
	tokenFile string
	now       func() time.Time
}

// The output forms.
const (
	asTable = "table"
	asJSON  = "json"
)

const defaultAddress = "http://127.0.0.1:9093"

// attach gives cmd and all below it the common flags.
func attach(cmd *cobra.Command, s Streams) (*cobra.Command, *remote) {
	r := &remote{Streams: s, now: time.Now}
	address := os.Getenv("TOCSIN_ADDRESS")
	if address == "" {
		address = defaultAddress
	}
	fs := cmd.PersistentFlags()
	fs.StringVar(&r.address, "address", address, "Address of a node's API, or unix:///PATH; the environment's TOCSIN_ADDRESS changes the default. With neither, this machine's admin socket is used if it is there.")
	fs.StringVar(&r.tokenFile, "token-file", os.Getenv("TOCSIN_TOKEN_FILE"), "File with an API token; the environment's TOCSIN_TOKEN_FILE changes the default.")
	fs.StringVarP(&r.output, "output", "o", asTable, "Output: table or json.")
	fs.DurationVar(&r.timeout, "timeout", 30*time.Second, "How long to wait for answers.")
	return cmd, r
}

// call runs do with a client and a bounded context.
func (r *remote) call(cmd *cobra.Command, do func(context.Context, *client.Client) error) error {
	if r.output != asTable && r.output != asJSON {
		return usagef("--output must be table or json, not %q", r.output)
	}
	token, err := readAPIToken(r.tokenFile)
	if err != nil {
		return err
	}
	c, err := client.New(r.target(cmd), client.Options{Transport: http.DefaultTransport, Token: token})
	if err != nil {
		return usageError{fmt.Errorf("--address: %w", err)}
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), r.timeout)
	defer cancel()
	return do(ctx, c)
}

// print writes v as JSON, or the table that rows fill.
func (r *remote) print(v any, rows func(*table)) error {
	if r.output == asJSON {
		return printJSON(r.Out, v)
	}
	t := newTable(r.Out)
	rows(t)
	return t.flush()
}

// printf writes a line for people; nothing where the output is JSON.
func (r *remote) printf(format string, args ...any) {
	if r.output == asTable {
		fmt.Fprintf(r.Out, format, args...)
	}
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// table writes columns.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer) *table {
	return &table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
}

func (t *table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = strings.Map(oneLine, c)
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

func (t *table) flush() error { return t.w.Flush() }

// oneLine keeps a cell from breaking the table.
func oneLine(r rune) rune {
	if r == '\n' || r == '\t' || r == '\r' {
		return ' '
	}
	return r
}

// when is a time for people, in UTC.
func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST")
}
