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
	_, apps, err := a.platform.SpaceDynos(r.Context(), r.actor, r.param("space"))
	return ok(heroku.Topology{Version: 1, Apps: each(apps, topologyApp)}), err
}

func (a *API) spaceDynos(r *request) (reply, error) {
	_, apps, err := a.platform.SpaceDynos(r.Context(), r.actor, r.param("space"))
	return list(each(apps, dynosOfApp), column[heroku.SpaceDynos]{name: "app_name", value: func(d heroku.SpaceDynos) string { return d.AppName }}), err
}

// topologyApp has the process types that are scaled up, each with its dynos; those without a dyno yet are there too.
// Dynos have no host name until names under localspace resolve.
func topologyApp(app platform.AppDynos) heroku.TopologyApp {
	out := heroku.TopologyApp{ID: app.ID, Domains: heroku.List[string]{app.Host}}
	for _, t := range app.Formation {
		if t.Quantity == 0 {
			continue
		}
		p := heroku.TopologyProcess{ID: t.ID, ProcessType: t.Type}
		for _, d := range app.Dynos {
			if d.Type != t.Type {
				continue
			}
			dyno := heroku.TopologyDyno{ID: d.ID, Number: d.Number}
			if d.Address.IsValid() {
				dyno.PrivateIP = d.Address.String()
			}
			p.Dynos = append(p.Dynos, dyno)
		}
		out.Formation = append(out.Formation, p)
	}
	out.Formations = out.Formation
	return out
}

func dynosOfApp(app platform.AppDynos) heroku.SpaceDynos {
	out := heroku.SpaceDynos{AppID: app.ID, AppName: app.Name}
	for _, d := range app.Dynos {
		out.Dynos = append(out.Dynos, dyno(app.AppInfo, d))
	}
	return out
}
