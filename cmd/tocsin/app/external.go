package app

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// externalURL is where people reach the node: what was given, or the host name
// with the port that the node listens on. Its path has no slash at the end.
func externalURL(given, listen string) (*url.URL, error) {
	if given == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("find host name for --web.external-url: %w", err)
		}
		given = "http://" + host + "/"
		if _, port, err := net.SplitHostPort(listen); err == nil {
			given = "http://" + net.JoinHostPort(host, port) + "/"
		}
	}
	u, err := url.Parse(given)
	if err != nil {
		return nil, fmt.Errorf("%w: --web.external-url: %w", ErrSettings, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: --web.external-url %q must begin with http:// or https://", ErrSettings, given)
	}
	u.Path = cleanPrefix(u.Path)
	return u, nil
}

func cleanPrefix(path string) string {
	path = strings.Trim(path, "/")
	if path == "" {
		return ""
	}
	return "/" + path
}
