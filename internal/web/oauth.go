package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// A consent is the page that asks a person whether a client may act for them.
type consent struct {
	Client, Back, Email   string
	May                   []string
	ID, Scope, State, URI string
}

// may says in words what a scope lets a program do.
var may = map[cloister.Scope]string{
	cloister.GlobalScope:         "do all that you may do, your account included",
	cloister.IdentityScope:       "learn who you are",
	cloister.ReadScope:           "see your apps, spaces and teams, without config vars and logs",
	cloister.WriteScope:          "change your apps, spaces and teams, without config vars and code",
	cloister.ReadProtectedScope:  "see your apps, spaces and teams, with config vars and logs",
	cloister.WriteProtectedScope: "change your apps, spaces and teams, with config vars and code",
}

// asked reads what a client sends a person here with. What is wrong is told to the person, not to the address that the client
// names: it is the client's only if it is the one that was registered.
func (w *Web) asked(r *http.Request, a cloister.Actor) (consent, error) {
	q := r.Form
	c := consent{ID: q.Get("client_id"), Scope: q.Get("scope"), State: q.Get("state"), URI: q.Get("redirect_uri"), Email: a.User.Email}
	if kind := q.Get("response_type"); kind != "code" {
		return c, cloister.Errorf(cloister.Invalid, "The response_type %q is not served here. Use code.", kind)
	}
	client, scopes, err := w.platform.Asking(r.Context(), a, c.ID, words(c.Scope))
	if cloister.KindOf(err) == cloister.NotFound {
		err = cloister.Errorf(cloister.NotFound, "The program that sent you here is not known. It may have been removed.")
	}
	if err == nil && c.URI != "" && c.URI != client.RedirectURI {
		err = cloister.Errorf(cloister.Invalid, "The program wants you to come back to another place than it has registered. It may be another one.")
	}
	if err != nil {
		return c, err
	}
	c.Client, c.Back = client.Name, client.RedirectURI
	for _, s := range scopes {
		c.May = append(c.May, may[s])
	}
	return c, nil
}

// words are the scopes of a request, between spaces (RFC 6749) or commas (as Heroku's clients send them).
func words(scope string) []string {
	return strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' || r == ',' })
}

func (w *Web) authorizePage(rw http.ResponseWriter, r *http.Request) {
	w.authorize(rw, r, func(_ cloister.Actor, c consent) { w.show(rw, http.StatusOK, "consent.html", c) })
}

func (w *Web) decideAuthorize(rw http.ResponseWriter, r *http.Request) {
	w.authorize(rw, r, func(a cloister.Actor, c consent) {
		answer := url.Values{"error": {"access_denied"}}
		if r.PostFormValue("decision") == "allow" {
			_, code, err := w.platform.Grant(r.Context(), a, c.ID, words(c.Scope))
			if err != nil {
				w.problem(rw, err)
				return
			}
			answer = url.Values{"code": {code.Reveal()}}
		}
		if c.State != "" {
			answer.Set("state", c.State)
		}
		to, err := url.Parse(c.Back)
		if err != nil {
			w.problem(rw, err)
			return
		}
		q := to.Query()
		for name, value := range answer {
			q[name] = value
		}
		to.RawQuery = q.Encode()
		http.Redirect(rw, r, to.String(), http.StatusSeeOther)
	})
}

// authorize finds out who is asked and what for, and lets the page send the browser back to the client.
func (w *Web) authorize(rw http.ResponseWriter, r *http.Request, then func(cloister.Actor, consent)) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		w.problem(rw, cloister.Errorf(cloister.BadRequest, "This request cannot be read."))
		return
	}
	a, ok := w.known(rw, r)
	if !ok {
		return
	}
	c, err := w.asked(r, a)
	if err != nil {
		w.problem(rw, err)
		return
	}
	if u, err := url.Parse(c.Back); err == nil { // browsers hold a form to where it leads in the end
		h := rw.Header()
		h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "form-action 'self'", "form-action 'self' "+u.Scheme+"://"+u.Host, 1))
	}
	then(a, c)
}

// token gives a client its tokens: for a code, or for a refresh token (RFC 6749, 4.1.3 and 6).
func (w *Web) token(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	secret := cloister.Secret(r.PostFormValue("client_secret"))
	if _, password, ok := r.BasicAuth(); ok {
		secret = cloister.Secret(password)
	}
	var out platform.Tokens
	var err error
	switch kind := r.PostFormValue("grant_type"); kind {
	case "authorization_code":
		if w.vendorToken(rw, r, false, secret, cloister.Secret(r.PostFormValue("code"))) {
			return
		}
		out, err = w.platform.Exchange(r.Context(), caller(r), secret, cloister.Secret(r.PostFormValue("code")))
	case "refresh_token":
		if w.vendorToken(rw, r, true, secret, cloister.Secret(r.PostFormValue("refresh_token"))) {
			return
		}
		out, err = w.platform.Refresh(r.Context(), caller(r), secret, cloister.Secret(r.PostFormValue("refresh_token")))
	default:
		refuse(rw, http.StatusBadRequest, "unsupported_grant_type", "Use authorization_code or refresh_token as the grant_type.")
		return
	}
	switch cloister.KindOf(err) {
	case "":
	case cloister.Unauthorized, cloister.Suspended:
		refuse(rw, http.StatusUnauthorized, "invalid_grant", cloister.MessageOf(err))
		return
	case cloister.RateLimit:
		refuse(rw, http.StatusTooManyRequests, "slow_down", cloister.MessageOf(err))
		return
	default:
		w.log.Error("a client got no token", "err", err)
		refuse(rw, http.StatusInternalServerError, "server_error", cloister.MessageOf(err))
		return
	}
	reply(rw, http.StatusOK, map[string]any{"access_token": out.Access.Reveal(), "refresh_token": out.Refresh.Reveal(), "token_type": "Bearer",
		"expires_in": int(cloister.AccessLife.Seconds()), "scope": cloister.ScopeNames(out.Authorization.Scope, " "), "user_id": out.User.ID})
}

// vendorToken gives the provider of an add-on its tokens, and reports whether it is one that asks.
func (w *Web) vendorToken(rw http.ResponseWriter, r *http.Request, refresh bool, secret, code cloister.Secret) bool {
	out, err := w.platform.VendorTokens(r.Context(), caller(r), refresh, secret, code)
	switch cloister.KindOf(err) {
	case "":
		reply(rw, http.StatusOK, map[string]any{"access_token": out.Access.Reveal(), "refresh_token": out.Refresh.Reveal(), "token_type": "Bearer",
			"expires_in": int(cloister.AccessLife.Seconds())})
		return true
	case cloister.NotFound: // it may be a client of somebody's
		return false
	case cloister.RateLimit:
		refuse(rw, http.StatusTooManyRequests, "slow_down", cloister.MessageOf(err))
	default:
		w.log.Error("a provider got no token", "err", err)
		refuse(rw, http.StatusInternalServerError, "server_error", cloister.MessageOf(err))
	}
	return true
}

func refuse(rw http.ResponseWriter, status int, id, message string) {
	reply(rw, status, map[string]string{"error": id, "error_description": message, "id": id, "message": message})
}
