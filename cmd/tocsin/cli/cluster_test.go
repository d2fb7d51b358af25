package cli_test

import (
	"strings"
	"testing"
)

const peersJSON = `[
 {"id":"n1","name":"node1","role":"leader","self":true,"alive":true,"gossip_address":"10.0.0.1:9094","raft_address":"10.0.0.1:9095",
  "api_address":"10.0.0.1:9093","version":"0.1.0","config_rev":3,"voter":true,"applied_index":40,"lag":0},
 {"id":"n2","name":"node2","role":"voter","self":false,"alive":true,"gossip_address":"10.0.0.2:9094","raft_address":"10.0.0.2:9095",
  "api_address":"10.0.0.2:9093","version":"0.1.0","config_rev":2,"degraded":true,"voter":true,"applied_index":30,"lag":10},
 {"id":"n3","name":"","role":"learner","self":false,"alive":false,"gossip_address":"","raft_address":"10.0.0.3:9095","last_seen":"2026-11-20T08:00:00.000Z"}]`

func statusJSON(quorum, node string) string {
	return `{"node":{"id":"n1","name":"node1","state":"leader","ready":true,"started":"2026-11-20T07:00:00.000Z","term":2,"committed_index":40,
	"applied_index":40,"state_hash":"00000000deadbeef","config_rev":3,"pending_deliveries":1,"pending_overlays":0` + node + `},
	"cluster":{"id":"c1","enabled":true,"status":"ready","leader":{"id":"n1","name":"node1"},"quorum":` + quorum + `},
	"peers":` + peersJSON + `,"build":{"version":"0.1.0"}}`
}

func TestStatus(t *testing.T) {
	n := newNode(t, map[string]answer{"GET /api/tocsin/v1/status": {body: statusJSON(`{"held":true,"reachable":3,"voters":3}`, "")}})
	golden(t, "status.txt", n.run("status").out)
	golden(t, "status.json", n.run("status", "-o", "json").out)

	lost := newNode(t, map[string]answer{"GET /api/tocsin/v1/status": {body: statusJSON(
		`{"held":false,"lost_at":"2026-11-20T08:00:00.000Z","reachable":1,"voters":3}`,
		`,"degraded_since":"2026-11-20T08:00:15.000Z","storage_error":"disk full"`)}})
	golden(t, "status_lost.txt", lost.run("status").out)
}

func TestRaft(t *testing.T) {
	all := answer{body: `{"did":"did it","peers":` + peersJSON + `}`}
	n := newNode(t, map[string]answer{
		"GET /api/tocsin/v1/raft/peers":                all,
		"POST /api/tocsin/v1/raft/peers":               all,
		"DELETE /api/tocsin/v1/raft/peers/n3":          all,
		"DELETE /api/tocsin/v1/raft/peers/node 3":      all,
		"POST /api/tocsin/v1/raft/peers/n3/promote":    all,
		"POST /api/tocsin/v1/raft/peers/n3/demote":     all,
		"PUT /api/tocsin/v1/raft/peers/n3/address":     all,
		"GET /api/tocsin/v1/raft/autopilot":            {body: `{"cleanup_dead_servers":false,"dead_after_seconds":86400,"min_quorum":3}`},
		"PUT /api/tocsin/v1/raft/autopilot":            {body: `{"cleanup_dead_servers":true,"dead_after_seconds":86400,"min_quorum":3}`},
		"POST /api/tocsin/v1/raft/transfer-leadership": all,
	})
	golden(t, "list_peers.txt", n.run("raft", "list-peers").out)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"raft", "add-peer", "n4", "10.0.0.4:9095"}, `{"id":"n4","address":"10.0.0.4:9095"}`},
		{[]string{"raft", "transfer-leadership"}, `{"id":""}`},
		{[]string{"raft", "transfer-leadership", "n2"}, `{"id":"n2"}`},
		{[]string{"raft", "set-address", "n3", "h:1"}, `{"address":"h:1"}`},
		{[]string{"raft", "autopilot", "set", "--cleanup-dead-servers"}, `{"cleanup_dead_servers":true,"dead_after_seconds":86400,"min_quorum":3}`},
	} {
		if got := n.run(c.args...); got.code != 0 {
			t.Errorf("%v: %+v", c.args, got)
		}
		sameJSON(t, n.asked[len(n.asked)-1].body, c.want)
	}
	for _, args := range [][]string{
		{"remove-peer", "n3"}, {"remove-peer", "node 3", "--force"}, {"promote", "n3"}, {"demote", "n3"}, {"transfer-leadership"},
	} {
		if got := n.run(append([]string{"raft"}, args...)...); got.code != 0 || got.out != "did it\n" {
			t.Errorf("%v: %+v", args, got)
		}
	}
	if got := n.run("raft", "autopilot", "get"); got.code != 0 || !strings.Contains(got.out, "Dead after           24h0m0s") {
		t.Error(got)
	}
	if got := n.run("raft", "autopilot", "set"); got.code != 2 {
		t.Error(got)
	}
	lost := newNode(t, map[string]answer{"GET /api/tocsin/v1/raft/peers": {body: strings.Replace(all.body, `"leader"`, `"voter"`, 1)}})
	if got := lost.run("raft", "list-peers"); got.code != 0 || !strings.Contains(got.err, "nobody leads: this is what node node1 knows by itself") {
		t.Error(got)
	}
	if got := n.run("raft", "remove-peer"); got.code != 2 || !strings.Contains(got.err, "list-peers") {
		t.Error(got)
	}
}

func TestDeliveries(t *testing.T) {
	n := newNode(t, map[string]answer{"GET /api/tocsin/v1/deliveries": {body: `{"deliveries":[
		{"seq":2,"id":"ab","receiver":"team","integration":"webhook/1","group":"{}:{alertname=\"A\"}","node":"n1","outcome":"sent","reason":"first notification",
		 "firing":2,"resolved":0,"tries":1,"at":"2026-11-20T08:00:00.000Z","took_ms":12},
		{"seq":1,"id":"aa","receiver":"team","integration":"webhook/1","group":"{}:{alertname=\"A\"}","node":"n2","outcome":"failed","reason":"first notification",
		 "firing":1,"resolved":0,"tries":3,"at":"2026-11-20T07:59:00.000Z","took_ms":10000,"error":"connection refused","degraded":true}]}`}})
	golden(t, "deliveries.txt", n.run("deliveries", "-r", "team", "--before", "3", "-n", "2").out)
	if want := "GET /api/tocsin/v1/deliveries?before=3&limit=2&receiver=team"; n.asked[0].what != want {
		t.Errorf("asked %s, want %s", n.asked[0].what, want)
	}
	if got := n.run("deliveries", "-n", "0"); got.code != 2 {
		t.Error(got)
	}
}
