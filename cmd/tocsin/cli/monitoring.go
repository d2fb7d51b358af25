package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/monitoring"
)

func newMonitoring(s Streams) *cobra.Command {
	return group("monitoring", "Print rules and a dashboard for your Prometheus and Grafana", newMonitoringRules(s), newMonitoringDashboard(s))
}

func newMonitoringRules(s Streams) *cobra.Command {
	var job string
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Print alerting rules for Prometheus",
		Long:  "Print alerting rules about this program, for rule_files of Prometheus. Alerts that\nAlertmanager has too keep their names and meaning.",
		Args:  nothing,
		RunE: func(*cobra.Command, []string) error {
			text, err := monitoring.Rules(job)
			if err != nil {
				return usageError{fmt.Errorf("--job: %w", err)}
			}
			_, err = fmt.Fprint(s.Out, text)
			return err
		},
	}
	cmd.Flags().StringVar(&job, "job", "", "Name of the scrape job of the nodes; empty: alertmanager or tocsin.")
	return cmd
}

func newMonitoringDashboard(s Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "dashboard",
		Short: "Print a dashboard for Grafana",
		Long:  "Print a dashboard as JSON, for Grafana's import or a provisioning folder.",
		Args:  nothing,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(s.Out, monitoring.Dashboard())
			return err
		},
	}
}
