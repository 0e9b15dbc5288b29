// Package web has the pages that people see in a browser: signing in, letting a program that runs elsewhere (the heroku CLI,
// ours, an OAuth client) act for them, and the dashboard of teams, spaces and apps. It calls platform alone, as the API does, and
// decides nothing itself.
//
// Pages are made here, work without JavaScript but for what is live, and load nothing from elsewhere. What is live is sent again
// when it changes (follow), by the same address, view and template as the page. What changes something is a POST from a page of
// ours (http.CrossOriginProtection), and leads on to a page. No secret is ever in an address, nor in a page unless it was asked for.
package web

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

//go:embed pages
var files embed.FS

var pages = template.Must(template.New("").Funcs(vocabulary).ParseFS(files, "pages/*.html"))

// Config is what the pages need to know of the server.
type Config struct {
	Provider IdentityProvider         // nil: people sign in with passwords alone
	Logs     Logs                     // nil: none are kept
	GitURL   string                   // what repositories are under: "https://localhost:5100/"
	Address  func(host string) string // where an app answers, as people see it; nil: at its host, by plain HTTP
}

// address is where an app answers.
func (c Config) address(host string) string {
	if c.Address == nil {
		return "http://" + host + "/"
	}
	return c.Address(host)
}

// Web serves the pages.
type Web struct {
	platform *platform.Platform
	log      *slog.Logger
	mux      *http.ServeMux
	logins   *logins
	config   Config
	abroad   abroad
	live     chan struct{} // one value for each page that is followed
}

// New returns the pages over a platform.
func New(p *platform.Platform, c Config, log *slog.Logger) *Web {
	w := &Web{platform: p, log: log, mux: http.NewServeMux(), logins: newLogins(), config: c, abroad: abroad{all: map[string]trip{}}, live: make(chan struct{}, maxLive)}
	if c.Provider != nil {
		w.mux.HandleFunc("GET "+ssoPath, w.ssoStart)
		w.mux.HandleFunc("GET "+ssoCallback, w.ssoBack)
	}
	w.mux.HandleFunc("GET /sign-in", w.signInPage)
	w.mux.HandleFunc("POST /sign-in", w.signIn)
	w.mux.HandleFunc("POST /sign-out", w.signOut)
	for _, name := range assets {
		w.mux.HandleFunc("GET /"+name, serveAsset)
	}
	w.mux.HandleFunc("POST /auth", w.startLogin)
	w.mux.HandleFunc("GET /auth/browser/{login}", w.loginPage)
	w.mux.HandleFunc("POST /auth/browser/{login}", w.decideLogin)
	w.mux.HandleFunc("GET /auth/cli/{login}", w.awaitLogin)
	w.mux.HandleFunc("GET /invitations/{token}", w.invitationPage)
	w.mux.HandleFunc("POST /invitations/{token}", w.accept)
	w.mux.HandleFunc("GET /oauth/authorize", w.authorizePage)
	w.mux.HandleFunc("POST /oauth/authorize", w.decideAuthorize)
	w.mux.HandleFunc("POST /oauth/token", w.token)
	w.mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, home, http.StatusSeeOther) })
	w.mux.HandleFunc("GET "+home+"/", w.nowhere)
	w.mux.HandleFunc("GET "+home+"/check/space", w.checkSpace)
	for _, d := range w.doors() {
		w.mux.HandleFunc(d.pattern(), w.open(d))
	}
	return w
}

// Match reports whether a request is for a page. The root is a page for browsers alone.
func Match(r *http.Request) bool {
	switch path := r.URL.Path; path {
	case "/":
		return strings.Contains(r.Header.Get("Accept"), "text/html")
	case "/oauth/authorize", "/oauth/token", "/sign-in", "/sign-out", "/auth", ssoPath, ssoCallback, home:
		return true
	default:
		return slices.Contains(assets, path[1:]) || strings.HasPrefix(path, "/auth/") || strings.HasPrefix(path, "/invitations/") || strings.HasPrefix(path, home+"/")
	}
}

// ServeHTTP serves a request that matches.
func (w *Web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	h := rw.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		w.problem(rw, cloister.Errorf(cloister.Forbidden, "This was asked for by another site. Open the page here, and try again."))
		return
	}
	w.mux.ServeHTTP(rw, r)
}

// show writes a page.
func (w *Web) show(rw http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		w.log.Error("a page was not made", "page", name, "err", err)
		http.Error(rw, "Something went wrong here. Try again.", http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(status)
	rw.Write(b.Bytes())
}

// say shows that something is done.
func (w *Web) say(rw http.ResponseWriter, title, message string) {
	w.show(rw, http.StatusOK, "done.html", saying{title, message})
}

// A saying is a page that says one thing.
type saying struct{ Title, Message string }

var statusOf = map[cloister.Kind]int{cloister.BadRequest: 400, cloister.Unauthorized: 401, cloister.TwoFactor: 401, cloister.Suspended: 403, cloister.Forbidden: 403, cloister.NotFound: 404,
	cloister.Conflict: 409, cloister.Precondition: 412, cloister.Invalid: 422, cloister.Confirm: 422, cloister.Unsupported: 422, cloister.RateLimit: 429, cloister.Unavailable: 503}

// status is that of an error.
func status(err error) int {
	if s, ok := statusOf[cloister.KindOf(err)]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// problem shows an error as a page of its own.
func (w *Web) problem(rw http.ResponseWriter, err error) {
	s := status(err)
	if s == http.StatusInternalServerError {
		w.log.Error("a page failed", "err", err)
	}
	w.show(rw, s, "problem.html", saying{"That did not work", cloister.MessageOf(err)})
}

// caller is the address that a request came from.
func caller(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// cookie is the name of the cookie that a signed-in browser has.
const cookie = "cloister_session"

// visitor finds out who has signed in with the browser. Unauthorized if nobody has.
func (w *Web) visitor(r *http.Request) (cloister.Actor, cloister.Session, error) {
	c, err := r.Cookie(cookie)
	if err != nil {
		return cloister.Actor{}, cloister.Session{}, cloister.Errorf(cloister.Unauthorized, "Sign in first.")
	}
	a, s, err := w.platform.Resume(r.Context(), cloister.Secret(c.Value))
	a.From = caller(r)
	return a, s, err
}

// known finds out who has signed in, or sends the browser to sign in and then back.
func (w *Web) known(rw http.ResponseWriter, r *http.Request) (cloister.Actor, bool) {
	a, _, err := w.visitor(r)
	switch cloister.KindOf(err) {
	case "":
		return a, true
	case cloister.Unauthorized:
		http.Redirect(rw, r, "/sign-in?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
	default:
		w.problem(rw, err)
	}
	return a, false
}

// errTo is the error of an address to go back to that is not ours.
var errTo = errors.New("not an address of this server")

// back is the path to go back to after signing in: one of ours alone.
func back(to string) (string, error) {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "", errTo
	}
	return to, nil
}
