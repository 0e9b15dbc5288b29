package partner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/outside"
	"github.com/cloister-dev/cloister/internal/partner"
)

// serve runs a provider, and returns a client of it.
func serve(t *testing.T, handler http.HandlerFunc) *partner.Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return client(t, s.URL, &http.Client{})
}

func client(t *testing.T, url string, h *http.Client) *partner.Client {
	t.Helper()
	m, err := partner.ParseManifest([]byte(fmt.Sprintf(`{"id": "acme-db", "api": {"password": "s3cret:1", "version": "3", "requires": ["syslog_drain"], "production": {"base_url": %q}}}`, url+"/heroku/resources/")))
	if err != nil {
		t.Fatal(err)
	}
	return partner.New(h, m)
}

func answers(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

// failed returns the failure that an error is.
func failed(t *testing.T, err error) *partner.Failure {
	t.Helper()
	var f *partner.Failure
	if !errors.As(err, &f) {
		t.Fatalf("%v is no failure", err)
	}
	want := cloister.Unavailable
	if f.Permanent {
		want = cloister.Invalid
	}
	if cloister.KindOf(err) != want || cloister.MessageOf(err) != f.Message || f.Message == "" {
		t.Errorf("%+v is %s with %q", f, cloister.KindOf(err), cloister.MessageOf(err))
	}
	return f
}

var resource = partner.Resource{ID: "01234567-89ab-cdef-0123-456789abcdef", Name: "acme-db-cubic-12345", Plan: "standard-0", Region: "amazon-web-services::us-east-1",
	CallbackURL: "https://api.example.com/addons/01234567-89ab-cdef-0123-456789abcdef", Grant: &partner.Grant{Code: "c0de", ExpiresAt: time.Date(2026, 3, 29, 1, 2, 3, 4, time.FixedZone("", 3600))},
	Options: map[string]string{"foo": "bar"}, LogInputURL: "https://t:1@logs.example.com/", LogDrainToken: "d.1"}

func TestCallsAreThoseOfThePartnerAPI(t *testing.T) {
	t.Parallel()
	type call struct {
		method, path, user, password, accept, kind string
		body                                       any
	}
	var got []call
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		one := call{method: r.Method, path: r.URL.EscapedPath(), accept: r.Header.Get("Accept"), kind: r.Header.Get("Content-Type")}
		one.user, one.password, _ = r.BasicAuth()
		if b, _ := io.ReadAll(r.Body); len(b) > 0 {
			if err := json.Unmarshal(b, &one.body); err != nil {
				t.Error(err)
			}
		}
		got = append(got, one)
		io.WriteString(w, `{"id":"1"}`)
	})
	if _, err := c.Provision(t.Context(), resource); err != nil {
		t.Error(err)
	}
	if _, err := c.Provision(t.Context(), partner.Resource{ID: "u", Plan: "test"}); err != nil {
		t.Error(err)
	}
	if _, err := c.ChangePlan(t.Context(), resource.ID, "standard-1"); err != nil {
		t.Error(err)
	}
	if _, err := c.Deprovision(t.Context(), "a/b"); err != nil {
		t.Error(err)
	}
	const accept = "application/vnd.heroku-addons+json; version=3"
	want := []call{
		{"POST", "/heroku/resources", "acme-db", "s3cret:1", accept, "application/json", map[string]any{
			"uuid": resource.ID, "name": "acme-db-cubic-12345", "plan": "standard-0", "region": "amazon-web-services::us-east-1", "callback_url": resource.CallbackURL,
			"oauth_grant": map[string]any{"code": "c0de", "expires_at": "2026-03-29T00:02:03Z", "type": "authorization_code"},
			"options":     map[string]any{"foo": "bar"}, "log_input_url": "https://t:1@logs.example.com/", "log_drain_token": "d.1"}},
		{"POST", "/heroku/resources", "acme-db", "s3cret:1", accept, "application/json", map[string]any{
			"uuid": "u", "name": "", "plan": "test", "region": "", "callback_url": "", "options": map[string]any{}}},
		{"PUT", "/heroku/resources/" + resource.ID, "acme-db", "s3cret:1", accept, "application/json", map[string]any{"plan": "standard-1"}},
		{"DELETE", "/heroku/resources/a%2Fb", "acme-db", "s3cret:1", accept, "", nil},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if text := fmt.Sprintf("%+v %+v", resource, *resource.Grant); strings.Contains(text, "c0de") || strings.Contains(text, "t:1@") {
		t.Errorf("secrets show: %s", text)
	}
}

