package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/outside"
)

func anyAddress(string, string, syscall.RawConn) error { return nil }

var (
	hook  = cloister.Webhook{ID: cloister.NewID(), Secret: "hush", Authorization: "Bearer sesame", Level: cloister.WebhookSync}
	event = cloister.WebhookEvent{ID: cloister.NewID(), Entity: cloister.EntityRelease, Action: cloister.Created, ActorID: "u", ActorEmail: "ada@example.com",
		Data: `{"version":2}`, Previous: `{}`, CreatedAt: time.Date(2026, 3, 29, 1, 2, 3, 0, time.UTC)}
	telling = cloister.Delivery{ID: cloister.NewID(), WebhookID: hook.ID, EventID: event.ID, Attempts: 1}
)

// post tells a URL of the event, within a second.
func post(t *testing.T, url string, c outside.Config) cloister.Attempt {
	t.Helper()
	w := hook
	w.URL = cloister.Secret(url)
	return newPoster(c, time.Second, time.Second).Post(t.Context(), w, event, telling)
}

func TestAMessageIsSignedAndSaysWhatHappened(t *testing.T) {
	var got heroku.WebhookMessage
	var header http.Header
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte("hush"))
		mac.Write(body)
		if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("Heroku-Webhook-Hmac-SHA256") != want {
			t.Errorf("signed %q, want %q", r.Header.Get("Heroku-Webhook-Hmac-SHA256"), want)
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
		header = r.Header
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	a := post(t, s.URL+"/in?a=1", outside.Config{Allowed: anyAddress})
	if a.Code != 204 || a.Error != "" || a.ID == "" || a.At.IsZero() {
		t.Errorf("%+v", a)
	}
	if header.Get("Authorization") != "Bearer sesame" || header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", header)
	}
	m := got.Metadata
	if m.Attempt.ID != a.ID || m.Delivery.ID != telling.ID || m.Event.ID != event.ID || m.Event.Include != "api:release" || m.Webhook.ID != hook.ID {
		t.Errorf("%+v", m)
	}
	if got.ID != event.ID || got.Action != "create" || got.Resource != "release" || got.Actor.Email != "ada@example.com" || string(got.Data) != `{"version":2}` ||
		string(got.PreviousData) != `{}` || got.Version != "application/vnd.heroku+json; version=3" || !got.CreatedAt.Equal(event.CreatedAt) || got.PublishedAt.IsZero() {
		t.Errorf("%+v", got)
	}
}

func TestWhatGoesWrongIsAWordForTheOwner(t *testing.T) {
	serve := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	answers := func(code int) string {
		return serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1/")
			w.WriteHeader(code)
		})
	}
	hang := make(chan struct{})
	slow := serve(func(w http.ResponseWriter, r *http.Request) { <-hang })
	t.Cleanup(func() { close(hang) })
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	secure.Config.ErrorLog = nil
	t.Cleanup(secure.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	cut := serve(func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	for url, want := range map[string]cloister.Attempt{
		answers(200): {Code: 200}, answers(299): {Code: 299}, answers(301): {Code: 301, Error: "Redirect"}, answers(404): {Code: 404, Error: "BadResponse"},
		answers(500): {Code: 500, Error: "BadResponse"}, slow: {Error: "Timeout"}, secure.URL: {Error: "BadCertificate"}, cut: {Error: "ConnectionFailed"},
		"http://" + closed.Addr().String(): {Error: "ConnectionRefused"}, "http://nowhere.invalid/": {Error: "NameNotFound"}, "http://a b/": {Error: "BadAddress"},
	} {
		a := post(t, url, outside.Config{Allowed: anyAddress, Roots: x509.NewCertPool()})
		if a.Code != want.Code || a.Error != want.Error {
			t.Errorf("%s: got %d %q, want %d %q", url, a.Code, a.Error, want.Code, want.Error)
		}
	}
	for _, url := range []string{answers(200), strings.Replace(answers(200), "127.0.0.1", "localhost", 1), "http://169.254.169.254/"} {
		if a := post(t, url, outside.Config{Allowed: outside.Public}); a.Error != "ForbiddenAddress" || a.Code != 0 {
			t.Errorf("%s: %+v", url, a)
		}
	}
}

// Webhooks of two apps may lead to one host.
func TestAWebhookThatHangsHoldsUpNoOtherAtItsHost(t *testing.T) {
	hang, hangs := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hangs" {
			close(hangs)
			<-hang
		}
	}))
	defer s.Close()
	p := New(outside.Config{Allowed: anyAddress})
	to := func(path string) cloister.Attempt {
		w := hook
		w.URL = cloister.Secret(s.URL + path)
		return p.Post(t.Context(), w, event, telling)
	}
	first := make(chan cloister.Attempt)
	go func() { first <- to("/hangs") }()
	<-hangs
	if a := to("/answers"); a.Error != "" || a.Code != 200 {
		t.Errorf("%+v", a)
	}
	close(hang)
	if a := <-first; a.Error != "" {
		t.Errorf("%+v", a)
	}
}
