package config

import (
	"fmt"
	"log/slog"

	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/matcher/compat"
)

// Mode is how matchers and label names are read.
type Mode string

// The modes, by the names of Alertmanager's features. The default reads both
// grammars and warns where they disagree.
const (
	ModeDefault    Mode = ""
	ModeClassic    Mode = featurecontrol.FeatureClassicMode
	ModeUTF8Strict Mode = featurecontrol.FeatureUTF8StrictMode
)

// InitMode sets the mode of the whole process. Alertmanager's packages keep it
// in a variable, so call this once, first of all, and from one goroutine: before
// it, matchers are read in the classic way. The logger gets the warnings about
// matchers, each once, because the same matcher is read many times.
func InitMode(m Mode, logger *slog.Logger) error {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	flags, err := featurecontrol.NewFlags(logger, string(m))
	if err != nil {
		return fmt.Errorf("set matcher mode %q: %w", m, err)
	}
	compat.InitFromFlags(slog.New(newOnce(logger.Handler())), flags)
	return nil
}
