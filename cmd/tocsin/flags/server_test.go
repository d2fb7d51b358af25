package flags_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"tocsin/cmd/tocsin/app"
	"tocsin/cmd/tocsin/flags"
)

func parse(t *testing.T, args ...string) (*flags.Server, error) {
	t.Helper()
	fs := pflag.NewFlagSet("server", pflag.ContinueOnError)
	s := flags.Register(fs)
	return s, fs.Parse(args)
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want func(*app.Settings)
	}{
		"nothing": {nil, func(*app.Settings) {}},
		"equals sign": {
			[]string{"--config.file=/etc/a.yml", "--storage.path=/var/lib/a", "--data.retention=240h"},
			func(s *app.Settings) {
				s.ConfigFile, s.DataDir, s.Retention = "/etc/a.yml", "/var/lib/a", 240*time.Hour
			},
		},
		"separate value": {
			[]string{"--config.file", "a.yml", "--cluster.listen-address", "127.0.0.1:0", "--cluster.settle-timeout", "0s"},
			func(s *app.Settings) {
				s.ConfigFile, s.Cluster.ListenAddress, s.Cluster.SettleTimeout = "a.yml", "127.0.0.1:0", 0
			},
		},
		"no clustering": {
			[]string{"--cluster.listen-address="},
			func(s *app.Settings) { s.Cluster.ListenAddress = "" },
		},
		"no clustering, separate value": {
			[]string{"--cluster.listen-address", ""},
			func(s *app.Settings) { s.Cluster.ListenAddress = "" },
		},
		"repeated": {
			[]string{"--cluster.peer=a:9094", "--cluster.peer=b:9094,c", "--web.listen-address=:1", "--web.listen-address=:2"},
			func(s *app.Settings) {
				s.Cluster.Peers, s.Web.ListenAddresses = []string{"a:9094", "b:9094,c"}, []string{":1", ":2"}
			},
		},
		"switches": {
			[]string{"--log.silences", "--web.systemd-socket", "--web.enable-pprof"},
			func(s *app.Settings) { s.Silences.Log, s.Web.SystemdSocket, s.Web.EnablePprof = true, true, true },
		},
		"switches off": {
			[]string{"--log.silences", "--no-log.silences", "--no-web.systemd-socket"},
			func(*app.Settings) {},
		},
		"days": {
			[]string{"--data.retention=5d", "--dispatch.start-delay=1m30s"},
			func(s *app.Settings) { s.Retention, s.Dispatch.StartDelay = 120*time.Hour, 90*time.Second },
		},
		"numbers": {
			[]string{"--silences.max-silences=-1", "--alerts.per-alertname-limit=7", "--auto-gomemlimit.ratio=0.5", "--web.max-body-bytes=1000"},
			func(s *app.Settings) {
				s.Silences.Max, s.Alerts.PerNameLimit, s.MemLimitRatio, s.Web.MaxBodyBytes = -1, 7, 0.5, 1000
			},
		},
		"raft": {
			[]string{"--raft.listen-address=:7", "--raft.advertise-address=a:7", "--raft.bootstrap-expect=3"},
			func(s *app.Settings) {
				s.Raft = app.RaftSettings{ListenAddress: ":7", AdvertiseAddress: "a:7", BootstrapExpect: 3}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := parse(t, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			want := app.DefaultSettings()
			c.want(&want)
			if !reflect.DeepEqual(s.Settings, want) {
				t.Errorf("parsed\n%+v, want\n%+v", s.Settings, want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"--no-such.flag"},
		{"--data.retention=soon"},
		{"--silences.max-silences=many"},
		{"--log.level=loud"},
		{"--log.format=xml"},
		{"--no-log.silences=perhaps"},
		{"--config.file"},
	} {
		if _, err := parse(t, args...); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}

// TestUnitFiles parses the command lines of unit files written for
// Alertmanager, with the program's name replaced and nothing else.
func TestUnitFiles(t *testing.T) {
	units, err := filepath.Glob("testdata/*.service")
	if err != nil || len(units) != 3 {
		t.Fatalf("%d unit files, %v", len(units), err)
	}
	for i, unit := range units {
		s, err := parse(t, execStart(t, unit)...)
		if err != nil {
			t.Fatalf("%s: %v", unit, err)
		}
		if err := s.Settings.Validate(); err != nil {
			t.Errorf("%s: %v", unit, err)
		}
		if w := s.Warnings(); len(w) > 0 {
			t.Errorf("%s: warns %q", unit, w)
		}
		want := app.DefaultSettings()
		want.ConfigFile, want.DataDir = "/etc/alertmanager/alertmanager.yml", "/var/lib/alertmanager"
		want.Web.ListenAddresses = []string{"0.0.0.0:9093"}
		want.Cluster.ListenAddress = "0.0.0.0:9094"
		want.Cluster.AdvertiseAddress = []string{"203.0.113.10:9094", "203.0.113.11:9094", "203.0.113.12:9094"}[i]
		want.Cluster.Peers = []string{"203.0.113.10:9094", "203.0.113.11:9094"}[:i]
		if i == 0 {
			want.Cluster.Peers = nil
		}
		if !reflect.DeepEqual(s.Settings, want) {
			t.Errorf("%s: parsed\n%+v, want\n%+v", unit, s.Settings, want)
		}
	}
}

// execStart are the arguments of a unit file's ExecStart.
func execStart(t *testing.T, unit string) []string {
	t.Helper()
	b, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(strings.ReplaceAll(string(b), "\\\n", " "), "ExecStart=")
	if !ok {
		t.Fatalf("%s has no ExecStart", unit)
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Fields(line)[2:] // without "tocsin server"
}

func TestWarnings(t *testing.T) {
	s, err := parse(t, "--cluster.settle-timeout=0s", "--cluster.join-token-file=x", "--cluster.peer-timeout=1s")
	if err != nil {
		t.Fatal(err)
	}
	got := s.Warnings()
	if len(got) != 1 || !strings.HasPrefix(got[0], "--cluster.settle-timeout ") {
		t.Errorf("warnings %q", got)
	}
}

func TestLogger(t *testing.T) {
	for format, want := range map[string]string{
		"logfmt": `level=WARN source=server_test.go:`,
		"json":   `"level":"WARN"`,
	} {
		s, err := parse(t, "--log.level=warn", "--log.format="+format)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		logger := s.Log.Logger(&b)
		logger.Info("not this")
		logger.Warn("Listening on", "address", "127.0.0.1:9093")
		if got := b.String(); !strings.Contains(got, want) || strings.Contains(got, "not this") {
			t.Errorf("%s: logged %s", format, got)
		}
		if format == "logfmt" && !strings.Contains(b.String(), `msg="Listening on" address=127.0.0.1:9093`) {
			t.Errorf("logged %s", b.String())
		}
	}
}
