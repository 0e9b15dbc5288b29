package web

import (
	"net/http"

	"github.com/cloister-dev/cloister"
)

// An invited is the page on which somebody accepts an invitation. Its address has the token in it: it is what was handed to
// them, it is good once, and only for the person whom it names.
type invited struct {
	Token                      string
	Inviter, Email, Team, Role string
	Known                      bool // they have an account
	Error                      string
}

// guest finds out who is invited. Whoever has an account must have signed in with it; known is false if an answer was given.
func (w *Web) guest(rw http.ResponseWriter, r *http.Request) (page invited, a cloister.Actor, ok bool) {
	token := cloister.Secret(r.PathValue("token"))
	i, known, err := w.platform.Invited(r.Context(), token)
	if err == nil && known {
		if a, ok = w.known(rw, r); !ok {
			return page, a, false
		}
		_, err = w.platform.Invitation(r.Context(), a, token)
	}
	if err != nil {
		w.problem(rw, err)
		return page, a, false
	}
	return invited{Token: token.Reveal(), Inviter: i.InviterName, Email: i.Email, Team: i.TeamName, Role: string(i.Role), Known: known}, a, true
}

func (w *Web) invitationPage(rw http.ResponseWriter, r *http.Request) {
	if page, _, ok := w.guest(rw, r); ok {
		w.show(rw, http.StatusOK, "invitation.html", page)
	}
}

func (w *Web) accept(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	page, a, ok := w.guest(rw, r)
	if !ok {
		return
	}
	token := cloister.Secret(page.Token)
	var err error
	if page.Known {
		_, err = w.platform.Accept(r.Context(), a, token)
	} else if password := r.PostFormValue("password"); password != r.PostFormValue("again") {
		err = cloister.Errorf(cloister.Invalid, "The two passwords are not the same.")
	} else if a, _, err = w.platform.Join(r.Context(), caller(r), token, cloister.Secret(password)); err == nil {
		err = w.start(rw, r, a)
	}
	switch cloister.KindOf(err) {
	case "":
		w.say(rw, "You are in", "You are a member of "+page.Team+". Go on in a terminal, with `heroku login`.")
	case cloister.Invalid, cloister.RateLimit:
		page.Error = cloister.MessageOf(err)
		w.show(rw, status(err), "invitation.html", page)
	default:
		w.problem(rw, err)
	}
}
