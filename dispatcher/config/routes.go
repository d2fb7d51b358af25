package config

import (
	"fmt"

	"tocsin/dispatcher/route"
	"tocsin/fsm/model"
)

// Routes is the routing tree of a version, without building its receivers. The
// error is Problems if the version is not valid.
func Routes(v *model.ConfigVersion) (*route.Tree, error) {
	c := newCheck(MainFile, v.YAML)
	if ps := c.result(); len(ps) > 0 {
		return nil, ps
	}
	tree, err := route.New(c.upstream.Route)
	if err != nil {
		return nil, fmt.Errorf("compile routes: %w", err)
	}
	return tree, nil
}
