package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"tocsin/dispatcher/config"
	"tocsin/fsm/model"
)

const configs = "../../testdata/config"

func TestMain(m *testing.M) {
	if err := config.InitMode(config.ModeDefault, nil); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// read is a file of the sample configurations.
func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(configs, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// load compiles a text.
func load(t testing.TB, text string) *config.Config {
	t.Helper()
	c, err := config.Load(&model.ConfigVersion{YAML: []byte(text)}, config.Options{BaseDir: configs})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bundle is a sample configuration with its templates.
func bundle(t testing.TB, name string) *model.ConfigVersion {
	t.Helper()
	v, err := config.Bundle(filepath.Join(configs, name))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