func TestAnswersAreRead(t *testing.T) {
	t.Parallel()
	config := map[string]cloister.Secret{"ACME_DB_URL": "db://é\n", "ACME_DB": ""}
	for _, test := range []struct {
		code    int
		body    string
		changed bool // it answers a change of plan
		want    partner.Answer
	}{
		{code: 200, body: `{"id":"x1","message":"Ready","config":{"ACME_DB_URL":"db://é\n","ACME_DB":""},"log_drain_url":"syslog+tls://logs.example.com:6514","new":1}`,
			want: partner.Answer{ID: "x1", Message: "Ready", Config: config, LogDrainURL: "syslog+tls://logs.example.com:6514"}},
		{code: 201, body: ` {"id":17} `, want: partner.Answer{ID: "17"}},
		{code: 202, body: `{"id":"x1","message":null,"config":null}`, want: partner.Answer{ID: "x1", Pending: true}},
		{code: 200, body: `{"id":"x1","config":{}}`, want: partner.Answer{ID: "x1", Config: map[string]cloister.Secret{}}},
		{code: 200, body: `{"id":"x1","message":"\u001b[31ma\r\nb\tc\u0000\u202e\u0007 "}`, want: partner.Answer{ID: "x1", Message: "[31ma\nb c"}},
		{code: 200, body: `{"id":"x1","message":"` + strings.Repeat("é", 6000) + `"}`, want: partner.Answer{ID: "x1", Message: strings.Repeat("é", 5000)}},
		{code: 200, body: `{"id":"x1","message":"a` + strings.Repeat("é", 6000) + `"}`, want: partner.Answer{ID: "x1", Message: "a" + strings.Repeat("é", 4999)}},
		{changed: true, code: 200, body: `{"message":"Bigger"}`, want: partner.Answer{Message: "Bigger"}},
		{changed: true, code: 202, body: `{}`, want: partner.Answer{Pending: true}},
		{changed: true, code: 204},
	} {
		c := serve(t, answers(test.code, test.body))
		ask := func() (partner.Answer, error) { return c.Provision(t.Context(), resource) }
		if test.changed {
			ask = func() (partner.Answer, error) { return c.ChangePlan(t.Context(), resource.ID, "b") }
		}
		if got, err := ask(); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%d %.80s: %+v, %v", test.code, test.body, got, err)
		}
	}
}

