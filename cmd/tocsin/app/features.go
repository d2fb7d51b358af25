package app

import (
	"fmt"
	"log/slog"

	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/matcher/compat"
)

// UseFeatures reads Alertmanager's feature names and switches the process's
// matcher syntax accordingly. That syntax is a global of Alertmanager's
// library, so all nodes of one process have the same; set it before any node
// is opened.
func UseFeatures(names string, logger *slog.Logger) (featurecontrol.Flagger, error) {
	features, err := featurecontrol.NewFlags(logger, names)
	if err != nil {
		return nil, fmt.Errorf("%w: --enable-feature=%s: %w", ErrSettings, names, err)
	}
	compat.InitFromFlags(logger, features)
	return features, nil
}
