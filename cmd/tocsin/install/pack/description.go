package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tocsin/cmd/tocsin/install"
)

// description is nfpm's configuration.
type description struct {
	Name        string            `yaml:"name"`
	Arch        string            `yaml:"arch"`
	Platform    string            `yaml:"platform"`
	Version     string            `yaml:"version"`
	Section     string            `yaml:"section"`
	Priority    string            `yaml:"priority"`
	Maintainer  string            `yaml:"maintainer"`
	Description string            `yaml:"description"`
	License     string            `yaml:"license"`
	Depends     []string          `yaml:"depends,omitempty"`
	Contents    []content         `yaml:"contents"`
	Scripts     map[string]string `yaml:"scripts"`
}

type content struct {
	Src  string   `yaml:"src,omitempty"`
	Dst  string   `yaml:"dst"`
	Type string   `yaml:"type,omitempty"`
	Info fileInfo `yaml:"file_info"`
}

type fileInfo struct {
	Mode  uint32 `yaml:"mode"`
	Owner string `yaml:"owner"`
	Group string `yaml:"group"`
}

func describe(version, arch string) *description {
	return &description{
		Name:       "tocsin",
		Arch:       arch,
		Platform:   "linux",
		Version:    version,
		Section:    "net",
		Priority:   "optional",
		Maintainer: "The Tocsin authors <tocsin@localhost>",
		Description: "alerting appliance for people who run Prometheus\n" +
			"Takes alerts from Prometheus and tells people, as Alertmanager does, from three\n" +
			"machines that keep one memory of what is configured, silenced and told.",
		License: "Apache-2.0",
		Scripts: map[string]string{},
	}
}

// addFiles writes the files below dir, where nfpm takes them from.
func (d *description) addFiles(dir string, files []install.File) error {
	for i, f := range files {
		c := content{Dst: f.Path, Info: fileInfo{uint32(f.Mode.Perm()), name(f.Owner), name(f.Group)}}
		switch {
		case f.IsDir():
			c.Type = "dir"
		case f.Theirs:
			c.Type = "config|noreplace"
		}
		if !f.IsDir() {
			c.Src = filepath.Join(dir, fmt.Sprint("file", i))
			if err := os.WriteFile(c.Src, f.Text, 0o600); err != nil {
				return err
			}
		}
		d.Contents = append(d.Contents, c)
	}
	return nil
}

func name(account string) string {
	if account == "" {
		return "root"
	}
	return account
}

// addScripts has the package make the account that the files belong to, with the
// same description.
func (d *description) addScripts(dir string) error {
	entries, err := scripts.ReadDir("scripts")
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, err := scripts.ReadFile("scripts/" + e.Name())
		if err != nil {
			return err
		}
		text = []byte(strings.ReplaceAll(string(text), "@SYSUSERS@", strings.TrimSpace(install.Sysusers())))
		path := filepath.Join(dir, e.Name())
		if err := os.WriteFile(path, text, 0o700); err != nil {
			return err
		}
		d.Scripts[strings.TrimSuffix(e.Name(), ".sh")] = path
	}
	return nil
}
