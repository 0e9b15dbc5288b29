package api

import (
	"net/netip"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) teamRoutes(r chi.Router) {
	r.Get("/teams", a.do(a.teamList))
	r.Post("/teams", a.do(a.teamCreate))
	r.Get("/teams/{team}", a.do(a.teamInfo))
	r.Patch("/teams/{team}", a.do(a.teamUpdate))
	r.Delete("/teams/{team}", a.do(a.teamDestroy))
	r.Post("/teams/{team}/actions/suspend", a.do(a.teamSuspend)) // these two are our own
	r.Post("/teams/{team}/actions/restore", a.do(a.teamRestore))
	r.Get("/teams/{team}/features", a.do(a.teamFeatures))
	r.Get("/teams/{team}/permissions", a.do(a.teamPermissions))
	r.Get("/teams/{team}/spaces", a.do(a.teamSpaces))
	r.Get("/teams/{team}/apps", a.do(a.teamApps))
	r.Put("/teams/{team}/trusted-ranges", a.do(a.teamRanges)) // and these two
	r.Delete("/teams/{team}/trusted-ranges", a.do(a.teamRangesClear))
	r.Get("/teams/{team}/addons", a.do(a.teamNone))
}

func (a *API) teamList(r *request) (reply, error) {
	teams, err := a.platform.Teams(r.Context(), r.actor)
	return list(each(teams, team), byName(func(t heroku.Team) string { return t.Name }), byID(func(t heroku.Team) string { return t.ID })), err
}

func (a *API) teamCreate(r *request) (reply, error) {
	in, err := decode[heroku.TeamCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	t, err := a.platform.CreateTeam(r.Context(), r.actor, in.Name)
	return created(team(t)), err
}

func (a *API) teamInfo(r *request) (reply, error) {
	t, err := a.platform.Team(r.Context(), r.actor, r.param("team"))
	return ok(team(t)), err
}

func (a *API) teamUpdate(r *request) (reply, error) {
	in, err := decode[heroku.TeamUpdateOpts](r)
	if err != nil {
		return reply{}, err
	}
	if in.Default != nil {
		return reply{}, cloister.Errorf(cloister.Unsupported, "Default teams are not in this version. Name the team with --team or HEROKU_TEAM.")
	}
	if in.Name == nil {
		return a.teamInfo(r)
	}
	t, err := a.platform.RenameTeam(r.Context(), r.actor, r.param("team"), *in.Name)
	return ok(team(t)), err
}

func (a *API) teamSuspend(r *request) (reply, error) {
	t, err := a.platform.SuspendTeam(r.Context(), r.actor, r.param("team"))
	return ok(team(platform.TeamInfo{Team: t})), err
}

func (a *API) teamRestore(r *request) (reply, error) {
	t, err := a.platform.RestoreTeam(r.Context(), r.actor, r.param("team"))
	return ok(team(platform.TeamInfo{Team: t})), err
}

func (a *API) teamRanges(r *request) (reply, error) {
	in, err := decode[heroku.TeamRangesOpts](r)
	if err != nil {
		return reply{}, err
	}
	if in.TrustedRanges == nil {
		return reply{}, cloister.Errorf(cloister.Invalid, "Give trusted_ranges: a list of ranges such as 192.0.2.0/24, or an empty one for everywhere.")
	}
	t, err := a.platform.SetTeamRanges(r.Context(), r.actor, r.param("team"), *in.TrustedRanges)
	return ok(team(platform.TeamInfo{Team: t, Role: cloister.Admin})), err
}

func (a *API) teamRangesClear(r *request) (reply, error) {
	t, err := a.platform.ClearTeamRanges(r.Context(), r.actor, r.param("team"))
	return ok(team(platform.TeamInfo{Team: t})), err
}

func (a *API) teamDestroy(r *request) (reply, error) {
	t, err := a.platform.DestroyTeam(r.Context(), r.actor, r.param("team"))
	return ok(team(t)), err
}

// teamFeatures are what clients ask a team for: that the apps of a team have permissions of their own is one of them.
func (a *API) teamFeatures(r *request) (reply, error) {
	t, err := a.platform.Team(r.Context(), r.actor, r.param("team"))
	const name = "org-access-controls"
	return list([]heroku.Feature{{ID: cloister.NameID("team_feature", name), Name: name, DisplayName: name, State: "general", Enabled: true,
		Description: "Permissions to view, deploy, operate and manage each app",
		CreatedAt:   heroku.At(t.CreatedAt), UpdatedAt: heroku.At(t.CreatedAt)}}), err
}

func (a *API) teamPermissions(r *request) (reply, error) {
	all, err := a.platform.Permissions(r.Context(), r.actor, r.param("team"))
	return list(each(all, entity), byName(func(e heroku.PermissionEntity) string { return e.Name })), err
}

func entity(e platform.Entity) heroku.PermissionEntity {
	return heroku.PermissionEntity{ID: e.ID, Name: e.Name, TeamID: e.TeamID, Type: e.Type,
		Users: each(e.Holders, func(h platform.Holder) heroku.PermissionHolder {
			return heroku.PermissionHolder{ID: h.UserID, Email: h.Email,
				Permissions: each(h.Permissions, func(p cloister.Permission) string { return string(p) })}
		})}
}

func (a *API) teamSpaces(r *request) (reply, error) {
	t, err := a.platform.Team(r.Context(), r.actor, r.param("team"))
	if err != nil {
		return reply{}, err
	}
	spaces, err := a.platform.Spaces(r.Context(), r.actor)
	var own []heroku.Space
	for _, s := range spaces {
		if s.TeamID == t.ID {
			own = append(own, space(s))
		}
	}
	return spaceReply(own), err
}

func (a *API) teamApps(r *request) (reply, error) {
	apps, err := a.platform.Apps(r.Context(), r.actor, r.param("team"), "")
	return a.appReply(apps), err
}

// teamNone is a list of what teams do not have here: the truth is that there is nothing in it.
func (a *API) teamNone(r *request) (reply, error) {
	_, err := a.platform.Team(r.Context(), r.actor, r.param("team"))
	return none(), err
}

// team is of the type that has no invitations: people are added by their address.
func team(t platform.TeamInfo) heroku.Team {
	return heroku.Team{ID: t.ID, Name: t.Name, Type: "enterprise", Role: optional(string(t.Role)), ProvisionedLicenses: false, SuspendedAt: heroku.At(t.SuspendedAt),
		TrustedRanges: each(t.Trusted, func(p netip.Prefix) string { return p.String() }),
		CreatedAt:     heroku.At(t.CreatedAt), UpdatedAt: heroku.At(t.UpdatedAt)}
}

func teamName(t cloister.Team) heroku.Named { return heroku.Named{ID: t.ID, Name: t.Name} }
