package docs_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"tocsin/cmd/tocsin/docs"
)

// topicName is what can be typed without thinking.
var topicName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// TestPages holds every file of the folder to the rules: it is a page with a
// title, can be named, and is found by its name.
func TestPages(t *testing.T) {
	files, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	topics, err := docs.Topics()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 || len(topics) != len(files) {
		t.Errorf("%d pages of %d files", len(topics), len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(file, ".md")
		page, err := docs.Find(name)
		if err != nil || page.Text != string(text) || page.Name != name {
			t.Errorf("%s is not found as %q: %v", file, name, err)
		}
		if !topicName.MatchString(name) {
			t.Errorf("%s: nobody types that name", file)
		}
		if len(page.Title) < 3 || len(page.Title) > 72 {
			t.Errorf("%s: the title %q is no title", file, page.Title)
		}
		if strings.ContainsAny(page.Text, "\r\t") {
			t.Errorf("%s has tabs or carriage returns, which terminals show as they like", file)
		}
	}
}

func TestFind(t *testing.T) {
	for _, name := range []string{"CONFIG", "config.md", "config"} {
		if page, err := docs.Find(name); err != nil || page.Name != "config" {
			t.Errorf("%s: %q, %v", name, page.Name, err)
		}
	}
	for _, name := range []string{"", "nothing", "../doc", "docs.go"} {
		if _, err := docs.Find(name); !errors.Is(err, docs.ErrNoTopic) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestPageWithoutTitle(t *testing.T) {
	for _, text := range []string{"", "no title\n", "#\n", "#title\n", "\n# late\n"} {
		files := fstest.MapFS{"a.md": {Data: []byte(text)}}
		if _, err := docs.TopicsIn(files); !errors.Is(err, docs.ErrNoTitle) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
