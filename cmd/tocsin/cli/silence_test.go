package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/client"
)

const twoSilences = `[
 {"id":"11111111-0000-4000-8000-000000000000","status":{"state":"active"},"updatedAt":"2026-11-20T08:00:00.000Z","comment":"new disk\n","createdBy":"ada",
  "startsAt":"2026-11-20T08:00:00.000Z","endsAt":"2126-11-20T09:00:00.000Z",
  "matchers":[{"name":"alertname","value":"DiskFull","isRegex":false,"isEqual":true},{"name":"instance","value":"db.*","isRegex":true,"isEqual":false}]},
 {"id":"22222222-0000-4000-8000-000000000000","status":{"state":"expired"},"updatedAt":"2020-11-20T08:00:00.000Z","comment":"old","createdBy":"bob",
  "startsAt":"2020-11-20T08:00:00.000Z","endsAt":"2020-11-20T09:00:00.000Z",
  "matchers":[{"name":"a","value":"b","isRegex":false}]}
]`

func TestSilenceQuery(t *testing.T) {
	n := newNode(t, map[string]answer{"GET /api/v2/silences": {body: twoSilences}})
	golden(t, "silence_query.txt", n.run("silence", "query", "DiskFull").out)
	if want := "GET /api/v2/silences?filter=alertname%3D%22DiskFull%22"; n.asked[0].what != want {
		t.Errorf("asked %s, want %s", n.asked[0].what, want)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "1"},
		{[]string{"--expired"}, "2"},
		{[]string{"--created-by", "ada"}, "1"},
		{[]string{"--created-by", "bob"}, ""},
		{[]string{"--within", "2h"}, ""},
		{[]string{"--within", "200y"}, "1"},
		{[]string{"--expired", "--id", "22222222-0000-4000-8000-000000000000"}, "2"},
		{[]string{"--expired", "--within", "1m"}, ""},
	} {
		got := n.run(append([]string{"silence", "query", "-q"}, c.args...)...)
		if got.code != 0 || !strings.HasPrefix(got.out, c.want) || (c.want == "") != (got.out == "") {
			t.Errorf("silence query -q %v: %+v, want %q", c.args, got, c.want)
		}
	}
}

func TestSilenceAdd(t *testing.T) {
	n := newNode(t, map[string]answer{"POST /api/v2/silences": {body: `{"silenceID":"abc"}`}})
	got := n.run("silence", "add", "DiskFull", "instance!~db.*", "-a", "ada", "-c", "new disk", "-d", "2d", "--annotation", "ticket=7",
		"--start", "2026-11-20T08:00:00Z")
	if got.code != 0 || got.out != "abc\n" {
		t.Fatal(got)
	}
	sameJSON(t, n.asked[0].body, `{"matchers":[{"name":"alertname","value":"DiskFull","isRegex":false,"isEqual":true},
		{"name":"instance","value":"db.*","isRegex":true,"isEqual":false}],"startsAt":"2026-11-20T08:00:00Z","endsAt":"2026-11-22T08:00:00Z",
		"createdBy":"ada","comment":"new disk","annotations":{"ticket":"7"}}`)

	before := time.Now().Add(-time.Second)
	if got := n.run("silence", "add", "a=b", "-c", "x"); got.code != 0 {
		t.Fatal(got)
	}
	var s client.Silence
	if err := json.Unmarshal([]byte(n.asked[1].body), &s); err != nil {
		t.Fatal(err)
	}
	if s.StartsAt.Before(before) || s.EndsAt.Sub(s.StartsAt) != time.Hour || s.CreatedBy == "" {
		t.Errorf("defaults: %+v", s)
	}
	if got := n.run("silence", "add", "a=b", "-c", "x", "--end", "2001-01-01T00:00:00Z"); got.code != 2 {
		t.Errorf("a silence that ends before it begins was sent: %+v", got)
	}
}

func TestSilenceUpdateAndExpire(t *testing.T) {
	const id = "11111111-0000-4000-8000-000000000000"
	n := newNode(t, map[string]answer{
		"GET /api/v2/silence/" + id:    {body: strings.TrimSuffix(strings.TrimPrefix(twoSilences[:strings.Index(twoSilences, "\n {\"id\":\"2")], "["), ",")},
		"POST /api/v2/silences":        {body: `{"silenceID":"` + id + `"}`},
		"DELETE /api/v2/silence/" + id: {},
		"DELETE /api/v2/silence/nope":  {code: 404},
	})
	if got := n.run("silence", "update", id, "-c", "longer", "-d", "3h"); got.code != 0 || got.out != id+"\n" {
		t.Fatal(got)
	}
	sameJSON(t, n.asked[1].body, `{"id":"`+id+`","matchers":[{"name":"alertname","value":"DiskFull","isRegex":false,"isEqual":true},
		{"name":"instance","value":"db.*","isRegex":true,"isEqual":false}],"startsAt":"2026-11-20T08:00:00Z","endsAt":"2026-11-20T11:00:00Z",
		"createdBy":"ada","comment":"longer"}`)
	if got := n.run("silence", "expire", id); got.code != 0 {
		t.Error(got)
	}
	got := n.run("silence", "expire", "nope", id)
	if got.code != 1 || !strings.Contains(got.err, "there is no silence nope: `tocsin silence query` lists them") {
		t.Error(got)
	}
	if last := n.asked[len(n.asked)-1].what; last != "DELETE /api/v2/silence/"+id {
		t.Errorf("after one that is not there, did not go on: %s", last)
	}
}

func TestSilenceImport(t *testing.T) {
	n := newNode(t, map[string]answer{"POST /api/v2/silences": {body: `{"silenceID":"abc"}`}})
	file := filepath.Join(t.TempDir(), "silences.json")
	if err := os.WriteFile(file, []byte(twoSilences), 0o600); err != nil {
		t.Fatal(err)
	}
	got := n.run("silence", "import", "-w", "1", file)
	if got.code != 0 || got.out != "imported 2 silences\n" || len(n.asked) != 2 || !strings.Contains(n.asked[0].body, `"id":"11111111`) {
		t.Errorf("%+v, %+v", got, n.asked)
	}
	if got := n.run("silence", "import", "-w", "1", "--force", file); got.code != 0 || strings.Contains(n.asked[2].body, `"id"`) {
		t.Errorf("%+v, %+v", got, n.asked[2])
	}
	if got := run("{", "silence", "import", "--address", n.URL); got.code != 1 || !strings.Contains(got.err, "couldn't unmarshal input data") {
		t.Error(got)
	}
	refusing := newNode(t, map[string]answer{"POST /api/v2/silences": {code: 400, body: `"invalid silence"`}})
	got = run(twoSilences, "silence", "import", "-w", "1", "--address", refusing.URL)
	if got.code != 1 || !strings.Contains(got.err, "couldn't import 2 out of 2 silences") {
		t.Error(got)
	}
}
