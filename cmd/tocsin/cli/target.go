package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/app"
	"tocsin/cmd/tocsin/install"
)

// maxTokenBytes bounds a file with a token.
const maxTokenBytes = 4 << 10

// target is the address to ask: the one that was given or, if none was, the admin
// socket of this machine's node if it answers.
func (r *remote) target(cmd *cobra.Command) string {
	given := os.Getenv("TOCSIN_ADDRESS") != "" || r.address != defaultAddress
	if f := cmd.Flag("address"); f != nil {
		given = given || f.Changed
	}
	if given {
		return r.address
	}
	for _, folder := range []string{install.DataDir, app.DefaultSettings().DataDir} {
		path, err := filepath.Abs(filepath.Join(folder, app.DefaultAdminSocket))
		if err == nil && answers(path) {
			return "unix://" + path
		}
	}
	return r.address
}

// answers reports whether this user reaches a process at the socket.
func answers(path string) bool {
	c, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// readAPIToken reads the secret in a file.
func readAPIToken(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxTokenBytes))
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \n\r\t") {
		return "", fmt.Errorf("read the token in %s: %w", file, errNoToken)
	}
	return token, nil
}

var errNoToken = errors.New("it is not one token on one line: `tocsin token create` makes one")
