package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestMigrateCheck(t *testing.T) {
	dir := folder(t, "good.yml", routedConfig, "bad.yml", "route: {receiver: a}\nreceivers: []\n")
	good, bad := filepath.Join(dir, "good.yml"), filepath.Join(dir, "bad.yml")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--config", good}, 0, "the configuration is valid here"},
		{[]string{"--config", good, "--flags", "alertmanager --storage.path=/x --cluster.peer=b:9094"}, 2, "TO DO"},
		{[]string{"--config", bad, "-o", "json"}, 1, `"level": "in the way"`},
		{[]string{"--url", "127.0.0.1:1"}, 1, "ask http://127.0.0.1:1/api/v2/status"},
		{[]string{"--url", "ftp://x"}, 2, "--url"},
		{[]string{"-o", "xml"}, 2, "--output must be table or json"},
	} {
		got := run("", append([]string{"migrate", "check"}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.out+got.err, c.want) {
			t.Errorf("%v: %+v", c.args, got)
		}
	}
}
