package admin

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"tocsin/fsm/model"
	"tocsin/httpapi/answer"
	"tocsin/httpapi/refusal"
)

// versionJSON is a version of the configuration. YAML and Templates are left
// out of lists.
type versionJSON struct {
	Rev     uint64 `json:"rev"`
	Hash    string `json:"hash"`
	Active  bool   `json:"active"`
	Author  string `json:"author,omitempty"`
	Comment string `json:"comment,omitempty"`
	At      string `json:"at,omitempty"`
	// Unchanged: what was to be applied runs already, so there is no new version.
	Unchanged bool       `json:"unchanged,omitempty"`
	YAML      string     `json:"yaml,omitempty"`
	Templates []textJSON `json:"templates,omitempty"`
}

// textJSON is a template file.
type textJSON struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// errNoConfig is for a cluster that was not given a configuration yet.
var errNoConfig = &refusal.Denied{Reason: refusal.ErrNotFound, Text: "there is no configuration yet"}

func (a *API) getConfig(c echo.Context) error {
	v := a.opts.Versions.Active()
	if v == nil {
		return errNoConfig
	}
	return a.answerVersion(c, v)
}

func (a *API) getVersion(c echo.Context) error {
	rev, err := strconv.ParseUint(c.Param("rev"), 10, 64)
	if err != nil {
		return badRequest("rev must be the number of a version", "GET config/history lists them")
	}
	v, err := a.version(rev)
	if err != nil {
		return err
	}
	return a.answerVersion(c, v)
}

func (a *API) version(rev uint64) (*model.ConfigVersion, error) {
	v, ok, err := a.opts.Versions.Version(rev)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, &refusal.Denied{Reason: refusal.ErrNotFound, Text: "there is no version " + strconv.FormatUint(rev, 10)}
	}
	return v, nil
}

func (a *API) answerVersion(c echo.Context, v *model.ConfigVersion) error {
	masked, err := a.opts.Versions.Masked(v)
	if err != nil {
		return err
	}
	out := a.meta(v)
	out.YAML = masked
	for _, t := range v.Templates {
		out.Templates = append(out.Templates, textJSON{Name: t.Name, Text: string(t.Text)})
	}
	c.Response().Header().Set("ETag", strconv.Quote(strconv.FormatUint(v.Rev, 10)))
	answer.JSON(c.Response(), http.StatusOK, out)
	return nil
}

func (a *API) meta(v *model.ConfigVersion) versionJSON {
	active := a.opts.Versions.Active()
	return versionJSON{
		Rev: v.Rev, Hash: v.Hash(), Active: active != nil && active.Rev == v.Rev,
		Author: v.Author, Comment: v.Comment, At: stampMillis(v.Stamp),
	}
}

func (a *API) getHistory(c echo.Context) error {
	limit, err := limitOf(c)
	if err != nil {
		return err
	}
	versions, err := a.opts.Versions.History(limit)
	if err != nil {
		return err
	}
	out := struct {
		Versions []versionJSON `json:"versions"`
	}{[]versionJSON{}}
	for _, v := range versions {
		out.Versions = append(out.Versions, a.meta(v))
	}
	answer.JSON(c.Response(), http.StatusOK, out)
	return nil
}
