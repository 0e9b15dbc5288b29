package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// twoFactorRoutes are our own: Heroku's clients can only show whether it is on, and sign in with it.
func (a *API) twoFactorRoutes(r chi.Router) {
	r.Post("/account/two-factor", a.do(a.twoFactorStart))
	r.Post("/account/two-factor/actions/confirm", a.do(a.twoFactorConfirm))
	r.Post("/account/two-factor/actions/disable", a.do(a.twoFactorEnd))
	r.Delete("/users/{user}/two-factor", a.do(a.twoFactorReset))
}

func (a *API) twoFactorStart(r *request) (reply, error) {
	offer, err := a.platform.StartTwoFactor(r.Context(), r.actor)
	return created(heroku.TwoFactorOffer{Secret: offer.Secret.Reveal(), URL: offer.URL.Reveal()}), err
}

func (a *API) twoFactorConfirm(r *request) (reply, error) {
	in, err := decode[heroku.TwoFactorCode](r)
	if err != nil {
		return reply{}, err
	}
	codes, err := a.platform.ConfirmTwoFactor(r.Context(), r.actor, cloister.Secret(in.Code))
	return ok(heroku.RecoveryCodes{Codes: each(codes, cloister.Secret.Reveal)}), err
}

func (a *API) twoFactorEnd(r *request) (reply, error) {
	in, err := decode[heroku.TwoFactorCode](r)
	if err != nil {
		return reply{}, err
	}
	if err := a.platform.EndTwoFactor(r.Context(), r.actor, cloister.Secret(in.Code)); err != nil {
		return reply{}, err
	}
	u := r.actor.User
	u.TwoFactor = false
	return ok(account(u)), nil
}

func (a *API) twoFactorReset(r *request) (reply, error) {
	u, err := a.platform.ResetTwoFactor(r.Context(), r.actor, r.param("user"))
	return ok(account(u)), err
}
