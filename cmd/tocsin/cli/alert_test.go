package cli_test

import (
	"testing"
)

const twoAlerts = `[
 {"labels":{"alertname":"DiskFull","instance":"db1"},"annotations":{"summary":"Disk of db1\nis full"},"startsAt":"2026-11-20T08:00:00.000Z",
  "endsAt":"2026-11-20T09:00:00.000Z","updatedAt":"2026-11-20T08:00:00.000Z","fingerprint":"0000000000000001","receivers":[{"name":"team"}],
  "status":{"state":"active","silencedBy":[],"inhibitedBy":[],"mutedBy":[]}},
 {"labels":{"alertname":"Slow"},"annotations":{},"startsAt":"2026-11-20T08:30:00.000Z",
  "endsAt":"2026-11-20T09:00:00.000Z","updatedAt":"2026-11-20T08:30:00.000Z","fingerprint":"0000000000000002","receivers":[{"name":"team"}],
  "status":{"state":"suppressed","silencedBy":["7f"],"inhibitedBy":[],"mutedBy":[]}}
]`

func TestAlertQuery(t *testing.T) {
	n := newNode(t, map[string]answer{"GET /api/v2/alerts": {body: twoAlerts}})
	got := n.run("alert", "query", "DiskFull", "instance=~db.*", "-s", "-r", "te.*")
	if got.code != 0 {
		t.Fatal(got)
	}
	golden(t, "alert_query.txt", got.out)
	want := "GET /api/v2/alerts?active=false&filter=alertname%3D%22DiskFull%22&filter=instance%3D~db.%2A&inhibited=false&receiver=te.%2A&silenced=true&unprocessed=false"
	if n.asked[0].what != want {
		t.Errorf("asked %s, want %s", n.asked[0].what, want)
	}
	golden(t, "alert_query.json", n.run("alert", "query", "-o", "json").out)
	if n.asked[1].what != "GET /api/v2/alerts?active=true&inhibited=false&silenced=false&unprocessed=false" {
		t.Errorf("without a state asked %s", n.asked[1].what)
	}
}

func TestAlertAdd(t *testing.T) {
	n := newNode(t, map[string]answer{"POST /api/v2/alerts": {}})
	got := n.run("alert", "add", "DiskFull", "instance=db1", `path="/var lib"`, "--annotation", "summary=a=b", "--annotation=empty=",
		"--start", "2026-11-20T08:00:00Z", "--generator-url", "http://prom/graph")
	if got.code != 0 || got.out != "" {
		t.Fatal(got)
	}
	sameJSON(t, n.asked[0].body, `[{"labels":{"alertname":"DiskFull","instance":"db1","path":"/var lib"},
		"annotations":{"summary":"a=b","empty":""},"startsAt":"2026-11-20T08:00:00Z","generatorURL":"http://prom/graph"}]`)
	if got := n.run("alert", "add", "a!=b"); got.code != 2 {
		t.Errorf("a label with != was taken: %+v", got)
	}
}
