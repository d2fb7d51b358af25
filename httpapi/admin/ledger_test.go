package admin_test

import (
	"errors"
	"testing"

	"tocsin/fsm/model"
	"tocsin/httpapi/admin"
)

var key = model.DeliveryKey{Group: `{}:{alertname="A"}`, Receiver: "team-x", Integration: "webhook/1"}

func TestDeliveries(t *testing.T) {
	n := newNode(t)
	n.expect(t, "GET", "/deliveries", "", 200, `{"deliveries":[]}`)
	if want := (admin.DeliveryQuery{Limit: 100}); n.fake.query != want {
		t.Errorf("got %+v", n.fake.query)
	}
	at := model.Millis(now.UnixMilli())
	n.fake.rows = []model.Delivery{
		{ID: "d3", Key: key, Node: "id-z", Outcome: model.OutcomeSent, Reason: model.ReasonFirst, Firing: 1, Tries: 1, At: at, Degraded: true},
		{Seq: 2, ID: "d2", Key: key, Node: "id-a", Outcome: model.OutcomeFailed, Reason: model.ReasonRepeat, Firing: 1, Tries: 2, At: at, Took: 1500, Error: "500 <oops>", Degraded: true},
		{Seq: 1, ID: "d1", Key: key, Node: "id-b", Outcome: model.OutcomeSent, Reason: model.ReasonFirst, Firing: 3, Resolved: 1, Tries: 1, At: at},
	}
	k := `"receiver":"team-x","integration":"webhook/1","group":"{}:{alertname=\"A\"}"`
	n.expect(t, "GET", "/deliveries?receiver=team-x&group=g&integration=i&outcome=failed&before=9&limit=2", "", 200, `{"deliveries":[`+
		`{"seq":0,"id":"d3",`+k+`,"node":"id-z","outcome":"sent","reason":"first notification","firing":1,"resolved":0,"tries":1,"at":"2026-11-21T02:03:04.567Z","took_ms":0,"degraded":true,"unmerged":true},`+
		`{"seq":2,"id":"d2",`+k+`,"node":"id-a","node_name":"a","outcome":"failed","reason":"repeat interval elapsed","firing":1,"resolved":0,"tries":2,"at":"2026-11-21T02:03:04.567Z","took_ms":1500,"error":"500 <oops>","degraded":true},`+
		`{"seq":1,"id":"d1",`+k+`,"node":"id-b","node_name":"b","outcome":"sent","reason":"first notification","firing":3,"resolved":1,"tries":1,"at":"2026-11-21T02:03:04.567Z","took_ms":0}]}`)
	want := admin.DeliveryQuery{Receiver: "team-x", Group: "g", Integration: "i", Outcome: model.OutcomeFailed, Before: 9, Limit: 2}
	if n.fake.query != want {
		t.Errorf("got %+v, want %+v", n.fake.query, want)
	}
	n.expect(t, "GET", "/deliveries?before=x", "", 400, `{"error":"before must be the seq of a delivery"}`)
	n.expect(t, "GET", "/deliveries?outcome=lost", "", 400, `{"error":"outcome must be sent, failed or expired","hint":"leave it out for all"}`)
	n.expect(t, "GET", "/deliveries?limit=5000", "", 400, `{"error":"limit must be a number from 1 to 1000","hint":"leave it out for 100"}`)
	n.fake.refuse = errors.New("disk")
	n.expect(t, "GET", "/deliveries", "", 500, `{"error":"internal error","hint":"the reason is in the node's log"}`)
}

func TestLedger(t *testing.T) {
	n := newNode(t)
	n.expect(t, "GET", "/ledger", "", 200, `{"entries":[],"more":false}`)
	at := model.Millis(now.UnixMilli())
	other := model.DeliveryKey{Group: "g", Receiver: "team-y", Integration: "email/1"}
	n.fake.entries = []*model.Entry{
		{Key: key, Rev: 5, Gen: 2, Stamp: at, Must: model.NewAlertSet(1, 2), Maybe: model.NewAlertSet(3), Resolved: model.NewAlertSet(4)},
		{Key: other, Rev: 1, Attempt: 2, NotBefore: at, Claim: &model.Claim{
			Node: "id-a", Firing: model.NewAlertSet(1), Reason: model.ReasonFirst, GrantedStamp: at,
		}},
	}
	first := `{"receiver":"team-x","integration":"webhook/1","group":"{}:{alertname=\"A\"}","rev":5,"gen":2,"last_told":"2026-11-21T02:03:04.567Z","firing":2,"doubtful":1,"resolved":1}`
	second := `{"receiver":"team-y","integration":"email/1","group":"g","rev":1,"gen":0,"firing":0,"doubtful":0,"resolved":0,"failures":2,"not_before":"2026-11-21T02:03:04.567Z",` +
		`"claim":{"node":"id-a","reason":"first notification","firing":1,"resolved":0,"granted":"2026-11-21T02:03:04.567Z"}}`
	for query, want := range map[string]string{
		"":                       first + "," + second + `],"more":false}`,
		"?limit=1":               first + `],"more":true}`,
		"?limit=2":               first + "," + second + `],"more":false}`,
		"?receiver=team-y":       second + `],"more":false}`,
		"?group=g":               second + `],"more":false}`,
		"?integration=webhook/1": first + `],"more":false}`,
		"?claimed=true":          second + `],"more":false}`,
		"?receiver=x":            `],"more":false}`,
	} {
		n.expect(t, "GET", "/ledger"+query, "", 200, `{"entries":[`+want)
	}
}
