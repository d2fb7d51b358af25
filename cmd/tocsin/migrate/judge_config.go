package migrate

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"

	"tocsin/dispatcher/config"
	"tocsin/fsm/model"
)

// config judges the configuration by loading it as a node does.
func (r *report) config(f *Facts) {
	if len(f.Config) == 0 {
		return
	}
	if f.Masked {
		r.say(Todo, "config", "give the file with --config", "only what the API shows of the configuration was looked at: its secrets, template files and further files were not")
	}
	r.hash(f)
	v := &model.ConfigVersion{YAML: f.Config}
	problems := config.Check(config.MainFile, f.Config)
	if f.ConfigFile != "" {
		bundled, err := config.Bundle(f.ConfigFile)
		if err != nil {
			r.say(Stop, "config", "", "%v", err)
			return
		}
		v = bundled
		problems = config.CheckVersion(f.ConfigFile, v, config.Options{BaseDir: filepath.Dir(f.ConfigFile)})
	}
	bad := false
	for _, p := range problems {
		if f.Masked && strings.Contains(p.Message, "<secret>") {
			continue // the API shows no secrets
		}
		bad = true
		r.say(Stop, "config", "mend it", "%s", p)
	}
	if bad {
		return
	}
	r.say(Same, "config", "", "the configuration is valid here")
	r.templates(f, v)
	r.sameRoutes(v, f.Masked)
	if f.ConfigFile != "" {
		r.files(f, v)
	}
}

// hash compares the file with what runs.
func (r *report) hash(f *Facts) {
	if f.ConfigFile == "" || f.Hash == 0 {
		return
	}
	sum := md5.Sum(f.Config)
	var b [8]byte
	copy(b[:], sum[:6])
	if float64(binary.LittleEndian.Uint64(b[:])) != f.Hash {
		r.say(Todo, "config", "find out which file it runs, or reload it first", "%s is not what the Alertmanager runs now (their hashes differ)", f.ConfigFile)
	}
}

func (r *report) templates(f *Facts, v *model.ConfigVersion) {
	if f.ConfigFile == "" {
		return
	}
	globs, empty := config.TemplateGlobs(f.ConfigFile, v)
	for _, g := range empty {
		r.say(Todo, "templates", "correct the path, or see to it that it is there where tocsin runs", "the pattern %q finds no file", g)
	}
	if globs > 0 {
		r.say(Changes, "templates", "after a change of a template, reload or `tocsin config apply`",
			"%d template files belong to the configuration's version and go to all nodes with it", len(v.Templates))
	}
}

// sameRoutes is about routes which Alertmanager takes for one.
func (r *report) sameRoutes(v *model.ConfigVersion, masked bool) {
	tree, err := config.Routes(v)
	if err != nil {
		if !masked {
			r.say(Stop, "config", "", "%v", err)
		}
		return
	}
	for _, route := range tree.Routes() {
		if route.LedgerKey(nil) != route.GroupKey(nil) {
			r.say(Changes, "routes", "", "the route %s to %s is there more than once: Alertmanager takes what one of them told for told by all, here each tells", route.Key, route.Receiver)
		}
	}
}

// files is about what each node reads for itself.
func (r *report) files(f *Facts, v *model.ConfigVersion) {
	loaded, err := config.Load(v, config.Options{BaseDir: filepath.Dir(f.ConfigFile)})
	if err != nil {
		r.say(Stop, "config", "", "%v", err)
		return
	}
	for _, file := range loaded.Files {
		do := fmt.Sprintf("see to it that %s has the same content on every node, readable for the user that tocsin runs as", file.Path)
		switch {
		case file.Err != nil:
			r.say(Todo, "files", do, "the configuration names a file that cannot be read here: %v", file.Err)
		case !filepath.IsAbs(file.Path):
			r.say(Todo, "files", "start tocsin in the same folder, or write the whole path", "%s is relative to the folder that the program is started in", file.Path)
		default:
			r.say(Changes, "files", do, "%s is not part of the version: each node reads its own", file.Path)
		}
	}
	r.receivers(loaded)
}

// receivers is about what those who are told will notice.
func (r *report) receivers(c *config.Config) {
	types := make(map[string]int)
	for _, receiver := range c.Receivers {
		for _, i := range receiver.Integrations {
			types[i.Name()]++
		}
	}
	if n := types["webhook"]; n > 0 {
		r.say(Changes, "receivers", "", "%d webhooks get the header Idempotency-Key and the field deliveryId in addition", n)
	}
	if n := types["email"]; n > 0 {
		r.say(Changes, "receivers", "", "%d mail receivers get a Message-Id that is the same when a mail is repeated", n)
	}
	total := 0
	for _, n := range types {
		total += n
	}
	r.say(Same, "receivers", "", "%d integrations of %d receivers send as Alertmanager does, and incidents keep their keys", total, len(c.Receivers))
}
