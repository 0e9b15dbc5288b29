package api

import (
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

// appRoutes serves apps and team apps alike: every app belongs to a team here.
func (a *API) appRoutes(r chi.Router) {
	r.Get("/apps", a.do(a.appList))
	r.Get("/users/{user}/apps", a.do(a.userApps))
	for _, apps := range []string{"/apps", "/teams/apps"} {
		r.Post(apps, a.do(a.appCreate))
		r.Get(apps+"/{app}", a.do(a.appInfo))
		r.Patch(apps+"/{app}", a.do(a.appUpdate))
	}
	r.Delete("/apps/{app}", a.do(a.appDestroy))
}

func (a *API) appList(r *request) (reply, error) {
	apps, err := a.platform.Apps(r.Context(), r.actor, "", "")
	return a.appReply(apps), err
}

func (a *API) userApps(r *request) (reply, error) {
	if err := self(r); err != nil {
		return reply{}, err
	}
	return a.appList(r)
}

func (a *API) appReply(apps []platform.AppInfo) reply {
	return list(each(apps, a.app), byName(func(x heroku.App) string { return x.Name }), byID(func(x heroku.App) string { return x.ID }))
}

func (a *API) appCreate(r *request) (reply, error) {
	in, err := decode[heroku.AppCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	team := in.Team
	if team == "" {
		team = in.Organization
	}
	app, err := a.platform.CreateApp(r.Context(), r.actor, platform.AppSpec{Name: in.Name, Space: string(in.Space),
		Team: string(team), Region: string(in.Region), Stack: string(in.Stack), InternalRouting: in.InternalRouting, Locked: in.Locked})
	return created(a.app(app)), err
}

func (a *API) appInfo(r *request) (reply, error) {
	app, err := a.platform.App(r.Context(), r.actor, r.param("app"))
	return ok(a.app(app)), err
}

func (a *API) appUpdate(r *request) (reply, error) {
	in, err := decode[heroku.AppUpdateOpts](r)
	if err != nil {
		return reply{}, err
	}
	if in.Owner != nil {
		app, err := a.platform.App(r.Context(), r.actor, r.param("app"))
		if err == nil {
			err = cloister.Errorf(cloister.Invalid, "App %s is in space %s, and belongs to the team that the space belongs to, %s. Transfer the space: `spaces:transfer --space %s --team TEAM`.", app.Name, app.Space.Name, app.Team.Name, app.Space.Name)
		}
		return reply{}, err
	}
	app, err := a.platform.UpdateApp(r.Context(), r.actor, r.param("app"), platform.AppChange{Name: in.Name,
		Maintenance: in.Maintenance, BuildStack: (*string)(in.BuildStack), BootTimeout: seconds(in.BootTimeout), Locked: in.Locked})
	return ok(a.app(app)), err
}

func seconds(n *heroku.Int) *time.Duration {
	if n == nil {
		return nil
	}
	return heroku.Pointer(time.Duration(min(max(*n, 0), 1<<20)) * time.Second)
}

func (a *API) appDestroy(r *request) (reply, error) {
	app, err := a.platform.DestroyApp(r.Context(), r.actor, r.param("app"))
	return ok(a.app(app)), err
}

func (a *API) app(x platform.AppInfo) heroku.App {
	team, url := teamName(x.Team), a.webURL(x.Host)
	return heroku.App{ID: x.ID, Name: x.Name, Stack: stackName(x.Stack), BuildStack: stackName(x.BuildStack),
		BuildpackProvidedDescription: optional(x.Detected), CreateStatus: "complete", Generation: cedar(),
		GitURL: a.config.GitURL + x.Name + ".git", WebURL: &url, InternalRouting: x.InternalRouting, Joined: x.Joined,
		ACM: x.ACM, Locked: x.Locked, Maintenance: x.Maintenance, BootTimeout: heroku.Int(x.Boots().Seconds()), Owner: owner(x.Team), Organization: &team, Team: &team,
		Region:   heroku.Named{ID: cloister.NameID("region", x.Space.Region), Name: x.Space.Region},
		Space:    &heroku.AppSpace{ID: x.Space.ID, Name: x.Space.Name, Shield: x.Space.Shield},
		RepoSize: size(x.RepoSize), SlugSize: size(x.SlugSize), ReleasedAt: heroku.At(x.ReleasedAt),
		CreatedAt: heroku.At(x.CreatedAt), UpdatedAt: heroku.At(x.UpdatedAt)}
}

func (a *API) webURL(host string) string {
	if a.config.WebPort != "" {
		host += ":" + a.config.WebPort
	}
	return a.config.WebScheme + "://" + host + "/"
}

// owner is the address that clients know a team app by.
func owner(t cloister.Team) heroku.Person {
	return heroku.Person{ID: t.ID, Email: t.Name + "@herokumanager.com"}
}

func appName(x platform.AppInfo) heroku.Named { return heroku.Named{ID: x.ID, Name: x.Name} }
