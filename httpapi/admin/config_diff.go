package admin

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"tocsin/dispatcher/config"
	"tocsin/fsm/model"
	"tocsin/httpapi/answer"
)

// diffJSON is the answer of GET /config/diff.
type diffJSON struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
	diffText
}

// diffText is how two versions differ.
type diffText struct {
	Diff    string   `json:"diff"`
	Secrets []string `json:"secrets,omitempty"`
	Silent  bool     `json:"silent,omitempty"`
}

func diffOf(from, to *model.ConfigVersion) (diffText, error) {
	d, err := config.Compare(from, to)
	return diffText{Diff: d.Text, Secrets: d.Secrets, Silent: d.Silent}, err
}

// getDiff compares two versions; without from the one before to, without to the
// active one.
func (a *API) getDiff(c echo.Context) error {
	to, err := a.versionParam(c, "to")
	if err != nil {
		return err
	}
	var from *model.ConfigVersion
	if c.QueryParam("from") != "" {
		from, err = a.versionParam(c, "from")
	} else {
		from, err = a.before(to)
	}
	if err != nil {
		return err
	}
	text, err := diffOf(from, to)
	if err != nil {
		return err
	}
	answer.JSON(c.Response(), http.StatusOK, diffJSON{From: revOf(from), To: revOf(to), diffText: text})
	return nil
}

// versionParam is the version that a parameter names, or the active one.
func (a *API) versionParam(c echo.Context, name string) (*model.ConfigVersion, error) {
	text := c.QueryParam(name)
	if text == "" {
		if v := a.opts.Versions.Active(); v != nil {
			return v, nil
		}
		return nil, errNoConfig
	}
	rev, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, badRequest(name+" must be the number of a version", "GET config/history lists them")
	}
	return a.version(rev)
}

// before is the version before v; nil if v is the oldest that is kept.
func (a *API) before(v *model.ConfigVersion) (*model.ConfigVersion, error) {
	all, err := a.opts.Versions.History(MaxLimit)
	if err != nil {
		return nil, err
	}
	for _, other := range all {
		if other.Rev < v.Rev {
			return other, nil
		}
	}
	return nil, nil
}
