package admin

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tocsin/httpapi/answer"
)

type securityJSON struct {
	TLS bool `json:"tls"`
	// Own: the certificates are the operator's.
	Own         bool             `json:"own_certificates"`
	Required    bool             `json:"join_token_required"`
	Certificate *certificateJSON `json:"certificate,omitempty"`
	Authority   string           `json:"authority_ends,omitempty"`
	Keys        []keyStateJSON   `json:"keys"`
}

type certificateJSON struct {
	Issued string `json:"issued,omitempty"`
	Due    string `json:"renewal_due,omitempty"`
	Ends   string `json:"ends"`
}

type keyStateJSON struct {
	Kind     string   `json:"kind"`
	Using    string   `json:"using"`
	Changing bool     `json:"changing"`
	Step     string   `json:"step,omitempty"`
	Waits    []string `json:"waits_for,omitempty"`
}

func (a *API) getSecurity(c echo.Context) error {
	s := a.opts.NodeKeys.Security(c.Request().Context())
	out := securityJSON{TLS: s.TLS, Own: s.Own, Required: s.Required, Authority: stampTime(s.AuthorityEnds), Keys: []keyStateJSON{}}
	if !s.Ends.IsZero() {
		out.Certificate = &certificateJSON{stampTime(s.Issued), stampTime(s.Due), stampTime(s.Ends)}
	}
	for _, k := range s.Keys {
		out.Keys = append(out.Keys, keyStateJSON(k))
	}
	answer.JSON(c.Response(), http.StatusOK, out)
	return nil
}

func (a *API) rotateKeys(c echo.Context) error {
	var r struct {
		Kind string `json:"kind"`
	}
	if err := readBody(c, &r); err != nil {
		return err
	}
	if err := a.opts.NodeKeys.RotateKeys(c.Request().Context(), r.Kind); err != nil {
		return err
	}
	a.opts.Logger.Info("Keys are being replaced", "kind", r.Kind, "from", c.RealIP())
	return a.getSecurity(c)
}
