package app

import (
	"fmt"
	"log/slog"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// limitMemory gives Go the share ratio of the memory that the container, or
// else the machine, has. Where neither can be found out, the node runs without.
func limitMemory(ratio float64, logger *slog.Logger) {
	limit, err := memlimit.SetGoMemLimitWithOpts(
		memlimit.WithRatio(ratio),
		memlimit.WithProvider(memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)),
	)
	if err != nil {
		logger.Warn("could not set GOMEMLIMIT: set it in the environment instead", "err", err)
		return
	}
	logger.Info("GOMEMLIMIT is set", "limit", fmt.Sprintf("%d MiB", limit>>20), "ratio", ratio)
}
