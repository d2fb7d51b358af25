package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"
)

// rewritten is a file whose manifest says something else, and whose sums agree.
func rewritten(t *testing.T, file []byte, old, with string) []byte {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	in := tar.NewReader(zip)
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	to := tar.NewWriter(zipped)
	var was, is string
	for h, err := in.Next(); err == nil; h, err = in.Next() {
		b, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if h.Name == "manifest.json" {
			was = fmt.Sprintf("%x", sha256.Sum256(b))
			if !bytes.Contains(b, []byte(old)) {
				t.Fatalf("the manifest has no %s: %s", old, b)
			}
			b = bytes.Replace(b, []byte(old), []byte(with), 1)
			is = fmt.Sprintf("%x", sha256.Sum256(b))
		}
		if h.Name == "SHA256SUMS" {
			b = []byte(strings.Replace(string(b), was, is, 1))
		}
		h.Size = int64(len(b))
		if err := to.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if to.Close() != nil || zipped.Close() != nil {
		t.Fatal("cannot write")
	}
	return out.Bytes()
}
