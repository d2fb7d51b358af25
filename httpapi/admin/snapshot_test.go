package admin_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"tocsin/httpapi/admin"
	"tocsin/httpapi/refusal"
)

func TestSnapshotIsStreamed(t *testing.T) {
	n := newNode(t)
	n.fake.backup = "bytes"
	for target, want := range map[string]string{"/snapshot": "bytes", "/snapshot?stale=true": "bytes!"} {
		w := n.do("GET", target, "")
		if w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%s: %d %q %v", target, w.Code, w.Body, w.Header())
		}
	}
	// What fails before the first byte is told, what fails after it is cut off.
	n.fake.refuse = &refusal.Refusal{}
	if w := n.do("GET", "/snapshot", ""); w.Code != 200 || w.Body.String() != "bytes" {
		t.Errorf("broken off: %d %q", w.Code, w.Body)
	}
	n.fake.backup = ""
	if w := n.do("GET", "/snapshot", ""); w.Code != 503 || !strings.Contains(w.Body.String(), "no quorum") || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("refused: %d %q %v", w.Code, w.Body, w.Header())
	}
}

func TestRestoreSnapshot(t *testing.T) {
	n := newNode(t)
	n.expect(t, "POST", "/snapshot/restore?force=true&dry_run=1", "file", 200,
		`{"dry_run":true,"cluster_id":"c1","index":7,"created":"2026-11-21T02:03:04.567Z","config_from":2,"config_rev":3,`+
			`"silences_created":0,"silences_changed":0,"silences_expired":0,"doubted":0,"settings":0,"changes":1}`)
	if want := (admin.RestoreOptions{Force: true, DryRun: true}); n.fake.backup != "file" || n.fake.restored != want {
		t.Errorf("restored %q with %+v", n.fake.backup, n.fake.restored)
	}
	n.expect(t, "POST", "/snapshot/restore?force=perhaps", "file", 400,
		`{"error":"force must be true or false","hint":"leave it out for false"}`)
	n.fake.refuse = &refusal.Denied{Reason: refusal.ErrInvalid, Text: "it is of cluster c9"}
	n.expect(t, "POST", "/snapshot/restore", "file", 422, `{"error":"it is of cluster c9"}`)
	n.fake.refuse = errors.New("dial tcp: internals")
	n.expect(t, "POST", "/snapshot/restore", "file", 500, `{"error":"internal error","hint":"the reason is in the node's log"}`)
}

func TestSchedule(t *testing.T) {
	n := newNode(t)
	n.expect(t, "PUT", "/snapshot/schedule", `{"every_seconds":3600,"keep":24,"dir":"backups"}`, 200,
		`{"every_seconds":3600,"keep":24,"dir":"backups","last":{"at":"then","file":"f","bytes":5}}`)
	if want := (admin.Schedule{EverySeconds: 3600, Keep: 24, Dir: "backups"}); !reflect.DeepEqual(n.fake.schedule, want) {
		t.Errorf("set %+v", n.fake.schedule)
	}
	n.expect(t, "GET", "/snapshot/schedule", "", 200,
		`{"every_seconds":3600,"keep":24,"dir":"backups","last":{"at":"then","file":"f","bytes":5}}`)
}
