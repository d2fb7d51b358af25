package trace

import (
	"log/slog"
	"path/filepath"

	upstream "github.com/prometheus/alertmanager/tracing"
)

// Manager sends the process's spans to where the configuration says. There is one
// in a process.
type Manager struct {
	upstream *upstream.Manager
	folder   string
}

// NewManager makes a manager that sends nothing yet. Relative paths of
// certificates start from folder.
func NewManager(logger *slog.Logger, folder string) *Manager {
	return &Manager{upstream.NewManager(logger), folder}
}

// Run returns after Stop.
func (m *Manager) Run() { m.upstream.Run() }

// Stop exports what there is, for at most five seconds, and ends Run. It must be
// called once.
func (m *Manager) Stop() { m.upstream.Stop() }

// Apply follows the key tracing of a configuration. With an error all stays as it
// was.
func (m *Manager) Apply(c upstream.TracingConfig) error {
	if c.TLSConfig != nil {
		own := *c.TLSConfig
		for _, file := range []*string{&own.CAFile, &own.CertFile, &own.KeyFile} {
			if *file != "" && !filepath.IsAbs(*file) {
				*file = filepath.Join(m.folder, *file)
			}
		}
		c.TLSConfig = &own
	}
	return m.upstream.ApplyConfig(c)
}
