package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"reflect"
	"strings"

	amconfig "github.com/prometheus/alertmanager/config"
	amcommon "github.com/prometheus/alertmanager/config/common"
	commoncfg "github.com/prometheus/common/config"
)

// Target is where the messages of an integration go: host and port, never more of
// an address, which may be secret.
type Target struct {
	Receiver, Integration string
	// Address is host:port, "" if that cannot be told; Problem says why.
	Address, Problem string
	TLS              bool
	// Proxy: the address is that of the proxy in between.
	Proxy bool
}

// Targets are the targets of all receivers that routes name, in the order of the
// configuration.
func (c *Config) Targets() []Target {
	var out []Target
	for _, r := range c.Upstream.Receivers {
		if c.Receivers[r.Name] != nil {
			out = append(out, targetsOf(r)...)
		}
	}
	return out
}

func targetsOf(r amconfig.Receiver) []Target {
	var out []Target
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		name, ok := integrationKey(yamlName(v.Type().Field(i)))
		if !ok {
			continue
		}
		for j := range v.Field(i).Len() {
			t := targetOf(v.Field(i).Index(j))
			t.Receiver, t.Integration = r.Name, fmt.Sprintf("%s[%d]", name, j)
			out = append(out, t)
		}
	}
	return out
}

func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

// pushover is the one service whose address no configuration names: its url is a
// link in the message.
const pushover = "https://api.pushover.net/"

// targetOf finds the target of one integration's configuration.
func targetOf(conf reflect.Value) Target {
	for conf.Kind() == reflect.Pointer {
		conf = conf.Elem()
	}
	fields := map[string]reflect.Value{}
	for i := range conf.NumField() {
		fields[yamlName(conf.Type().Field(i))] = conf.Field(i)
	}
	if host, ok := fields["smarthost"]; ok {
		return Target{Address: fmt.Sprint(host.Interface())}
	}
	if conf.Type().Name() == "PushoverConfig" {
		return through(pushover, fields["http_config"])
	}
	raw, err := addressIn(fields)
	if sigv4, isSNS := fields["sigv4"]; isSNS && raw == "" && err == nil {
		if region := sigv4.FieldByName("Region").String(); region != "" {
			raw = "https://sns." + region + ".amazonaws.com/"
		}
	}
	switch {
	case err != nil:
		return Target{Problem: err.Error()}
	case raw == "":
		return Target{Problem: "its configuration names no address"}
	}
	return through(raw, fields["http_config"])
}

// addressIn is the URL that the fields name, or that a file which they name has.
func addressIn(fields map[string]reflect.Value) (string, error) {
	for _, name := range []string{"webhook_url", "url", "api_url", "app_url"} {
		if f, ok := fields[name]; ok {
			if raw := textOf(f); raw != "" {
				return raw, nil
			}
		}
		f, ok := fields[name+"_file"]
		if !ok || f.String() == "" {
			continue
		}
		text, err := os.ReadFile(f.String())
		if err != nil {
			return "", fmt.Errorf("read the file of its address: %w", err)
		}
		return strings.TrimSpace(string(text)), nil
	}
	return "", nil
}

func textOf(f reflect.Value) string {
	switch u := f.Interface().(type) {
	case *amcommon.URL:
		if u != nil && u.URL != nil {
			return u.URL.String()
		}
	case *amcommon.SecretURL:
		if u != nil && u.URL != nil {
			return u.URL.String()
		}
	default:
		if f.Kind() == reflect.String {
			return f.String()
		}
	}
	return ""
}

// through is the target of a URL, or of the proxy that stands before it.
func through(raw string, client reflect.Value) Target {
	if strings.Contains(raw, "{{") {
		return Target{Problem: "its address is a template"}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return Target{Problem: "its address cannot be read"} // the error would show it
	}
	t := Target{TLS: u.Scheme == "https"}
	if client.IsValid() {
		if c, ok := client.Interface().(*commoncfg.HTTPClientConfig); ok && c != nil && c.ProxyURL.URL != nil {
			u, t.Proxy = c.ProxyURL.URL, true
			t.TLS = u.Scheme == "https"
		}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080"}[u.Scheme]
	}
	t.Address = net.JoinHostPort(u.Hostname(), port)
	return t
}
