package load

import (
	"bytes"
	"fmt"
	"time"
)

// PerRequest is how many alerts a request has, as many as Prometheus sends at
// once by default.
const PerRequest = 64

// names is how many alertnames the alerts of Bodies have.
const names = 20

// layout is a time as Prometheus writes it.
const layout = "2006-01-02T15:04:05.000Z"

// Bodies are requests with n alerts of 8 labels and about 300 bytes of
// annotations, of which instance and pod are each alert's own. They start at
// start and end at end.
func Bodies(n int, start, end time.Time) [][]byte {
	return split(n, func(b *bytes.Buffer, i int) {
		fmt.Fprintf(b, `{"annotations":{"description":"The filesystem at /var/lib of host node-%06d.example.org has %d%% of its space left and will be full within four hours if nothing is done; add a disk to the volume.","runbook_url":"https://runbooks.example.org/node/filesystem-almost-full","summary":"Filesystem of node-%06d is almost full (instance node-%06d:9100)"},`,
			i, i%100, i, i)
		fmt.Fprintf(b, `"startsAt":"%s","endsAt":"%s","generatorURL":"http://prometheus.example.org/graph?g0.expr=rule%d&g0.tab=1",`,
			start.UTC().Format(layout), end.UTC().Format(layout), i%names)
		fmt.Fprintf(b, `"labels":{"alertname":"Filesystem%d","cluster":"eu-west-%d","device":"/dev/sda%d","env":"production","instance":"node-%06d:9100","job":"node","pod":"exporter-%06d","severity":"warning"}}`,
			i%names, i%4, i%8, i, i)
	})
}

// Single is a request with one alert whose label id is the given one.
func Single(id string, start, end time.Time) []byte {
	return fmt.Appendf(nil, `[{"labels":{"alertname":"Single","id":%q,"job":"bench"},"annotations":{"summary":"One of many groups"},"startsAt":"%s","endsAt":"%s"}]`,
		id, start.UTC().Format(layout), end.UTC().Format(layout))
}

// Singles are requests with n alerts that differ in the label id, which is the
// prefix and a number.
func Singles(prefix string, n int, start, end time.Time) [][]byte {
	return split(n, func(b *bytes.Buffer, i int) {
		one := Single(fmt.Sprintf("%s%d", prefix, i), start, end)
		b.Write(one[1 : len(one)-1])
	})
}

func split(n int, write func(*bytes.Buffer, int)) [][]byte {
	var out [][]byte
	for i := 0; i < n; i += PerRequest {
		var b bytes.Buffer
		b.WriteByte('[')
		for j := i; j < min(n, i+PerRequest); j++ {
			if j > i {
				b.WriteByte(',')
			}
			write(&b, j)
		}
		b.WriteByte(']')
		out = append(out, b.Bytes())
	}
	return out
}
