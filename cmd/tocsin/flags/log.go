package flags

import (
	"io"
	"log/slog"
	"strings"

	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/common/promslog"
	"github.com/spf13/pflag"
)

// Log is what --log.level and --log.format say.
type Log struct {
	level  *promslog.Level
	format *promslog.Format
}

func (l *Log) register(fs *pflag.FlagSet) {
	l.level, l.format = promslog.NewLevel(), promslog.NewFormat()
	_ = l.format.Set("logfmt") // a known format
	fs.Var(word{l.level}, "log.level", "Only log messages with the given severity or above. One of: "+strings.Join(promslog.LevelFlagOptions, ", "))
	fs.Var(word{l.format}, "log.format", "Output format of log messages. One of: "+strings.Join(promslog.FormatFlagOptions, ", "))
}

// Logger writes to w what the flags ask for. Call it after parsing.
func (l *Log) Logger(w io.Writer) *slog.Logger {
	return promslog.New(&promslog.Config{Level: l.level, Format: l.format, Writer: w})
}

// word makes a flag of a promslog value.
type word struct {
	value interface {
		String() string
		Set(string) error
	}
}

func (w word) String() string        { return w.value.String() }
func (w word) Set(text string) error { return w.value.Set(text) }
func (w word) Type() string          { return "string" }

func features() string { return strings.Join(featurecontrol.AllowedFlags, ", ") }
