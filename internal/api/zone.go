package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

// zoneRoutes are our own: Heroku shows nobody its zones.
func (a *API) zoneRoutes(r chi.Router) {
	r.Get("/zones", a.do(a.zoneList))
	r.Post("/zones/{zone}/actions/fail", a.do(a.zoneFail))
	r.Post("/zones/{zone}/actions/heal", a.do(a.zoneHeal))
}

func (a *API) zoneList(r *request) (reply, error) {
	zones, err := a.platform.Zones(r.Context(), r.actor)
	return list(each(zones, zone), byName(func(z heroku.Zone) string { return z.Name })), err
}

func (a *API) zoneFail(r *request) (reply, error) {
	z, err := a.platform.FailZone(r.Context(), r.actor, r.param("zone"))
	return ok(zone(z)), err
}

func (a *API) zoneHeal(r *request) (reply, error) {
	z, err := a.platform.HealZone(r.Context(), r.actor, r.param("zone"))
	return ok(zone(z)), err
}

func zone(z platform.ZoneInfo) heroku.Zone {
	out := heroku.Zone{Name: z.Name, State: "healthy", Reason: z.Reason(), Dynos: heroku.Int(z.Dynos), FailedBy: z.FailedBy, FailedAt: heroku.At(z.FailedAt)}
	if !z.Works() {
		out.State = "failed"
	}
	return out
}
