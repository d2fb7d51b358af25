package app_test

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
)

// TestVotersAreAskedFirst proposes a version that needs a file which one of
// three nodes has not: it is refused with that node's name, on whichever node it
// is proposed, and taken once the file is there (I13).
func TestVotersAreAskedFirst(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	server.Close()
	synctest.Test(t, func(t *testing.T) {
		var folders []string
		l := newLabOf(t, 3, func(n *labNode) {
			folder := t.TempDir()
			n.opts.Settings.ConfigFile = filepath.Join(folder, "alertmanager.yml")
			put(t, n.opts.Settings.ConfigFile, labConfig)
			put(t, filepath.Join(folder, "ca.pem"), ca)
			folders = append(folders, folder)
		})
		missing := filepath.Join(folders[2], "ca.pem")
		if err := os.Remove(missing); err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(map[string]string{"yaml": strings.Replace(labConfig, "hook\n",
			"hook\n        http_config: {tls_config: {ca_file: ca.pem}}\n", 1)})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range l.nodes {
			w := n.do(http.MethodPut, "/api/tocsin/v1/config", string(body))
			if text := w.Body.String(); w.Code != http.StatusUnprocessableEntity || n != l.nodes[2] && !strings.Contains(text, "node node3 cannot load") {
				t.Errorf("%s answers %d %s", n.ip, w.Code, text)
			}
		}
		put(t, missing, ca)
		if w := l.nodes[0].do(http.MethodPut, "/api/tocsin/v1/config", string(body)); w.Code != http.StatusOK {
			t.Errorf("a version that all can load is answered with %d %s", w.Code, w.Body)
		}
	})
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
