package web

import (
	"net/http"

	"github.com/cloister-dev/cloister"
)

// A form is the page for signing in: what was typed is kept, but for secrets.
type form struct {
	To, Email, Error string
	Code             bool   // a second factor is asked for
	Provider         string // the name of an identity provider to sign in by; "": there is none
}

const maxForm = 16 << 10

func (w *Web) signInPage(rw http.ResponseWriter, r *http.Request) {
	to, err := back(r.URL.Query().Get("to"))
	if err != nil {
		to = ""
	}
	w.show(rw, http.StatusOK, "sign-in.html", w.form(form{To: to}))
}

// form is a form with what all have.
func (w *Web) form(f form) form {
	if w.config.Provider != nil {
		f.Provider = w.config.Provider.Name()
	}
	return f
}

func (w *Web) signIn(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	f := form{Email: r.PostFormValue("email"), To: r.PostFormValue("to")}
	code := r.PostFormValue("code")
	a, err := w.platform.SignIn(r.Context(), caller(r), f.Email, cloister.Secret(r.PostFormValue("password")), cloister.Secret(code))
	if err == nil {
		err = w.start(rw, r, a)
	}
	if err != nil {
		f.Error, f.Code = cloister.MessageOf(err), cloister.KindOf(err) == cloister.TwoFactor
		switch {
		case cloister.KindOf(err) == cloister.Unauthorized:
			f.Error = "There is no account with this e-mail address and password."
		case f.Code && code == "":
			f.Error = "This account has a second factor. Enter its code, and the password again."
		}
		w.show(rw, status(err), "sign-in.html", w.form(f))
		return
	}
	to, err := back(f.To)
	if err != nil {
		to = home
	}
	http.Redirect(rw, r, to, http.StatusSeeOther)
}

// start gives a browser its cookie.
func (w *Web) start(rw http.ResponseWriter, r *http.Request, a cloister.Actor) error {
	s, secret, err := w.platform.StartSession(r.Context(), a, r.UserAgent())
	if err != nil {
		return err
	}
	// Lax: a site that sends somebody here to let it act for them must find them signed in.
	http.SetCookie(rw, &http.Cookie{Name: cookie, Value: secret.Reveal(), Path: "/", Expires: s.ExpiresAt, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode})
	return nil
}

func (w *Web) signOut(rw http.ResponseWriter, r *http.Request) {
	a, s, err := w.visitor(r)
	if err == nil {
		_, err = w.platform.EndSession(r.Context(), a, s.ID)
	}
	if err != nil && cloister.KindOf(err) != cloister.Unauthorized {
		w.problem(rw, err)
		return
	}
	http.SetCookie(rw, &http.Cookie{Name: cookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode})
	w.say(rw, "You are signed out", "You can close this page, or sign in again at the address of this server.")
}
