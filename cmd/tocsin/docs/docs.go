package docs

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed *.md
var pages embed.FS

// ErrNoTopic says that there is no page of that name.
var ErrNoTopic = errors.New("no such topic")

// ErrNoTitle says that a page does not begin with its title.
var ErrNoTitle = errors.New(`a page begins with "# " and its title`)

// Topic is a page for operators.
type Topic struct {
	// Name is what people type: the file's name without .md.
	Name string
	// Title is the page's first line without its mark.
	Title string
	// Text is the whole page, Markdown.
	Text string
}

// Topics are all pages, ascending by name.
func Topics() ([]Topic, error) { return topicsIn(pages) }

// Find is the page of a name, which may be written in any case and with .md.
// Error: ErrNoTopic, or what is wrong with the pages.
func Find(name string) (Topic, error) {
	topics, err := Topics()
	if err != nil {
		return Topic{}, err
	}
	wanted := strings.TrimSuffix(strings.ToLower(name), ".md")
	for _, t := range topics {
		if t.Name == wanted {
			return t, nil
		}
	}
	return Topic{}, fmt.Errorf("%q: %w", name, ErrNoTopic)
}

func topicsIn(files fs.FS) ([]Topic, error) {
	names, err := fs.Glob(files, "*.md")
	if err != nil {
		return nil, fmt.Errorf("list the pages: %w", err)
	}
	var topics []Topic
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read a page: %w", err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		title, ok := strings.CutPrefix(strings.TrimSpace(first), "# ")
		if !ok || title == "" {
			return nil, fmt.Errorf("%s: %w", name, ErrNoTitle)
		}
		topics = append(topics, Topic{Name: strings.TrimSuffix(name, ".md"), Title: title, Text: string(text)})
	}
	return topics, nil
}
