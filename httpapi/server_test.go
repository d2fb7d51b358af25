package httpapi_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"tocsin/dispatcher/alert"
	"tocsin/httpapi"
)

func TestOptionsAreChecked(t *testing.T) {
	if _, err := httpapi.New(httpapi.Options{}); !errors.Is(err, httpapi.ErrOptions) {
		t.Errorf("got %v", err)
	}
	opts := newNode(t, nil).opts
	opts.Registerer, opts.Web.CORSOrigin = nil, "("
	if _, err := httpapi.New(opts); !errors.Is(err, httpapi.ErrOptions) {
		t.Errorf("a bad expression: got %v", err)
	}
}

func TestRoutePrefix(t *testing.T) {
	external, err := url.Parse("https://example.com/am/")
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*httpapi.Options){
		func(o *httpapi.Options) { o.Web.RoutePrefix = "/am" },
		func(o *httpapi.Options) { o.Web.RoutePrefix = "am/" },
		func(o *httpapi.Options) { o.Web.ExternalURL = external },
	} {
		n := newNode(t, change)
		for target, want := range map[string]int{
			"/": 302, "/am": 301, "/am/": 200, "/am/-/healthy": 200, "/am/api/v2/status": 200, "/am/api/v1/status": 200,
			"/am/api/tocsin/v1/status": 200, "/am/metrics": 200, "/am/favicon.ico": 200,
			"/-/healthy": 404, "/api/v2/status": 404, "/metrics": 404, "/amx/-/healthy": 404, "/am/nope": 404,
		} {
			if w := get(n, target); w.Code != want {
				t.Errorf("%s: got %d, want %d", target, w.Code, want)
			}
		}
		if got := get(n, "/").Header().Get("Location"); got != "/am" {
			t.Errorf("/ leads to %q", got)
		}
		if got := get(n, "/am").Header().Get("Location"); got != "/am/" {
			t.Errorf("/am leads to %q", got)
		}
		if got := get(n, "/am/api/v2/foo").Body.String(); got != `{"code":404,"message":"path /api/v2/foo was not found"}` {
			t.Errorf("got %s", got)
		}
	}
	w := get(newNode(t, func(o *httpapi.Options) { o.Web.RoutePrefix, o.Web.ExternalURL = "/", external }), "/-/healthy")
	if w.Code != http.StatusOK {
		t.Errorf("a prefix of / beside an external path: got %d", w.Code)
	}
}

func TestFaultsOutsideOfTheAPIs(t *testing.T) {
	n := newNode(t, nil)
	for _, tc := range []struct {
		method, target string
		status         int
		want           string
	}{
		{"GET", "/nope", 404, "404 page not found\n"},
		{"GET", "/api/v1/foo", 404, "404 page not found\n"},
		{"PUT", "/api/v1/alerts", 405, "Method Not Allowed\n"},
		{"GET", "/api/tocsin/v1/foo", 404, `{"error":"there is no /api/tocsin/v1/foo"}` + "\n"},
		{"OPTIONS", "/api/v2/alerts", 405, `{"code":405,"message":"method OPTIONS is not allowed, but [GET,POST] are"}`},
		{"OPTIONS", "/api/v2/foo", 404, `{"code":404,"message":"path /api/v2/foo was not found"}`},
		{"OPTIONS", "/api/tocsin/v1/config", 405, `{"error":"OPTIONS is not for this path"}` + "\n"},
		{"GET", "/debug/pprof/", 404, "404 page not found\n"},
		{"GET", "/swagger.json", 404, "404 page not found\n"},
	} {
		w := n.do(tc.method, tc.target, "")
		if w.Code != tc.status || w.Body.String() != tc.want {
			t.Errorf("%s %s: got %d %q, want %d %q", tc.method, tc.target, w.Code, w.Body, tc.status, tc.want)
		}
	}
}

func TestPprofOnlyIfAsked(t *testing.T) {
	n := newNode(t, func(o *httpapi.Options) { o.Web.Pprof, o.Web.RoutePrefix = true, "/am" })
	for _, target := range []string{"/am/debug/pprof/", "/am/debug/pprof/goroutine?debug=1", "/am/debug/pprof/cmdline"} {
		if w := get(n, target); w.Code != http.StatusOK {
			t.Errorf("%s: got %d %s", target, w.Code, w.Body)
		}
	}
}

