package install_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"tocsin/cmd/tocsin/install"
)

func plan(t *testing.T, r *root, o install.Options, change func(*install.Facts)) install.Plan {
	t.Helper()
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	facts := three()
	looked, err := install.Look(t.Context(), &r.Machine, &o, "/tmp/tocsin")
	if err != nil {
		t.Fatal(err)
	}
	facts.Env, facts.Data, facts.Mute = looked.Env, looked.Data, looked.Mute
	if change != nil {
		change(&facts)
	}
	return install.Make(o, facts, []byte("program"), docs)
}

var threeNodes = install.Options{Peers: []string{"a", "b:9094", "c"}, BootstrapExpect: 3}

func TestInstallTwiceDoesNothing(t *testing.T) {
	r := newRoot(t)
	var first, second outcomes
	if err := install.Run(t.Context(), &r.Machine, plan(t, r, threeNodes, nil).Steps, first.report); err != nil {
		t.Fatal(err)
	}
	before := r.tree()
	if err := install.Run(t.Context(), &r.Machine, plan(t, r, threeNodes, nil).Steps, second.report); err != nil {
		t.Fatal(err)
	}
	if first.count(install.Did) != len(first) || second.count(install.Already) != len(second) || len(second) != len(first) {
		t.Errorf("first %v\nsecond %v", first, second)
	}
	if !maps.Equal(before, r.tree()) {
		t.Error("the second install changed something")
	}
	want := `TOCSIN_CLUSTER="--raft.bootstrap-expect=3 --cluster.peer=a:9094 --cluster.peer=b:9094 --cluster.peer=c:9094 --cluster.advertise-address=10.0.0.2:9094"`
	if env := r.read(install.EnvFile); !strings.Contains(env, want+"\n") {
		t.Errorf("flags:\n%s\nwant %s", env, want)
	}
	if unit := r.read("/etc/systemd/system/tocsin.service"); !strings.Contains(unit, "ExecStart=/usr/local/bin/tocsin server ") {
		t.Errorf("unit:\n%s", unit)
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	r := newRoot(t)
	before := r.tree()
	var o outcomes
	if err := install.DryRun(t.Context(), &r.Machine, plan(t, r, threeNodes, nil).Steps, o.report); err != nil {
		t.Fatal(err)
	}
	if o.count(install.Would) != len(o) || !maps.Equal(before, r.tree()) || len(r.called) != 0 {
		t.Errorf("%v, called %q", o, r.called)
	}
}

// TestEveryFailureIsTakenBack lets each program that is run fail in turn.
func TestEveryFailureIsTakenBack(t *testing.T) {
	live := func(f *install.Facts) { f.Live, f.Firewall = true, install.UFW }
	for _, fails := range []string{
		"systemd-sysusers", "ufw show", "ufw allow 9093", "ufw allow from 10.0.0.3 to any port 9095",
		"systemctl enable", "systemctl daemon-reload", "systemctl restart",
	} {
		t.Run(fails, func(t *testing.T) {
			r := newRoot(t)
			r.write(install.ConfigFile, "theirs\n")
			before := r.tree()
			r.fails = fails
			var o outcomes
			err := install.Run(t.Context(), &r.Machine, plan(t, r, threeNodes, live).Steps, o.report)
			if !errors.Is(err, errExit) || o.count(install.Failed) != 1 {
				t.Fatalf("%v: %v", o, err)
			}
			if after := r.tree(); !maps.Equal(before, after) {
				t.Errorf("before: %q\nafter:  %q", keys(before), keys(after))
			}
			for _, c := range r.called {
				if rule, added := strings.CutPrefix(c, "ufw allow"); added && !slices.Contains(r.called, "ufw delete allow"+strings.TrimSuffix(rule, " comment tocsin")) {
					t.Errorf("still there: %s", c)
				}
			}
		})
	}
}

func keys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// TestServiceRunsAgainAfterAFailure: with the files of before.
func TestServiceRunsAgainAfterAFailure(t *testing.T) {
	r := newRoot(t)
	r.says["systemctl show -p ActiveState,ExecMainStartTimestampMonotonic tocsin.service"] = "ActiveState=active\nExecMainStartTimestampMonotonic=1\n"
	r.write("/usr/local/bin/tocsin", "the program of before")
	r.fails = "systemctl restart"
	var o outcomes
	err := install.Run(t.Context(), &r.Machine, plan(t, r, threeNodes, func(f *install.Facts) { f.Live = true }).Steps, o.report)
	if err == nil || r.read("/usr/local/bin/tocsin") != "the program of before" {
		t.Fatalf("%v, program %q", err, r.read("/usr/local/bin/tocsin"))
	}
	if n := len(r.called); !slices.Equal(r.called[n-2:], []string{"systemctl daemon-reload", "systemctl restart tocsin.service"}) {
		t.Errorf("at the end: %q", r.called)
	}
}

// TestTheirsStays: what people wrote is not overwritten, also not where it is
// strange.
func TestTheirsStays(t *testing.T) {
	r := newRoot(t)
	r.write(install.ConfigFile, "mine\n")
	r.write(install.EnvFile, "# mine\nTOCSIN_OPTIONS='--log.level=debug'\nTOCSIN_CLUSTER=\"--cluster.peer=old:9094\"")
	var o outcomes
	if err := install.Run(t.Context(), &r.Machine, plan(t, r, threeNodes, nil).Steps, o.report); err != nil {
		t.Fatal(err)
	}
	env := r.read(install.EnvFile)
	if r.read(install.ConfigFile) != "mine\n" || !strings.HasPrefix(env, "# mine\nTOCSIN_OPTIONS='--log.level=debug'\nTOCSIN_CLUSTER=\"--raft") || strings.Contains(env, "old") {
		t.Errorf("configuration %q, flags %q", r.read(install.ConfigFile), env)
	}
	// Without peers, the flags stay.
	if err := install.Run(t.Context(), &r.Machine, plan(t, r, install.Options{}, nil).Steps, o.report); err != nil || r.read(install.EnvFile) != env {
		t.Errorf("%v, flags %q", err, r.read(install.EnvFile))
	}
}

func TestTheDefaultConfigurationIsSaidToTellNobody(t *testing.T) {
	r := newRoot(t)
	said := func() bool {
		return slices.ContainsFunc(plan(t, r, threeNodes, nil).Notes, func(n string) bool { return strings.Contains(n, "nobody is told") })
	}
	if !said() {
		t.Error("nothing is said where there is no configuration")
	}
	var o outcomes
	if err := install.Run(t.Context(), &r.Machine, plan(t, r, threeNodes, nil).Steps, o.report); err != nil {
		t.Fatal(err)
	}
	if !said() {
		t.Error("nothing is said of our own configuration")
	}
	r.write(install.ConfigFile, "theirs\n")
	if said() {
		t.Error("somebody's own configuration is said to tell nobody")
	}
}

func TestUninstall(t *testing.T) {
	r := newRoot(t)
	var o outcomes
	if err := install.Run(t.Context(), &r.Machine, plan(t, r, threeNodes, nil).Steps, o.report); err != nil {
		t.Fatal(err)
	}
	r.write(install.DataDir+"/state.db", "data")
	o = nil
	if err := install.Run(t.Context(), &r.Machine, install.Unmake(install.Removal{}, three(), docs).Steps, o.report); err != nil {
		t.Fatal(err)
	}
	if r.read(install.DataDir+"/state.db") != "data" || r.read(install.ConfigFile) == "" {
		t.Error("data is gone")
	}
	for path := range r.tree() {
		if strings.Contains(path, "tocsin") && !strings.HasPrefix(path, install.ConfigDir) && !strings.HasPrefix(path, install.DataDir) {
			t.Errorf("%s is left", path)
		}
	}
	if err := install.Run(t.Context(), &r.Machine, install.Unmake(install.Removal{Purge: true}, three(), docs).Steps, o.report); err != nil {
		t.Fatal(err)
	}
	for path := range r.tree() {
		if strings.Contains(path, "tocsin") {
			t.Errorf("%s is left after a purge", path)
		}
	}
}

func TestJoinTokenGoesAlong(t *testing.T) {
	r := newRoot(t)
	o := threeNodes
	o.Token = "secret\n"
	p := plan(t, r, o, nil)
	for _, s := range p.Steps {
		if strings.Contains(s.String(), "secret") {
			t.Errorf("a step tells the token: %s", s)
		}
	}
	var out outcomes
	if err := install.Run(t.Context(), &r.Machine, p.Steps, out.report); err != nil {
		t.Fatal(err)
	}
	if r.read(install.TokenFile) != "secret\n" || !strings.Contains(r.read(install.EnvFile), "--cluster.join-token-file="+install.TokenFile) {
		t.Errorf("token %q, flags %q", r.read(install.TokenFile), r.read(install.EnvFile))
	}
	if mode := r.tree()[install.TokenFile]; !strings.HasPrefix(mode, "-rw-r-----") {
		t.Errorf("the token's mode is %s", mode)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for name, o := range map[string]install.Options{
		"nobody to form with":   {BootstrapExpect: 3},
		"more than there are":   {BootstrapExpect: 4, Peers: []string{"a", "b"}},
		"a shell in a name":     {Peers: []string{"a$(id)"}},
		"a space in a name":     {Peers: []string{"a b"}},
		"a specifier in a name": {Peers: []string{"%H"}},
		"no port":               {Peers: []string{"a:http"}},
		"a name to advertise":   {Peers: []string{"a"}, Advertise: "b"},
		"a URL":                 {Peers: []string{"http://a:9094"}},
	} {
		if err := o.Check(); !errors.Is(err, install.ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := install.Options{Peers: []string{"a", "10.0.0.1", "fd00::1", "[fd00::1]:9094", "b:1"}, BootstrapExpect: 3}
	if err := o.Check(); err != nil || !slices.Equal(o.Peers, []string{"a:9094", "10.0.0.1:9094", "[fd00::1]:9094", "b:1"}) {
		t.Errorf("%q, %v", o.Peers, err)
	}
}
