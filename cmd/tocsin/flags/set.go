package flags

import (
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/pflag"
)

// set registers flags whose defaults are what the variables hold already.
type set struct{ *pflag.FlagSet }

func (s set) text(p *string, name, help string)    { s.StringVar(p, name, *p, help) }
func (s set) texts(p *[]string, name, help string) { s.StringArrayVar(p, name, *p, help) }
func (s set) number(p *int, name, help string)     { s.IntVar(p, name, *p, help) }
func (s set) duration(p *time.Duration, name, help string) {
	s.Var((*duration)(p), name, help)
}

// toggle registers a switch and its --no- form, which Alertmanager's users
// know. The --no- form is not listed in the help.
func (s set) toggle(p *bool, name, help string) {
	s.BoolVar(p, name, *p, help)
	s.Var(&negation{p}, "no-"+name, "")
	no := s.Lookup("no-" + name)
	no.NoOptDefVal, no.Hidden = "true", true
}

// negation is the value of a --no- form.
type negation struct{ of *bool }

func (n *negation) String() string   { return "" }
func (n *negation) Type() string     { return "bool" }
func (n *negation) IsBoolFlag() bool { return true }

func (n *negation) Set(text string) error {
	no, err := strconv.ParseBool(text)
	if err != nil {
		return err
	}
	*n.of = !no
	return nil
}

// duration reads Go's durations, as Alertmanager's flags do ("1h30m", "0"), and
// Prometheus' as well ("5d").
type duration time.Duration

func (d *duration) String() string { return time.Duration(*d).String() }
func (d *duration) Type() string   { return "duration" }

func (d *duration) Set(text string) error {
	v, err := time.ParseDuration(text)
	if err != nil {
		p, perr := model.ParseDuration(text)
		if perr != nil {
			return err
		}
		v = time.Duration(p)
	}
	*d = duration(v)
	return nil
}
