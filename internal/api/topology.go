package api

import (
	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) topologyRoutes(r chi.Router) {
	r.Get("/spaces/{space}/topology", a.do(a.topology))
	r.Get("/spaces/{space}/dynos", a.do(a.spaceDynos))
}

func (a *API) topology(r *request) (reply, error) {
	t, err := a.platform.Topology(r.Context(), r.actor, r.param("space"))
	return ok(t), err
}

func (a *API) spaceDynos(r *request) (reply, error) {
	_, apps, err := a.platform.SpaceDynos(r.Context(), r.actor, r.param("space"))
	return list(each(apps, dynosOfApp), column[heroku.SpaceDynos]{name: "app_name", value: func(d heroku.SpaceDynos) string { return d.AppName }}), err
}

func dynosOfApp(app platform.AppDynos) heroku.SpaceDynos {
	out := heroku.SpaceDynos{AppID: app.ID, AppName: app.Name}
	for _, d := range app.Dynos {
		out.Dynos = append(out.Dynos, dyno(app.AppInfo, d))
	}
	return out
}
