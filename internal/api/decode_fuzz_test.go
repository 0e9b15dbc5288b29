package api

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// Whatever a client sends is understood, or refused in words; and what is understood means the same when it is sent again.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "{}", "[]", "null", `{"name":"a"}`, `{"name":1}`, `{"name":"\u0000"}`, `{"quantity":"+1"}`, `{"updates":[{"type":"web","quantity":1e400}]}`,
		`{"name":"\ud800"}`, "{\"name\":\"\xff\"}", `{"config_vars":{"A":null}}`, strings.Repeat(`{"a":`, 100), `{"name":"a","name":"b"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		understood(t, s, heroku.AppCreateOpts{})
		understood(t, s, heroku.FormationBatchOpts{})
		understood(t, s, map[string]*string{})
	})
}

func understood[T any](t *testing.T, body string, _ T) {
	send := func(body string) (T, error) {
		return decode[T](&request{Request: httptest.NewRequest("POST", "/", strings.NewReader(body))})
	}
	in, err := send(body)
	if err != nil {
		if kind := cloister.KindOf(err); kind != cloister.BadRequest && kind != cloister.Invalid || len(err.Error()) > 500 {
			t.Errorf("%q is refused as %s with %d bytes: %.500s", body, kind, len(err.Error()), err)
		}
		return
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatalf("%q became %+v, which cannot be sent: %v", body, in, err)
	}
	if string(text) == "null" { // a map of which nothing was said
		return
	}
	again, err := send(string(text))
	if err != nil {
		t.Fatalf("%q became %s, which is refused: %v", body, text, err)
	}
	if now, err := json.Marshal(again); err != nil || string(now) != string(text) {
		t.Errorf("%q became %s, and then %s, %v", body, text, now, err)
	}
}
