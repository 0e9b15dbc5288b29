package api

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/cloister-dev/cloister"
)

// A handler answers one kind of request. It is some ten lines: decode, one call of platform, a view.
type handler func(*request) (reply, error)

// do makes a handler fit for the router: it finds out who is calling and writes the answer or the error.
func (a *API) do(h handler) http.HandlerFunc { return a.serve(h, a.byToken) }

// open makes a handler for anybody, with or without a token.
func (a *API) open(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out, err := h(&request{Request: r})
		if err != nil {
			a.fail(w, r, err)
			return
		}
		a.write(w, r, out)
	}
}

func (a *API) serve(h handler, who func(*http.Request) (cloister.Actor, cloister.Secret, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		actor, token, err := who(r)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		left, ok := a.calls.Take(actor.User.ID, time.Now())
		w.Header().Set("RateLimit-Remaining", strconv.Itoa(left))
		if !ok {
			a.fail(w, r, cloister.Errorf(cloister.RateLimit, "Your account reached the limit of %d calls an hour. Please wait a minute and try again.", a.config.CallsPerHour))
			return
		}
		note(r, actor.User.Email)
		actor.Request = requestID(r)
		out, err := h(&request{Request: r, actor: actor, token: token, left: left})
		if err != nil {
			a.fail(w, r, err)
			return
		}
		warning := out.warning
		if r.Method != http.MethodGet && r.Method != http.MethodHead && a.beside.Health != nil {
			warning = strings.TrimSpace(warning + " " + a.beside.Health.Trouble())
		}
		if warning != "" {
			w.Header().Set("Warning-Message", warning)
		}
		a.write(w, r, out)
	}
}

type watchKey struct{}

// watched is what the access log learns of a request while it is answered.
type watched struct{ id, user string }

// note puts the caller into the access log.
func note(r *http.Request, user string) {
	if w, ok := r.Context().Value(watchKey{}).(*watched); ok {
		w.user = user
	}
}

// requestID is the id of a request, for errors and logs.
func requestID(r *http.Request) string {
	if w, ok := r.Context().Value(watchKey{}).(*watched); ok {
		return w.id
	}
	return ""
}

// secretPaths are the paths whose last part lets somebody in.
var secretPaths = regexp.MustCompile(`^(/teams/invitations/|` + archivePath + `|` + backupPath + `)[^/]+`)

func hideSecret(path string) string { return secretPaths.ReplaceAllString(path, "${1}[secret]") }

var requestIDs = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// watch gives each request an id, writes the access log, and turns a panic into an error.
func (a *API) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		// The CLI sends all ids that its process has seen, the newest first.
		id, _, _ := strings.Cut(r.Header.Get("Request-Id"), ",")
		if id = strings.TrimSpace(id); !requestIDs.MatchString(id) {
			id = cloister.NewID()
		}
		seen := &watched{id: id}
		r = r.WithContext(context.WithValue(r.Context(), watchKey{}, seen))
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		ww.Header().Set("Request-Id", id)
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				a.log.Error("request panicked", "request", id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				if ww.Status() != 0 {
					panic(http.ErrAbortHandler) // half an answer is out: cut the connection, so that it looks like one
				}
				a.write(ww, r, wrong(cloister.Errorf(cloister.Internal, "panic"), id))
			}
			route := ""
			if c := chi.RouteContext(r.Context()); c != nil {
				route = c.RoutePattern()
			}
			a.log.Info("request answered", "method", r.Method, "path", hideSecret(r.URL.Path), "route", route, "status", ww.Status(),
				"bytes", ww.BytesWritten(), "took", time.Since(start), "request", id, "user", seen.user)
		}()
		next.ServeHTTP(ww, r)
	})
}