// alertsThatWait is a server whose GET /alerts waits in the middle.
func alertsThatWait(t *testing.T, change func(*httpapi.Options)) (n *node, arrived chan struct{}, let func()) {
	t.Helper()
	arrived, release := make(chan struct{}, 64), make(chan struct{})
	n = newNode(t, func(o *httpapi.Options) {
		f := o.Dispatcher.(*fakes)
		f.status = func() {
			arrived <- struct{}{}
			<-release
		}
		a := alert.Of(alert.NewLabels(map[string]string{"a": "b"}))
		f.store.Put(time.Now(), []alert.Alert{a})
		change(o)
	})
	return n, arrived, sync.OnceFunc(func() { close(release) })
}

func TestConcurrentGETsAreLimited(t *testing.T) {
	n, arrived, let := alertsThatWait(t, func(o *httpapi.Options) { o.Web.GetConcurrency = 2 })
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { get(n, "/api/v2/alerts") })
		<-arrived
	}
	w := get(n, "/api/v2/status")
	if w.Code != http.StatusServiceUnavailable || w.Body.String() != "Limit of concurrent GET requests reached (2), try again later.\n\n" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	for _, target := range []string{"/-/healthy", "/-/ready", "/-/quorum", "/metrics"} {
		if w := get(n, target); w.Code != http.StatusOK {
			t.Errorf("%s has its part in the limit: got %d %q", target, w.Code, w.Body)
		}
	}
	if w := n.do("POST", "/api/v2/alerts", "[]"); w.Code != http.StatusOK {
		t.Errorf("a POST has its part in the limit: got %d %q", w.Code, w.Body)
	}
	for name, want := range map[string]string{
		"alertmanager_http_requests_in_flight":               "alertmanager_http_requests_in_flight{method=\"get\"} 2\n",
		"alertmanager_http_concurrency_limit_exceeded_total": "alertmanager_http_concurrency_limit_exceeded_total{method=\"get\"} 1\n",
	} {
		if !strings.Contains(get(n, "/metrics").Body.String(), want) {
			t.Errorf("%s is not %s", name, want)
		}
	}
	let()
	wg.Wait()
	if w := get(n, "/api/v2/status"); w.Code != http.StatusOK {
		t.Errorf("afterwards: got %d %q", w.Code, w.Body)
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _, let := alertsThatWait(t, func(o *httpapi.Options) { o.Web.Timeout = 3 * time.Second })
		start := time.Now()
		w := get(n, "/api/v2/alerts")
		if w.Code != http.StatusServiceUnavailable || w.Body.String() != "Exceeded configured timeout of 3s.\n" || time.Since(start) != 3*time.Second {
			t.Errorf("got %d %q after %v", w.Code, w.Body, time.Since(start))
		}
		let()
		synctest.Wait()
		if w := get(n, "/api/v2/alerts"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"labels":{"a":"b"}`) {
			t.Errorf("in time: got %d %q", w.Code, w.Body)
		}
	})
}

func TestDefectsAreAnswered(t *testing.T) {
	n := newNode(t, func(o *httpapi.Options) {
		f := o.Dispatcher.(*fakes)
		f.status = func() { panic("BUG: made up") }
		f.store.Put(time.Now(), []alert.Alert{alert.Of(alert.NewLabels(map[string]string{"a": "b"}))})
	})
	w := get(n, "/api/v2/alerts")
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "made up") {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	if got, err := testutil.GatherAndCount(n.registry, "tocsin_http_panics_total"); err != nil || got != 1 {
		t.Errorf("not counted: %d %v", got, err)
	}
	if !strings.Contains(get(n, "/metrics").Body.String(), "tocsin_http_panics_total 1\n") {
		t.Error("not counted")
	}
}

func TestAnswersThatHaveBegunAreBrokenOff(t *testing.T) {
	n := newNode(t, func(o *httpapi.Options) {
		f, asked := o.Dispatcher.(*fakes), 0
		f.status = func() {
			if asked++; asked == 1000 {
				panic("BUG: made up")
			}
		}
		for i := range 1000 {
			f.store.Put(time.Now(), []alert.Alert{alert.Of(alert.NewLabels(map[string]string{"i": fmt.Sprint(i)}))})
		}
	})
	server := httptest.NewServer(n.server.Handler())
	defer server.Close()
	resp, err := server.Client().Get(server.URL + "/api/v2/alerts")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%d bytes look like the whole of it", len(got))
	}
}

func TestMetricsAreBounded(t *testing.T) {
	n := newNode(t, nil)
	for i := range 50 {
		get(n, fmt.Sprintf("/api/v2/random-%d", i))
		get(n, fmt.Sprintf("/api/v2/silence/%08d-0000-4000-8000-000000000000", i))
		get(n, fmt.Sprintf("/api/v2/alerts/?x=%d", i))
		n.do(fmt.Sprintf("VERB%d", i), "/api/v2/alerts", "")
		get(n, fmt.Sprintf("/api/tocsin/v1/config/%d", i))
	}
	metrics := get(n, "/metrics").Body.String()
	for _, want := range []string{
		`alertmanager_http_request_duration_seconds_count{code="404",handler="unmatched",method="get"} 50`,
		`alertmanager_http_request_duration_seconds_count{code="404",handler="/api/v2/silence/{silenceID}",method="get"} 50`,
		`alertmanager_http_request_duration_seconds_count{code="200",handler="/api/v2/alerts",method="get"} 50`,
		`alertmanager_http_request_duration_seconds_count{code="405",handler="/api/v2/alerts",method="unknown"} 50`,
		`alertmanager_http_request_duration_seconds_count{code="404",handler="/api/tocsin/v1/config/{rev}",method="get"} 50`,
		`alertmanager_http_response_size_bytes_sum{handler="/api/v2/alerts",method="get"} 150`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("not there: %s", want)
		}
	}
	if strings.Contains(metrics, "random-") || strings.Contains(metrics, "-0000-4000-") || strings.Contains(metrics, "VERB") {
		t.Error("a label has what a client sent")
	}
	if t.Failed() {
		t.Log(metrics)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	n := newNode(t, func(o *httpapi.Options) { o.Web.MaxBodyBytes = 1000 })
	long := `[{"labels":{"a":"` + strings.Repeat("x", 2000) + `"}}]`
	w := n.do("POST", "/api/v2/alerts", long)
	if w.Code != http.StatusRequestEntityTooLarge || w.Body.String() != "The request's body has 2021 bytes; the limit is 1000.\n" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	for target, want := range map[string]string{
		"/api/v2/alerts":              `{"code":413,"message":"The request's body is larger than the limit of 1000 bytes."}`,
		"/api/v2/silences":            `{"code":413,"message":"The request's body is larger than the limit of 1000 bytes."}`,
		"/api/v1/alerts":              `{"status":"error","errorType":"bad_data","error":"The request's body is larger than the limit of 1000 bytes."}` + "\n",
		"/api/tocsin/v1/config/check": `{"error":"The request's body is larger than the limit of 1000 bytes."}` + "\n",
	} {
		body := long
		if target == "/api/v2/silences" {
			body = `{"comment":"` + strings.Repeat("x", 2000) + `"}`
		}
		req := httptest.NewRequest("POST", target, strings.NewReader(body))
		req.ContentLength, req.RemoteAddr, req.Host = -1, "127.0.0.1:1", "localhost"
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		n.server.Handler().ServeHTTP(w, req)
		if w.Code != http.StatusRequestEntityTooLarge || w.Body.String() != want {
			t.Errorf("%s without a length: got %d %q, want %q", target, w.Code, w.Body, want)
		}
	}
	if w := n.do("POST", "/api/v2/alerts", `[{"labels":{"a":"b"}}]`); w.Code != http.StatusOK {
		t.Errorf("a short one: got %d %q", w.Code, w.Body)
	}
}

func TestQueriesAreBounded(t *testing.T) {
	n := newNode(t, nil)
	if w := get(n, "/api/v2/alerts?filter="+strings.Repeat("a", 40<<10)); w.Code != http.StatusRequestURITooLong {
		t.Errorf("a long query: got %d", w.Code)
	}
	if w := get(n, "/api/v2/alerts?"+strings.Repeat("filter=a%3Db&", 600)); w.Code != http.StatusBadRequest {
		t.Errorf("many parameters: got %d", w.Code)
	}
	if w := get(n, "/api/v2/alerts?"+strings.Repeat("filter=a%3Db&", 100)+"x=1"); w.Code != http.StatusOK {
		t.Errorf("a good many parameters: got %d", w.Code)
	}
}
