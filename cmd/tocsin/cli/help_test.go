package cli_test

import (
	"strings"
	"testing"

	"tocsin/cmd/tocsin/docs"
)

// TestHelpShowsEveryTopic reaches each page by the command line, and finds it in
// the list.
func TestHelpShowsEveryTopic(t *testing.T) {
	topics, err := docs.Topics()
	if err != nil || len(topics) == 0 {
		t.Fatal(topics, err)
	}
	list := run("", "help")
	for _, page := range topics {
		if !strings.Contains(list.out, page.Name) || !strings.Contains(list.out, page.Title) {
			t.Errorf("the list lacks %s", page.Name)
		}
		got := run("", "help", page.Name)
		// A command of the same name is explained first.
		if got.code != 0 || !strings.Contains(got.out, page.Text) {
			t.Errorf("help %s: %d %s%s", page.Name, got.code, got.out, got.err)
		}
	}
}

func TestHelpOfCommands(t *testing.T) {
	if got := run("", "help", "config", "apply"); got.code != 0 || !strings.Contains(got.out, "tocsin config apply") {
		t.Errorf("%d %s", got.code, got.out)
	}
	got := run("", "help", "nonsense")
	if got.code != 2 || !strings.Contains(got.err, `no command and no topic "nonsense"`) {
		t.Errorf("%d %s", got.code, got.err)
	}
}