func TestAnAnswerThatCannotBeUsedIsPermanentAndSaysWhy(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{}`:               "id must be a string",
		`{"id":""}`:        "id must be a string",
		`{"id":1.5}`:       "id must be a string",
		`{"id":"a\u0007"}`: "id must be a string",
		`{"id":"` + strings.Repeat("x", 256) + `"}`: "id must be a string",
		`[]`:                     "it must be an object, not a JSON array",
		`{"id":"a","message":5}`: "message: there must be a string",
		`{"id":"a","config":[{"name":"ACME_DB"}]}`:                                  "config: there must be an object",
		`{"id":"a","config":{"PATH":"/x"}}`:                                         `config has "PATH", which does not begin with ACME_DB_`,
		`{"id":"a","config":{"ACME_DBX":"/x"}}`:                                     `config has "ACME_DBX", which does not begin with ACME_DB_`,
		`{"id":"a","config":{"ACME_DB_A=B":"/x"}}`:                                  `which no config var can be called`,
		`{"id":"a","config":{"ACME_DB_URL":5}}`:                                     "config.ACME_DB_URL is not a string",
		`{"id":"a","config":{"ACME_DB_URL":null}}`:                                  "config.ACME_DB_URL is not a string",
		`{"id":"a","config":{"ACME_DB_URL":"hush\u0000"}}`:                          "Config var ACME_DB_URL contains a NUL character",
		`{"id":"a","config":{"ACME_DB_URL":"` + strings.Repeat("x", 64<<10) + `"}}`: "Config vars take 65547 bytes; the limit is 65536",
		`{"id":"a","log_drain_url":"ftp://logs.example.com"}`:                       "log_drain_url is not right. Url has a scheme",
	} {
		_, err := serve(t, answers(200, body)).Provision(t.Context(), resource)
		f := failed(t, err)
		if !f.Permanent || f.Code != 200 || !strings.Contains(f.Message, want) || strings.Contains(f.Message, "hush") {
			t.Errorf("%.80s: %+v, want %q", body, f, want)
		}
	}
	_, err := serve(t, answers(206, `{"id":"a"}`)).Provision(t.Context(), resource)
	if f := failed(t, err); !f.Permanent || !strings.Contains(f.Message, "its status is 206, where 200, 201 or 202 must be") {
		t.Errorf("%+v", f)
	}
}

func TestLogsGoOnlyToAProviderWhoseManifestAsksForThem(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(answers(200, `{"id":"a","log_drain_url":"https://logs.example.com"}`))
	defer s.Close()
	m, err := partner.ParseManifest([]byte(fmt.Sprintf(`{"id": "acme-db", "api": {"password": "p", "version": "3", "production": {"base_url": %q}}}`, s.URL)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = partner.New(s.Client(), m).Provision(t.Context(), resource)
	if f := failed(t, err); !f.Permanent || !strings.Contains(f.Message, "does not have syslog_drain") {
		t.Errorf("%+v", f)
	}
}

func TestRefusalsAreClassified(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code      int
		body      string
		wait      string
		permanent bool
		want      string
		pause     time.Duration
	}{
		{422, `{"message":"No \u001b[1mroom\u001b[0m in Tokyo."}`, "", true, "No [1mroom[0m in Tokyo.", 0},
		{422, `<h1>no</h1>`, "", true, "acme-db refused, and did not say why (HTTP 422). Ask its maker.", 0},
		{422, `{"message":"` + strings.Repeat("x", 20_000) + `"}`, "", true, strings.Repeat("x", 10_000), 0},
		{404, `{"message":5}`, "", true, "acme-db refused, and did not say why (HTTP 404). Ask its maker.", 0},
		{410, `{"message":"Gone."}`, "", true, "Gone.", 0},
		{401, ``, "", true, "acme-db does not take the platform's password (HTTP 401). Whoever registered it has to compare api.password of its manifest.", 0},
		{302, `{"message":"there"}`, "", true, "acme-db sends the platform elsewhere (HTTP 302), where it does not go. Whoever registered it has to change api.production.base_url of its manifest.", 0},
		{408, ``, "", false, "acme-db cannot do it now (HTTP 408).", 0},
		{429, ``, "90", false, "acme-db cannot do it now (HTTP 429).", 90 * time.Second},
		{500, `{"message":"Oops."}`, "x", false, "Oops.", 0},
		{503, `{"message":""}`, "99999999999", false, "acme-db cannot do it now (HTTP 503).", time.Hour},
		{599, `{}`, "-1", false, "acme-db cannot do it now (HTTP 599).", 0},
	} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				t.Error("the redirect was followed")
			}
			w.Header().Set("Location", "/elsewhere")
			if test.wait != "" {
				w.Header().Set("Retry-After", test.wait)
			}
			answers(test.code, test.body)(w, r)
		})
		_, provision := c.Provision(t.Context(), resource)
		_, change := c.ChangePlan(t.Context(), resource.ID, "b")
		for _, err := range []error{provision, change} {
			if f := failed(t, err); f.Permanent != test.permanent || f.Code != test.code || f.Message != test.want || f.Wait != test.pause {
				t.Errorf("%d %.40s: %+v", test.code, test.body, f)
			}
		}
	}
}

func TestWhatIsGoneIsDeprovisioned(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]bool{200: false, 202: true, 204: false, 404: false, 410: false} {
		if pending, err := serve(t, answers(code, "")).Deprovision(t.Context(), resource.ID); err != nil || pending != want {
			t.Errorf("%d: %v, %v", code, pending, err)
		}
	}
	for code, permanent := range map[int]bool{422: true, 401: true, 301: true, 429: false, 500: false} {
		_, err := serve(t, answers(code, "")).Deprovision(t.Context(), resource.ID)
		if f := failed(t, err); f.Permanent != permanent || f.Code != code {
			t.Errorf("%d: %+v", code, f)
		}
	}
}

// A provider that never answers is left after 25 seconds, whatever the client that is injected allows.
func TestNobodyWaitsLongerThanPatience(t *testing.T) {
	for _, injected := range []time.Duration{0, time.Hour, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			h := &http.Client{Timeout: injected, Transport: hangs{}}
			began := time.Now()
			_, err := client(t, "https://db.example.com", h).Provision(t.Context(), resource)
			want := partner.Patience
			if injected == time.Second {
				want = injected
			}
			if f := failed(t, err); f.Permanent || f.Message != "acme-db did not answer in time." || time.Since(began) != want {
				t.Errorf("%+v after %s", f, time.Since(began))
			}
			if h.Timeout != injected || h.CheckRedirect != nil {
				t.Error("the client that was injected is changed")
			}
		})
	}
}

type hangs struct{}

func (hangs) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestAnAddressThatIsNotPublicIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(answers(200, `{"id":"a"}`))
	defer s.Close()
	_, err := client(t, s.URL, outside.Config{Allowed: outside.Public}.Client(time.Minute, time.Minute, 0)).Provision(t.Context(), resource)
	if f := failed(t, err); !f.Permanent || !strings.Contains(f.Message, "is one that the platform does not go to") || !errors.Is(err, outside.ErrForbidden) || strings.Contains(f.Message, "127.") {
		t.Errorf("%+v", f)
	}
}

func TestACallThatIsGivenUpMayBeRepeated(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, `{"id":`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer s.Close()
	for _, early := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := client(t, s.URL, &http.Client{Transport: gives{cancel, early}}).Provision(ctx, resource)
		if f := failed(t, err); f.Permanent || f.Message != "The call to acme-db was given up." || !errors.Is(err, context.Canceled) {
			t.Errorf("early %v: %+v", early, f)
		}
	}
}

// gives gives a call up, before it is made or with half of its answer.
type gives struct {
	up    func()
	early bool
}

func (g gives) RoundTrip(r *http.Request) (*http.Response, error) {
	if g.early {
		g.up()
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	g.up()
	return res, err
}
