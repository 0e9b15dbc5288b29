package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/sso"
)

// An IdentityProvider tells who somebody is. *sso.Provider does.
type IdentityProvider interface {
	Name() string
	Start(ctx context.Context, redirect string) (to string, x sso.Pending, err error)
	Finish(ctx context.Context, x sso.Pending, back url.Values) (cloister.Identity, error)
}

const (
	ssoPath     = "/sso"
	ssoCallback = "/sso/callback" // registered at the provider
	ssoCookie   = "cloister_sso"  // ties a sign-in to the browser that began it
	ssoLife     = 10 * time.Minute
	maxAbroad   = 1000
)

// abroad are those who are at the identity provider. They live in memory: whoever is there while control is restarted begins
// again.
type abroad struct {
	mu  sync.Mutex
	all map[string]trip // by the secret in the browser's cookie
}

type trip struct {
	pending sso.Pending
	to      string // where they go when they are signed in
	ends    time.Time
}

func (a *abroad) leave(t trip, now time.Time) (cloister.Secret, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, old := range a.all {
		if now.After(old.ends) {
			delete(a.all, k)
		}
	}
	if len(a.all) >= maxAbroad {
		return "", cloister.Errorf(cloister.Unavailable, "Too many people are signing in. Try again in a few minutes.")
	}
	secret := cloister.NewToken()
	t.ends = now.Add(ssoLife)
	a.all[secret.Reveal()] = t
	return secret, nil
}

// comeBack finds a trip, once.
func (a *abroad) comeBack(secret string, now time.Time) (trip, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.all[secret]
	delete(a.all, secret)
	return t, ok && now.Before(t.ends)
}

// ssoStart sends somebody to the identity provider.
func (w *Web) ssoStart(rw http.ResponseWriter, r *http.Request) {
	if _, ok := w.logins.starts.Take(caller(r), time.Now()); !ok {
		w.problem(rw, cloister.Errorf(cloister.RateLimit, "Too many attempts to sign in. Please wait a minute and try again."))
		return
	}
	to, err := back(r.URL.Query().Get("to"))
	if err != nil {
		to = ""
	}
	address, pending, err := w.config.Provider.Start(r.Context(), base(r)+ssoCallback)
	var secret cloister.Secret
	if err == nil {
		secret, err = w.abroad.leave(trip{pending: pending, to: to}, time.Now())
	}
	if err != nil {
		w.providerFailed(rw, err)
		return
	}
	http.SetCookie(rw, &http.Cookie{Name: ssoCookie, Value: secret.Reveal(), Path: ssoPath, MaxAge: int(ssoLife.Seconds()), HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode})
	http.Redirect(rw, r, address, http.StatusSeeOther)
}

// ssoBack is where the provider sends them back to.
func (w *Web) ssoBack(rw http.ResponseWriter, r *http.Request) {
	c, err := r.Cookie(ssoCookie)
	if err != nil {
		c = &http.Cookie{}
	}
	http.SetCookie(rw, &http.Cookie{Name: ssoCookie, Path: ssoPath, MaxAge: -1, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode})
	t, ok := w.abroad.comeBack(c.Value, time.Now())
	if !ok {
		w.problem(rw, cloister.Errorf(cloister.Forbidden, "This sign-in was not begun in this browser, or took too long. Begin it again."))
		return
	}
	id, err := w.config.Provider.Finish(r.Context(), t.pending, r.URL.Query())
	var a cloister.Actor
	if err == nil {
		a, err = w.platform.SignInAs(r.Context(), caller(r), id)
	}
	if err == nil {
		err = w.start(rw, r, a)
	}
	if err != nil {
		w.providerFailed(rw, err)
		return
	}
	http.Redirect(rw, r, cmp.Or(t.to, home), http.StatusSeeOther)
}

// providerFailed shows why somebody was not signed in. The cause is for the operator.
func (w *Web) providerFailed(rw http.ResponseWriter, err error) {
	if cloister.KindOf(err) == cloister.Unavailable {
		w.log.Warn("the identity provider does not answer", "err", err)
	}
	w.problem(rw, err)
}

// base is the address that the request came to.
func base(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
