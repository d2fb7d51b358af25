// Command pack makes the packages for Debian and RHEL: the files of `tocsin
// install` in the layout of packages, and nfpm's description of them. It asks
// nfpm, which has a module file of its own beside this, so that the program's
// own dependencies do not grow by it.
package main

import (
	"debug/buildinfo"
	"embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/install"
)

//go:embed scripts
var scripts embed.FS

func main() {
	binary := flag.String("binary", "bin/tocsin", "The program.")
	version := flag.String("version", "", "Its version.")
	out := flag.String("out", "bin", "Folder for the packages.")
	flag.Parse()
	if err := pack(*binary, *version, *out); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func pack(binary, version, out string) error {
	arch, err := archOf(binary)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	docs, err := cli.Docs()
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "tocsin-pack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	d := describe(version, arch)
	if err := d.addFiles(tmp, install.Files(install.Packaged(), text, docs)); err != nil {
		return err
	}
	if err := d.addScripts(tmp); err != nil {
		return err
	}
	yml, err := yaml.Marshal(d)
	if err != nil {
		return err
	}
	config := filepath.Join(tmp, "nfpm.yaml")
	if err := os.WriteFile(config, yml, 0o600); err != nil {
		return err
	}
	for _, kind := range []string{"deb", "rpm"} {
		if err := nfpm("package", "--config", config, "--packager", kind, "--target", out); err != nil {
			return err
		}
	}
	return nil
}

// archOf is what a binary was built for.
func archOf(binary string) (string, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "", err
	}
	for _, s := range info.Settings {
		if s.Key == "GOARCH" {
			return s.Value, nil
		}
	}
	return "", errors.New(binary + " does not say what machine it is for")
}

// nfpm runs in the module's folder, where its module file is found.
func nfpm(args ...string) error {
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	file := filepath.Join(strings.TrimSpace(string(module)), "cmd/tocsin/install/pack/nfpm.mod")
	cmd := exec.Command("go", append([]string{"tool", "-modfile=" + file, "nfpm"}, args...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("nfpm %s: %w", args[0], err)
	}
	return nil
}
