package admin

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"tocsin/fsm/model"
	"tocsin/httpapi/access"
	"tocsin/httpapi/answer"
	"tocsin/httpapi/refusal"
)

// Bounds of a proposed version, far below what a Raft entry may hold.
const (
	maxYAML      = 4 << 20
	maxTemplates = 256
	maxTemplate  = 1 << 20
	maxRemark    = 4 << 10
)

// proposal is the body of POST /config and POST /config/check.
type proposal struct {
	YAML      string     `json:"yaml"`
	Templates []textJSON `json:"templates"`
	Author    string     `json:"author"`
	Comment   string     `json:"comment"`
	BaseRev   uint64     `json:"base_rev"`
	FromRev   uint64     `json:"from_rev"`
}

func (a *API) checkConfig(c echo.Context) error {
	var p proposal
	if err := readBody(c, &p); err != nil {
		return err
	}
	v, err := a.proposed(&p)
	if err != nil {
		return err
	}
	out := struct {
		Problems []Problem `json:"problems"`
	}{a.opts.Versions.Check(v)}
	if out.Problems == nil {
		out.Problems = []Problem{}
	}
	answer.JSON(c.Response(), http.StatusOK, out)
	return nil
}

func (a *API) applyConfig(c echo.Context) error {
	var p proposal
	if err := readBody(c, &p); err != nil {
		return err
	}
	base, err := baseRev(&p, c.Request().Header.Get("If-Match"))
	if err != nil {
		return err
	}
	v, err := a.proposed(&p)
	if err != nil {
		return err
	}
	active := a.opts.Versions.Active()
	if base != 0 && revOf(active) != base {
		return a.overtaken(base)
	}
	if active != nil && active.Sum() == v.Sum() {
		same := a.meta(active)
		same.Unchanged = true
		answer.JSON(c.Response(), http.StatusOK, same)
		return nil
	}
	v.Author = authorOf(access.Actor(c.Request().Context()), p.Author)
	rev, err := a.opts.Versions.Apply(c.Request().Context(), v, base)
	if base != 0 && errors.Is(err, refusal.ErrConflict) {
		return a.overtaken(base)
	}
	if err != nil {
		return err
	}
	a.opts.Logger.Info("A version of the configuration was applied", "rev", rev, "author", v.Author, "from", c.RealIP())
	answer.JSON(c.Response(), http.StatusOK, versionJSON{
		Rev: rev, Hash: v.Hash(), Active: true, Author: v.Author, Comment: v.Comment,
	})
	return nil
}

// authorOf is who a version is by: who asks, as the node knows him, beside whom he
// says he is. On the node's own machine there is nothing to know beyond that.
func authorOf(who model.Actor, says string) string {
	here := who.Name == "" || who.Name == access.Local || strings.HasPrefix(who.Name, "unix")
	switch {
	case says == "":
		return who.Name
	case here:
		return says
	default:
		return says + " (" + who.Name + ")"
	}
}

// overtakers bounds how many versions an answer about a conflict lists.
const overtakers = 20

// overtaken says who changed what since the version that a change was based on.
func (a *API) overtaken(base uint64) error {
	versions, err := a.opts.Versions.History(overtakers)
	if err != nil {
		return err
	}
	active := revOf(a.opts.Versions.Active())
	f := &fault{http.StatusConflict, faultBody{
		Error: fmt.Sprintf("version %d is active, not %d", active, base),
		Hint:  fmt.Sprintf("look at what changed with `tocsin config diff %d %d`, then base the change on version %d", base, active, active),
	}}
	for _, v := range versions {
		if v.Rev <= base {
			break
		}
		meta := a.meta(v)
		f.body.Since = append(f.body.Since, meta)
		f.body.Error += fmt.Sprintf("; version %d is by %s at %s", v.Rev, cmp.Or(v.Author, "somebody"), meta.At)
		if v.Comment != "" {
			f.body.Error += fmt.Sprintf(" (%s)", v.Comment)
		}
	}
	return f
}

func revOf(v *model.ConfigVersion) uint64 {
	if v == nil {
		return 0
	}
	return v.Rev
}

// proposed is the version that the body asks for, with its sum.
func (a *API) proposed(p *proposal) (*model.ConfigVersion, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	v := &model.ConfigVersion{YAML: []byte(p.YAML), Author: p.Author, Comment: p.Comment}
	for _, t := range p.Templates {
		v.Templates = append(v.Templates, model.TemplateFile{Name: t.Name, Text: []byte(t.Text)})
	}
	if p.FromRev != 0 {
		old, err := a.version(p.FromRev)
		if err != nil {
			return nil, err
		}
		v.YAML, v.Templates = old.YAML, old.Templates
	}
	slices.SortFunc(v.Templates, func(x, y model.TemplateFile) int { return strings.Compare(x.Name, y.Name) })
	v.SHA256 = v.Sum()
	return v, nil
}

func (p *proposal) check() error {
	switch {
	case p.FromRev != 0 && (p.YAML != "" || len(p.Templates) > 0):
		return badRequest("from_rev excludes yaml and templates", "give one or the other")
	case p.FromRev == 0 && p.YAML == "":
		return badRequest("yaml is missing", "give the configuration as a string, or from_rev to bring an older version back")
	case len(p.YAML) > maxYAML:
		return badRequest("yaml is longer than 4 MiB", "")
	case len(p.Templates) > maxTemplates:
		return badRequest("there are more than 256 templates", "")
	case len(p.Author) > maxRemark || len(p.Comment) > maxRemark:
		return badRequest("author and comment may have 4 KiB each", "")
	}
	for _, t := range p.Templates {
		if t.Name == "" || strings.ContainsAny(t.Name, "\x00\n") {
			return badRequest("a template has no name", "templates are objects of name and text")
		}
		if len(t.Text) > maxTemplate {
			return badRequest(fmt.Sprintf("template %q is longer than 1 MiB", t.Name), "")
		}
	}
	return nil
}

// baseRev is the version that the change is based on, from the body or from
// If-Match; 0: any.
func baseRev(p *proposal, ifMatch string) (uint64, error) {
	if ifMatch == "" || ifMatch == "*" {
		return p.BaseRev, nil
	}
	rev, err := strconv.ParseUint(strings.Trim(ifMatch, `"`), 10, 64)
	if err != nil || p.BaseRev != 0 && p.BaseRev != rev {
		return 0, badRequest("If-Match is not the number of a version, or not that of base_rev", "it is the ETag of GET config")
	}
	return rev, nil
}

// readBody reads one JSON value; nothing may follow it, and unknown fields are
// mistakes.
func readBody(c echo.Context, into any) error {
	dec := json.NewDecoder(c.Request().Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("there is something behind the value")
	}
	if status, text, ok := answer.BodyFault(err); ok {
		return &fault{status, faultBody{Error: text}}
	}
	return badRequest("the body is not the JSON that is expected: "+err.Error(), "the package documentation lists the fields")
}
