package partner_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/partner"
)

func TestFaultsOfTheNetworkAreTemporary(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	half := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, `{"id":"a"`)
		w.(http.Flusher).Flush()
	}
	for what, test := range map[string]struct {
		handler http.HandlerFunc // nil: nobody is there
		want    string
	}{
		"hangs": {func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() }, "acme-db did not answer in time."},
		"hangs inside": {func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			half(w)
			<-r.Context().Done()
		}, "acme-db did not answer in time."},
		"cut":         {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "acme-db could not be reached."},
		"cut inside":  {func(w http.ResponseWriter, _ *http.Request) { half(w); panic(http.ErrAbortHandler) }, "The answer of acme-db broke off."},
		"refused":     {nil, "acme-db could not be reached."},
		"no JSON":     {answers(200, "<h1>Welcome to nginx</h1>"), "The answer of acme-db is not valid JSON."},
		"nothing":     {answers(200, ""), "The answer of acme-db is not valid JSON."},
		"two objects": {answers(200, `{"id":"a"}{"id":"b"}`), "The answer of acme-db is not valid JSON."},
		"huge":        {answers(200, `{"id":"`+strings.Repeat("x", 1<<20)+`"}`), "The answer of acme-db is longer than 1048576 bytes, which is the limit."},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; {
				_, err = w.Write(make([]byte, 64<<10))
			}
		}, "The answer of acme-db is longer than 1048576 bytes, which is the limit."},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			url, patience := "http://"+closed.Addr().String(), time.Minute
			if strings.HasPrefix(what, "hangs") {
				patience = 200 * time.Millisecond
			}
			if test.handler != nil {
				s := httptest.NewServer(test.handler)
				t.Cleanup(s.Close)
				url = s.URL
			}
			_, err := client(t, url, &http.Client{Timeout: patience, Transport: &http.Transport{}}).Provision(t.Context(), resource)
			if f := failed(t, err); f.Permanent || f.Message != test.want {
				t.Errorf("%+v: %v", f, err)
			}
		})
	}
}

// A ledger is a provider that does as the Partner API asks: calls are told apart by the resource's id, and nothing comes back.
type ledger struct {
	mu    sync.Mutex
	plans map[string]string // "" of one that has ended
	made  int
	lose  int // of how many calls the answer is lost, after they were done
}

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var in struct{ UUID, Plan string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil && r.Method != http.MethodDelete {
		panic(err)
	}
	id := in.UUID
	if id == "" {
		id = r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	}
	plan, known := l.plans[id]
	code := http.StatusOK
	switch {
	case r.Method == http.MethodPost && !known:
		l.made++
		l.plans[id] = in.Plan
	case plan == "":
		code = http.StatusGone
	case r.Method == http.MethodDelete:
		l.plans[id] = ""
	case r.Method == http.MethodPut:
		l.plans[id] = in.Plan
	}
	if l.lose > 0 {
		l.lose--
		code = http.StatusBadGateway
	}
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]any{"id": "n-" + id, "message": "gone or not", "config": map[string]string{"ACME_DB_URL": "db://" + id}})
}

// settle calls until there is an answer, or a failure that is permanent.
func settle(t *testing.T, call func() (partner.Answer, error)) (partner.Answer, error, int) {
	t.Helper()
	for n := 1; ; n++ {
		a, err := call()
		if err == nil || failed(t, err).Permanent {
			return a, err, n
		}
		if n == 10 {
			t.Fatalf("after %d calls: %v", n, err)
		}
	}
}

func TestARepeatedCallFindsTheSameResource(t *testing.T) {
	t.Parallel()
	l := &ledger{plans: map[string]string{}, lose: 3}
	c := serve(t, l.ServeHTTP)
	provision := func() (partner.Answer, error) { return c.Provision(t.Context(), resource) }
	first, err, n := settle(t, provision)
	if err != nil || n != 4 {
		t.Fatalf("%v after %d calls", err, n)
	}
	again, err := provision()
	if err != nil || !reflect.DeepEqual(first, again) || l.made != 1 {
		t.Errorf("%+v and %+v, %v, of %d", first, again, err, l.made)
	}
	l.lose = 2
	if _, err, n := settle(t, func() (partner.Answer, error) { return c.ChangePlan(t.Context(), resource.ID, "standard-1") }); err != nil || n != 3 || l.plans[resource.ID] != "standard-1" {
		t.Errorf("%v after %d calls: %v", err, n, l.plans)
	}
	l.lose = 1
	if _, err, n := settle(t, func() (a partner.Answer, err error) { _, err = c.Deprovision(t.Context(), resource.ID); return }); err != nil || n != 2 {
		t.Errorf("%v after %d calls", err, n)
	}
}

// Calls overtake one another: a resource that has ended is neither changed nor made again by one that comes late.
func TestALateCallBringsNothingBack(t *testing.T) {
	t.Parallel()
	l := &ledger{plans: map[string]string{}}
	c := serve(t, l.ServeHTTP)
	if _, err := c.Deprovision(t.Context(), resource.ID); err != nil { // before it was made
		t.Error(err)
	}
	if _, err := c.Provision(t.Context(), resource); err != nil {
		t.Error(err)
	}
	for range 2 {
		if _, err := c.Deprovision(t.Context(), resource.ID); err != nil {
			t.Error(err)
		}
	}
	_, provision := c.Provision(t.Context(), resource)
	_, change := c.ChangePlan(t.Context(), resource.ID, "standard-1")
	for _, err := range []error{provision, change} {
		if f := failed(t, err); !f.Permanent || f.Code != http.StatusGone || f.Message != "gone or not" {
			t.Errorf("%+v", f)
		}
	}
	if l.made != 1 || l.plans[resource.ID] != "" {
		t.Errorf("%+v", l)
	}
}
