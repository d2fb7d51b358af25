package notify_test

import (
	"os"
	"testing"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/config"
	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

func TestMain(m *testing.M) {
	if err := config.InitMode(config.ModeDefault, nil); err != nil {
		panic(err)
	}
	// With a bundle of its own the AWS SDK uses a client of its own, too.
	if err := os.Unsetenv("AWS_CA_BUNDLE"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// build makes the one receiver of a text and returns its integrations.
func build(t testing.TB, text string, o config.Options) []*notify.Integration {
	t.Helper()
	c, err := config.Load(&model.ConfigVersion{YAML: []byte(text)}, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.Receivers {
		return r.Integrations
	}
	t.Fatal("the configuration has no receiver")
	return nil
}

// begun is when all alerts of these tests began.
var begun = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// told is an alert with these labels, name value name value.
func told(resolved bool, pairs ...string) notify.Told {
	m := make(map[string]string)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	a := alert.Of(alert.NewLabels(m))
	a.StartsAt = begun.UnixNano()
	a.UpdatedAt = begun.Add(time.Minute).UnixNano()
	a.EndsAt = begun.Add(time.Hour).UnixNano()
	a.Annotations = alert.NewAnnotations(map[string]string{"summary": "It burns", "description": "Bad & <worse>"})
	return notify.Told{Alert: &a, Resolved: resolved}
}

// message is about one firing and one resolved alert.
func message() *notify.Message {
	return &notify.Message{
		GroupKey:    `{}/{severity="critical"}:{alertname="Down"}`,
		Receiver:    "a.b",
		GroupLabels: alert.NewLabels(map[string]string{"alertname": "Down"}),
		RouteLabels: map[string]string{"team": "core"},
		Reason:      model.ReasonNewAlerts,
		Alerts: []notify.Told{
			told(false, "alertname", "Down", "instance", "two", "severity", "critical"),
			told(true, "alertname", "Down", "instance", "one", "severity", "critical"),
		},
		Now:            begun.Add(2 * time.Hour),
		RepeatInterval: 4 * time.Hour,
		DeliveryID:     "0123456789abcdef0123456789abcdef",
	}
}
