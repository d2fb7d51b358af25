package alert_test

import (
	"testing"
	"time"
	"unique"

	"tocsin/dispatcher/alert"
)

func TestResolvedByTime(t *testing.T) {
	tests := []struct {
		name string
		ends int64
		want bool
	}{
		{"no end", 0, false},
		{"end ahead", at(time.Nanosecond), false},
		{"end now", at(0), true},
		{"end behind", at(-time.Second), true},
		{"end before the epoch", -1, true},
	}
	for _, tt := range tests {
		a := alert.Alert{EndsAt: tt.ends}
		if got := a.Resolved(base); got != tt.want {
			t.Errorf("%s: resolved = %v, want %v", tt.name, got, tt.want)
		}
		if got := a.Upstream().ResolvedAt(base); got != tt.want {
			t.Errorf("%s: Alertmanager says resolved = %v", tt.name, got)
		}
	}
}

func TestUpstreamSaysTheSame(t *testing.T) {
	a := build("disk", "full", times{start: 0, end: time.Minute, updated: time.Second})
	a.GeneratorURL = unique.Make("http://prom/graph")
	a.Timeout = true
	u := a.Upstream()
	if u.Name() != "disk" || u.Annotations["summary"] != "full" || u.GeneratorURL != "http://prom/graph" || !u.Timeout {
		t.Errorf("upstream alert is %+v", u)
	}
	if !u.StartsAt.Equal(base) || !u.EndsAt.Equal(base.Add(time.Minute)) || !u.UpdatedAt.Equal(base.Add(time.Second)) {
		t.Errorf("upstream times are %v, %v, %v", u.StartsAt, u.EndsAt, u.UpdatedAt)
	}
	if uint64(u.Fingerprint()) != a.Fingerprint {
		t.Errorf("fingerprint is %v, want %x", u.Fingerprint(), a.Fingerprint)
	}
	var none alert.Alert
	if u := none.Upstream(); !u.StartsAt.IsZero() || !u.EndsAt.IsZero() || u.GeneratorURL != "" || u.Annotations == nil {
		t.Errorf("upstream of the zero alert is %+v", u)
	}
}

func TestNanos(t *testing.T) {
	tests := []struct {
		name string
		in   time.Time
		want time.Time
	}{
		{"zero", time.Time{}, time.Time{}},
		{"ordinary", base.Add(123), base.Add(123)},
		{"another zone", base.In(time.FixedZone("", 7200)), base},
		{"far future", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(2262, 4, 11, 23, 47, 16, 0, time.UTC)},
		{"far past", time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1677, 9, 21, 0, 12, 44, 0, time.UTC)},
	}
	for _, tt := range tests {
		if got := alert.Time(alert.Nanos(tt.in)); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
