package access

import (
	"os"

	"gopkg.in/yaml.v3"
)

// users are those of the web configuration, whose passwords exporter-toolkit has
// checked before a request comes here. The file is read at each use, as
// exporter-toolkit does, so that it may be changed while the node runs.
type users struct{ file string }

func (u users) has(name string) bool {
	if u.file == "" || name == "" {
		return false
	}
	text, err := os.ReadFile(u.file)
	if err != nil {
		return false
	}
	var web struct {
		Users map[string]string `yaml:"basic_auth_users"`
	}
	if yaml.Unmarshal(text, &web) != nil {
		return false
	}
	_, ok := web.Users[name]
	return ok
}
