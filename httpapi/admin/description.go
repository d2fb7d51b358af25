package admin

import (
	_ "embed"
	"net/http"

	"github.com/labstack/echo/v4"
)

// description describes the API in OpenAPI 3.0.
//
//go:embed openapi.yaml
var description []byte

func (a *API) getDescription(c echo.Context) error {
	return c.Blob(http.StatusOK, "application/yaml", description)
}
