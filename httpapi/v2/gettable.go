package v2

import (
	"iter"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
)

// alert appends one alert in Alertmanager's order of fields.
func (b *buffer) alert(a *alert.Alert, st *dispatcher.AlertStatus, receivers []string) {
	b.raw(`{"annotations":`)
	b.pairs(a.Annotations.All())
	b.raw(`,"endsAt":`)
	b.moment(a.EndsAt)
	b.raw(`,"fingerprint":`)
	b.fingerprint(a.Fingerprint)
	b.raw(`,"receivers":[`)
	for i, r := range receivers {
		if i > 0 {
			b.b = append(b.b, ',')
		}
		b.receiver(r)
	}
	b.raw(`],"startsAt":`)
	b.moment(a.StartsAt)
	b.raw(`,"status":{"inhibitedBy":`)
	b.texts(st.InhibitedBy)
	b.raw(`,"mutedBy":`)
	b.texts(st.MutedBy)
	b.raw(`,"silencedBy":`)
	b.texts(st.SilencedBy)
	b.raw(`,"state":"`)
	b.raw(string(st.State))
	b.raw(`"},"updatedAt":`)
	b.moment(a.UpdatedAt)
	if g := a.Generator(); g != "" {
		b.raw(`,"generatorURL":`)
		b.text(g)
	}
	b.raw(`,"labels":`)
	b.pairs(a.Labels.All())
	b.b = append(b.b, '}')
}

func (b *buffer) receiver(name string) {
	b.raw(`{"name":`)
	b.text(name)
	b.b = append(b.b, '}')
}

// pairs appends an object of strings.
func (b *buffer) pairs(all iter.Seq2[string, string]) {
	b.b = append(b.b, '{')
	first := true
	for n, v := range all {
		if !first {
			b.b = append(b.b, ',')
		}
		first = false
		b.text(n)
		b.b = append(b.b, ':')
		b.text(v)
	}
	b.b = append(b.b, '}')
}
