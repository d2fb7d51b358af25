package migrate

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Facts are what is known of an Alertmanager. What is missing is left out of the
// judgement, and said.
type Facts struct {
	// Version is the Alertmanager's; empty if none was asked.
	Version string
	// Args are its flags, ArgsFrom where they were read; empty: they are not
	// known.
	Args     []string
	ArgsFrom string
	// Config is its configuration file, or what the API shows of it, and then
	// Masked. ConfigFile is the file's name; empty for the API's.
	Config     []byte
	ConfigFile string
	Masked     bool
	// Hash is alertmanager_config_hash; 0 if it is not known.
	Hash float64
	// Members counts the instances of its cluster, itself included; 0: not
	// known, or it has none.
	Members int
	// Silences counts those that are active or pending.
	Silences int
	// Missing are what could not be read, and why.
	Missing []string
}

// Source says where to look.
type Source struct {
	// URL is the Alertmanager's, with its route prefix; nil: none is asked.
	URL *url.URL
	// Transport is for its API.
	Transport http.RoundTripper
	// Flags is its command line, where it is known already.
	Flags string
	// ConfigFile is its configuration file, if it is at hand.
	ConfigFile string
	// Proc is where processes are looked for: "/proc".
	Proc string
}

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

// ErrNotAlertmanager says that something else answers.
var ErrNotAlertmanager = errors.New("that is no Alertmanager")

// Look reads what can be read. Error: the Alertmanager does not answer, or the
// file cannot be read.
func Look(ctx context.Context, s Source) (Facts, error) {
	var f Facts
	if s.URL != nil {
		if err := f.ask(ctx, s); err != nil {
			return f, err
		}
	}
	if err := f.flags(ctx, s); err != nil {
		return f, err
	}
	return f, f.config(s)
}

// ask reads the API and the metrics.
func (f *Facts) ask(ctx context.Context, s Source) error {
	var status struct {
		Cluster struct {
			Status string
			Peers  []struct{ Name string }
		}
		VersionInfo struct{ Version string }
		Config      struct{ Original string }
	}
	if err := s.getJSON(ctx, &status, "api", "v2", "status"); err != nil {
		return err
	}
	if status.Config.Original == "" {
		return fmt.Errorf("%s: %w", s.URL.Redacted(), ErrNotAlertmanager)
	}
	f.Version, f.Config, f.Masked = status.VersionInfo.Version, []byte(status.Config.Original), true
	f.Members = len(status.Cluster.Peers)
	var silences []struct{ Status struct{ State string } }
	if err := s.getJSON(ctx, &silences, "api", "v2", "silences"); err != nil {
		f.miss("its silences", err)
	}
	for _, one := range silences {
		if one.Status.State != "expired" {
			f.Silences++
		}
	}
	text, err := s.get(ctx, "metrics")
	if err != nil {
		f.miss("its metrics", err)
	}
	f.Hash = metric(text, "alertmanager_config_hash")
	return nil
}

func (f *Facts) miss(what string, err error) {
	f.Missing = append(f.Missing, fmt.Sprintf("%s could not be read: %v", what, err))
}

// flags finds the command line: as it was given, as the Alertmanager tells it, or
// as the kernel does.
func (f *Facts) flags(ctx context.Context, s Source) error {
	if s.Flags != "" {
		args, err := Split(s.Flags)
		f.Args, f.ArgsFrom = dropProgram(args), "--flags"
		return err
	}
	if s.URL == nil {
		return nil
	}
	text, err := s.get(ctx, "debug", "pprof", "cmdline")
	if args := strings.Split(strings.TrimRight(string(text), "\x00\n"), "\x00"); err == nil && len(args) > 1 {
		f.Args, f.ArgsFrom = args[1:], "its /debug/pprof/cmdline"
		return nil
	}
	if ip := net.ParseIP(s.URL.Hostname()); s.URL.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		if args, ok := running(s.Proc); ok {
			f.Args, f.ArgsFrom = args, "the list of processes"
			return nil
		}
	}
	f.Missing = append(f.Missing, "its flags could not be found out: give them with --flags")
	return nil
}

// running are the flags of the one Alertmanager that runs on this machine; false
// if there are none or several.
func running(proc string) ([]string, bool) {
	files, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "cmdline"))
	if err != nil {
		return nil, false
	}
	var found [][]string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		args := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
		if name := filepath.Base(args[0]); name == "alertmanager" || name == "prometheus-alertmanager" {
			found = append(found, args[1:])
		}
	}
	if len(found) != 1 {
		return nil, false
	}
	return found[0], true
}

// config reads the file, which says more than the API: its secrets, its
// templates, and the names of its keys.
func (f *Facts) config(s Source) error {
	if s.ConfigFile == "" {
		return nil
	}
	text, err := os.ReadFile(s.ConfigFile)
	if err != nil {
		return fmt.Errorf("read the Alertmanager's configuration: %w", err)
	}
	f.Config, f.ConfigFile, f.Masked = text, s.ConfigFile, false
	return nil
}

func (s *Source) getJSON(ctx context.Context, into any, path ...string) error {
	text, err := s.get(ctx, path...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w: %w", s.URL.JoinPath(path...).Redacted(), ErrNotAlertmanager, err)
	}
	return nil
}

func (s *Source) get(ctx context.Context, path ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	at := s.URL.JoinPath(path...)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Client{Transport: s.Transport}).Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // without the address, which may hold a password
		}
		return nil, fmt.Errorf("ask %s: %w", at.Redacted(), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask %s: it answers %s", at.Redacted(), resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", at.Redacted(), err)
	}
	return text, nil
}

// metric is the value of a metric without labels; 0 if it is not there.
func metric(text []byte, name string) float64 {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err == nil {
				return value
			}
		}
	}
	return 0
}
