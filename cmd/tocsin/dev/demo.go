package dev

import "fmt"

// demo is the demonstration's configuration: everything goes to the sink, and
// the waits are short enough to watch.
func demo(sinkURL string) string {
	return fmt.Sprintf(`# The configuration of the demonstration. All waits are short, to watch.
route:
  receiver: team
  group_by: [alertname]
  group_wait: 1s
  group_interval: 5s
  repeat_interval: 1h
receivers:
  - name: team
    webhook_configs:
      - url: %s
inhibit_rules:
  - source_matchers: [severity="critical"]
    target_matchers: [severity="warning"]
    equal: [alertname, instance]
`, sinkURL)
}
