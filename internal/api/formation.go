package api

import (
	"encoding/json"
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) formationRoutes(r chi.Router) {
	r.Get("/apps/{app}/formation", a.do(a.formationList))
	r.Patch("/apps/{app}/formation", a.do(a.formationBatch))
	r.Get("/apps/{app}/formation/{type}", a.do(a.formationInfo))
	r.Patch("/apps/{app}/formation/{type}", a.do(a.formationUpdate))
}

// A scaling is one update as clients send it. With docker_image it is a release of an image, which is another thing.
type scaling struct {
	heroku.FormationUpdate
	DockerImage json.RawMessage `json:"docker_image"`
}

type scalings struct {
	Updates []scaling `json:"updates"`
}

func (a *API) formationList(r *request) (reply, error) {
	app, types, err := a.platform.Formation(r.Context(), r.actor, r.param("app"))
	return formationReply(app, types), err
}

func formationReply(app platform.AppInfo, types []cloister.ProcessType) reply {
	return list(each(types, func(t cloister.ProcessType) heroku.Formation { return formation(app, t) }),
		column[heroku.Formation]{name: "type", value: func(f heroku.Formation) string { return f.Type }},
		byID(func(f heroku.Formation) string { return f.ID }))
}

func (a *API) formationBatch(r *request) (reply, error) {
	in, err := decode[scalings](r)
	if err != nil {
		return reply{}, err
	}
	var changes []platform.Scaling
	for _, u := range in.Updates {
		c, err := u.change(u.Type)
		if err != nil {
			return reply{}, err
		}
		changes = append(changes, c)
	}
	app, types, err := a.platform.Scale(r.Context(), r.actor, r.param("app"), changes)
	return ok(each(types, func(t cloister.ProcessType) heroku.Formation { return formation(app, t) })), err
}

func (a *API) formationInfo(r *request) (reply, error) {
	app, types, err := a.platform.Formation(r.Context(), r.actor, r.param("app"))
	return formationOf(r, app, types, err)
}

func (a *API) formationUpdate(r *request) (reply, error) {
	in, err := decode[scaling](r)
	if err != nil {
		return reply{}, err
	}
	change, err := in.change(r.param("type"))
	if err != nil {
		return reply{}, err
	}
	app, types, err := a.platform.Scale(r.Context(), r.actor, r.param("app"), []platform.Scaling{change})
	return formationOf(r, app, types, err)
}

func formationOf(r *request, app platform.AppInfo, types []cloister.ProcessType, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	t, err := oneType(r, types)
	return ok(formation(app, t)), err
}

// oneType is the process type that the path names, or has the id of.
func oneType(r *request, types []cloister.ProcessType) (cloister.ProcessType, error) {
	ref := r.param("type")
	if i := slices.IndexFunc(types, func(t cloister.ProcessType) bool { return t.Type == ref || t.ID == ref }); i >= 0 {
		return types[i], nil
	}
	return cloister.ProcessType{}, cloister.Missing("formation")
}

func (u scaling) change(processType string) (platform.Scaling, error) {
	if len(u.DockerImage) > 0 {
		return platform.Scaling{}, cloister.Errorf(cloister.Unsupported, "Releasing Docker images is not in this version. Deploy with git push.")
	}
	c := platform.Scaling{Type: processType}
	if q := u.Quantity; q != nil {
		c.Quantity, c.Relative = &q.N, q.Relative
	}
	if s := u.WantedSize(); s != "" {
		c.Size = &s
	}
	return c, nil
}

func formation(app platform.AppInfo, t cloister.ProcessType) heroku.Formation {
	return heroku.Formation{ID: t.ID, App: appName(app), Type: t.Type, Command: t.Command, Quantity: t.Quantity,
		Size: t.Size, DynoSize: sizeName(t.Size), CreatedAt: heroku.At(t.CreatedAt), UpdatedAt: heroku.At(t.UpdatedAt)}
}
