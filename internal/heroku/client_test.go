package heroku

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &Client{URL: s.URL, Token: "secret", HTTP: s.Client()}
}

func TestClientSendsVersionTokenAndBody(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.Path != "/spaces" || r.Header.Get("Authorization") != "Bearer secret" ||
			r.Header.Get("Accept") != "application/vnd.heroku+json; version=3" || string(b) != `{"name":"s","team":"t"}` {
			t.Errorf("got %s %s %v %s", r.Method, r.URL, r.Header, b)
		}
		w.Header().Set("Warning-Message", "Mind the gap.")
		io.WriteString(w, `{"id":"1","name":"s","state":"allocating"}`)
	})
	var warned string
	c.Warn = func(s string) { warned = s }
	s, err := c.CreateSpace(t.Context(), SpaceCreateOpts{Name: "s", Team: "t"})
	if err != nil || s.State != "allocating" || warned != "Mind the gap." {
		t.Errorf("got %+v, %q, %v", s, warned, err)
	}
}

func TestClientCanNotBeLedToAnotherPath(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != "/apps/..%2Faccount%3Fx" {
			t.Errorf("got %s", r.URL.EscapedPath())
		}
		io.WriteString(w, `{}`)
	})
	if _, err := c.App(t.Context(), "../account?x"); err != nil {
		t.Error(err)
	}
}

func TestClientTellsTheServersErrors(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{
		"/apps/none":  `{"id":"not_found","message":"Couldn't find that app.","resource":"app","url":"https://x/y"}`,
		"/apps/proxy": `<html>`,
		"/apps/short": `try later`,
	}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/apps/short" {
			w.Header().Set("Content-Type", "text/plain")
		}
		w.WriteHeader(404)
		io.WriteString(w, bodies[r.URL.Path])
	})
	_, err := c.App(t.Context(), "none")
	var e *Error
	if !errors.As(err, &e) || *e != (Error{Status: 404, ID: ErrNotFound, Message: "Couldn't find that app.", Resource: "app", URL: "https://x/y"}) {
		t.Errorf("got %+v", err)
	}
	if !IsNotFound(fmt.Errorf("look: %w", err)) || IsUnauthorized(err) {
		t.Error("the kind of the error was not seen")
	}
	if _, err = c.App(t.Context(), "proxy"); err == nil || err.Error() != "HTTP error 404 for GET /apps/proxy" {
		t.Errorf("got %v", err)
	}
	if _, err = c.App(t.Context(), "short"); err == nil || !strings.HasSuffix(err.Error(), ": try later") {
		t.Errorf("got %v", err)
	}
}

func TestClientReadsListsToTheirEnd(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Range") {
		case "":
			w.Header().Set("Next-Range", "id ]1..; max=1")
			w.WriteHeader(206)
			io.WriteString(w, `[{"id":"1"}]`)
		case "id ]1..; max=1":
			io.WriteString(w, `[{"id":"2"}]`)
		default:
			t.Errorf("range %q", r.Header.Get("Range"))
		}
	})
	apps, err := c.Apps(t.Context())
	if err != nil || len(apps) != 2 || apps[1].ID != "2" {
		t.Errorf("got %v, %v", apps, err)
	}
}

func TestClientAsksForTheLatestRelease(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if g := r.Header.Get("Range"); g != "version ..; order=desc, max=1" {
			t.Errorf("range %q", g)
		}
		w.Header().Set("Next-Range", "version ]3..; order=desc, max=1")
		w.WriteHeader(206)
		json.NewEncoder(w).Encode([]Release{{Version: 3}})
	})
	rs, err := c.Releases(t.Context(), "a", Latest("version", 1))
	if err != nil || len(rs) != 1 || rs[0].Version != 3 {
		t.Errorf("got %v, %v", rs, err)
	}
}

func TestLinesGoOnWhereAConnectionBroke(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the token was sent to a stream")
		}
		asked = append(asked, r.Header.Get("Last-Event-ID"))
		if len(asked) == 1 {
			io.WriteString(w, "retry: 1\nid: 7\ndata: one\ndata: two\n\n: ping\n\nid: 8\ndata: half")
			return
		}
		io.WriteString(w, "id: 8\ndata: three\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	var got []string
	for l, err := range c.Lines(ctx, c.URL+"/s", true) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, l); len(got) == 3 {
			cancel()
		}
	}
	if !slices.Equal(got, []string{"one", "two", "three"}) || !slices.Equal(asked, []string{"", "7"}) {
		t.Errorf("got %v after asking for %q", got, asked)
	}
}

func TestLinesEndWithTheBacklog(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			w.WriteHeader(404)
			return
		}
		io.WriteString(w, "id: 1\ndata: one\n\n")
	})
	var got []string
	for l, err := range c.Lines(t.Context(), c.URL+"/s", false) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l)
	}
	if !slices.Equal(got, []string{"one"}) {
		t.Errorf("got %v", got)
	}
	for _, err := range c.Lines(t.Context(), c.URL+"/gone", true) {
		if !IsNotFound(err) {
			t.Errorf("got %v, want not found", err)
		}
	}
}
