package httpapi

import "github.com/labstack/echo/v4"

// Routes are all routes of the server.
func (s *Server) Routes() []*echo.Route { return s.echo.Routes() }

// Unlisted are those that have no row in the table of who may do what.
func (s *Server) Unlisted() []string { return s.gate.Unlisted(s.echo.Routes()) }
