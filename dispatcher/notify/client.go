package notify

import (
	"net/http"
	"reflect"
	"unsafe"

	upstream "github.com/prometheus/alertmanager/notify"
)

// clientOf finds the HTTP client inside one of Alertmanager's notifiers, or nil.
//
// Why reach into another package's fields: the answer's status and its
// Retry-After header decide when to try again, and the notifiers neither pass
// them on nor let a caller give them a client or a round tripper (the options
// that they take cover dialling and TLS only). The fields are found by their
// type, not by their offset: where upstream changes them, the search ends with
// nil, the integration works as upstream wrote it, and a test of ours fails.
func clientOf(i upstream.Integration) *http.Client {
	v := reflect.ValueOf(&i).Elem().FieldByName("notifier")
	if !v.IsValid() {
		return nil
	}
	return searchClient(v, clientDepth)
}

// clientDepth is how many fields deep a client may lie: the notifier's own
// client, or the client of the bot that it holds.
const clientDepth = 2

var httpClientType = reflect.TypeFor[*http.Client]()

func searchClient(v reflect.Value, depth int) *http.Client {
	if !v.CanAddr() {
		return nil
	}
	// A field that is not exported is readable only through its address.
	v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
	for v.Kind() == reflect.Interface && !v.IsNil() {
		v = v.Elem()
	}
	if v.Type() == httpClientType {
		client, _ := v.Interface().(*http.Client)
		return client
	}
	if depth == 0 || v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	if f := v.Elem().FieldByName("client"); f.IsValid() {
		return searchClient(f, depth-1)
	}
	return nil
}
