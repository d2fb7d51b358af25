package archive_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"testing"

	"tocsin/fsm/archive"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

var update = flag.Bool("update", false, "write the golden files anew")

// releaseBackups are backups that releases made, with the hash of the state in
// them. They are written once, with -update, and never again.
var releaseBackups = map[string]func(t *testing.T) []byte{
	// Format 1, with a state of schema 1.
	"v1": func(t *testing.T) []byte { return write(t, filled(t)) },
	// Format 1, with a state of schema 2: records and the audit.
	"v2": func(t *testing.T) []byte {
		m := filled(t)
		apply(t, m, command.SetMinVersion{Version: 2})
		apply(t, m, command.SignedBy(model.Actor{Name: "local"}, "n1", model.Token{9}, command.PutRecord{
			Record: model.RecordAPIToken, Name: "ci", Body: []byte("secret"),
		}))
		return write(t, m)
	},
}

// TestBackupsOfReleases: every later program restores what an earlier one backed
// up, to the same state.
func TestBackupsOfReleases(t *testing.T) {
	for name, fill := range releaseBackups {
		file := "../../testdata/backups/" + name + ".snapshot"
		if *update {
			if err := os.WriteFile(file, fill(t), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		man, err := archive.Check(bytes.NewReader(b), archive.Key{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		m, _ := machine(t)
		_, err = archive.Read(bytes.NewReader(b), archive.Key{}, func(_ archive.Manifest, in io.Reader) error { return m.Restore(in) })
		if v := m.View(); err != nil || fmt.Sprintf("%016x", v.StateHash()) != man.StateHash || v.SilenceCount() != 20 || v.EntryCount() != 1 {
			t.Errorf("%s: restored at %d with hash %016x, %v; the backup says %+v", name, v.Index(), v.StateHash(), err, man)
		}
		if r, ok := m.View().Record(model.RecordAPIToken, "ci"); ok != (name == "v2") || ok && string(r.Body) != "secret" || m.View().AuditCount() > 0 != (name == "v2") {
			t.Errorf("%s: the record is %v, the audit has %d rows", name, ok, m.View().AuditCount())
		}
	}
}
