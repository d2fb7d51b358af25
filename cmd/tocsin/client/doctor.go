package client

import (
	"context"
	"net/http"

	"tocsin/cmd/tocsin/doctor"
)

// Doctor is the facts of all nodes of the cluster, as this one gathers them.
func (c *Client) Doctor(ctx context.Context) ([]doctor.Answer, error) {
	var out struct {
		Nodes []doctor.Answer `json:"nodes"`
	}
	err := c.do(ctx, request{method: http.MethodGet, path: []string{rootAdmin, "doctor"}}, &out)
	return out.Nodes, err
}
