package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/prometheus/common/version"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"tocsin/cmd/tocsin/app"
	"tocsin/cmd/tocsin/install"
)

// Docs are what the command line knows about itself: a manual page for every
// command, and completion for shells.
func Docs() ([]install.Doc, error) {
	root := newRoot(Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard})
	var docs []install.Doc
	for _, c := range []struct {
		kind  install.DocKind
		name  string
		write func(io.Writer) error
	}{
		{install.BashCompletion, "tocsin", func(w io.Writer) error { return root.GenBashCompletionV2(w, true) }},
		{install.ZshCompletion, "_tocsin", root.GenZshCompletion},
		{install.FishCompletion, "tocsin.fish", func(w io.Writer) error { return root.GenFishCompletion(w, true) }},
	} {
		var b bytes.Buffer
		if err := c.write(&b); err != nil {
			return nil, fmt.Errorf("write the %s: %w", c.kind, err)
		}
		docs = append(docs, install.Doc{Kind: c.kind, Name: c.name, Text: b.Bytes()})
	}
	return manPages(root, docs)
}

func manPages(cmd *cobra.Command, docs []install.Doc) ([]install.Doc, error) {
	cmd.DisableAutoGenTag = true
	var b bytes.Buffer
	date := buildDate()
	header := &doc.GenManHeader{Section: "1", Source: "Tocsin " + app.Version(), Manual: "Tocsin", Date: &date}
	if err := doc.GenMan(cmd, header, &b); err != nil {
		return nil, fmt.Errorf("write the manual page of %s: %w", cmd.CommandPath(), err)
	}
	docs = append(docs, install.Doc{
		Kind: install.ManPage,
		Name: strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1",
		Text: b.Bytes(),
	})
	for _, child := range cmd.Commands() {
		if !child.IsAvailableCommand() || child.IsAdditionalHelpTopicCommand() {
			continue
		}
		var err error
		if docs, err = manPages(child, docs); err != nil {
			return nil, err
		}
	}
	return docs, nil
}

// buildDate is the date on the pages: that of the build, so that writing them
// again gives the same.
func buildDate() time.Time {
	t, err := time.Parse("20060102-15:04:05", version.BuildDate)
	if err != nil {
		return time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	return t
}
