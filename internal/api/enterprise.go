package api

import (
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

// enterpriseRoutes are about the one enterprise account that an installation is.
func (a *API) enterpriseRoutes(r chi.Router) {
	r.Get("/enterprise-accounts", a.do(a.enterpriseList))
	r.Get("/enterprise-accounts/{enterprise}", a.do(a.enterpriseInfo))
	r.Patch("/enterprise-accounts/{enterprise}", a.do(a.enterpriseUpdate))
	r.Get("/enterprise-accounts/{enterprise}/members", a.do(a.operatorList))
	r.Post("/enterprise-accounts/{enterprise}/members", a.do(a.operatorCreate))
	r.Patch("/enterprise-accounts/{enterprise}/members/{user}", a.do(a.operatorUpdate))
	r.Delete("/enterprise-accounts/{enterprise}/members/{user}", a.do(a.operatorDelete))
	r.Get("/enterprise-accounts/{enterprise}/teams", a.do(a.enterpriseTeams))
	r.Post("/enterprise-accounts/{enterprise}/teams", a.do(a.enterpriseTeamCreate))
	r.Get("/enterprise-accounts/{enterprise}/events", a.do(a.trail))
	r.Get("/enterprise-accounts/{enterprise}/archives", a.do(a.archiveList))
	r.Get("/enterprise-accounts/{enterprise}/archives/{year}/{month}", a.do(a.archiveInfo))
	r.Get(archivePath+"{ticket}", a.archiveFile)
}

func (a *API) enterpriseList(r *request) (reply, error) {
	all, err := a.platform.Enterprises(r.Context(), r.actor)
	return list(each(all, enterprise), byName(func(e heroku.EnterpriseAccount) string { return e.Name })), err
}

func (a *API) enterpriseInfo(r *request) (reply, error) {
	e, err := a.platform.Enterprise(r.Context(), r.actor, r.param("enterprise"))
	return ok(enterprise(e)), err
}

func (a *API) enterpriseUpdate(r *request) (reply, error) {
	in, err := decode[heroku.EnterpriseAccountUpdateOpts](r)
	if err != nil {
		return reply{}, err
	}
	e, err := a.platform.RenameEnterprise(r.Context(), r.actor, r.param("enterprise"), in.Name)
	return ok(enterprise(e)), err
}

func (a *API) operatorList(r *request) (reply, error) {
	e, all, err := a.platform.Operators(r.Context(), r.actor, r.param("enterprise"))
	return list(each(all, func(u cloister.User) heroku.EnterpriseAccountMember { return operator(e, u) }),
		byID(func(m heroku.EnterpriseAccountMember) string { return m.ID })), err
}

func (a *API) operatorCreate(r *request) (reply, error) {
	in, err := decode[heroku.EnterpriseAccountMemberOpts](r)
	if err == nil {
		err = operates(in.Permissions)
	}
	if err != nil {
		return reply{}, err
	}
	e, u, err := a.platform.SetOperator(r.Context(), r.actor, r.param("enterprise"), in.User, true)
	return created(operator(e, u)), err
}

func (a *API) operatorUpdate(r *request) (reply, error) {
	in, err := decode[heroku.EnterpriseAccountMemberOpts](r)
	if err == nil {
		err = operates(in.Permissions)
	}
	if err != nil {
		return reply{}, err
	}
	e, u, err := a.platform.SetOperator(r.Context(), r.actor, r.param("enterprise"), r.param("user"), true)
	return ok(operator(e, u)), err
}

func (a *API) operatorDelete(r *request) (reply, error) {
	e, u, err := a.platform.SetOperator(r.Context(), r.actor, r.param("enterprise"), r.param("user"), false)
	return ok(operator(e, u)), err
}

// enterprisePermissions are those of Heroku's enterprise accounts. Here whoever has one has all: an operator.
var enterprisePermissions = []heroku.EnterpriseAccountPermission{
	{Name: "billing", Description: "View what the teams use."},
	{Name: "create", Description: "Create teams."},
	{Name: "manage", Description: "Administer the installation: people, teams, limits, zones, the audit trail."},
	{Name: "view", Description: "View enterprise account members and teams."},
}

// operates is the error of permissions that are not an operator's.
func operates(permissions []string) error {
	for _, name := range permissions {
		if !slices.ContainsFunc(enterprisePermissions, func(p heroku.EnterpriseAccountPermission) bool { return p.Name == name }) {
			return cloister.Errorf(cloister.Invalid, "There is no permission %q of an enterprise account. There are billing, create, manage and view.", name)
		}
	}
	if !slices.Contains(permissions, "manage") {
		return cloister.Errorf(cloister.Invalid, "The permissions of an enterprise account come together here: give manage, which has the others in it, or remove the member.")
	}
	return nil
}

func (a *API) enterpriseTeams(r *request) (reply, error) {
	e, all, err := a.platform.AllTeams(r.Context(), r.actor, r.param("enterprise"))
	return list(each(all, func(t cloister.Team) heroku.Team { return owned(e, team(platform.TeamInfo{Team: t})) }),
		byName(func(t heroku.Team) string { return t.Name }), byID(func(t heroku.Team) string { return t.ID })), err
}

func (a *API) enterpriseTeamCreate(r *request) (reply, error) {
	in, err := decode[heroku.TeamCreateOpts](r)
	if err != nil {
		return reply{}, err
	}
	e, err := a.platform.Enterprise(r.Context(), r.actor, r.param("enterprise"))
	if err != nil {
		return reply{}, err
	}
	t, err := a.platform.CreateTeam(r.Context(), r.actor, in.Name)
	return created(owned(e, team(t))), err
}

func owned(e platform.Enterprise, t heroku.Team) heroku.Team {
	t.EnterpriseAccount = &heroku.Named{ID: e.ID, Name: e.Name}
	return t
}

func enterprise(e platform.Enterprise) heroku.EnterpriseAccount {
	var may []string
	if e.Member {
		may = each(enterprisePermissions, func(p heroku.EnterpriseAccountPermission) string { return p.Name })
	}
	return heroku.EnterpriseAccount{ID: e.ID, Name: e.Name, Permissions: may, CreatedAt: heroku.At(e.CreatedAt), UpdatedAt: heroku.At(e.CreatedAt)}
}

func operator(e platform.Enterprise, u cloister.User) heroku.EnterpriseAccountMember {
	return heroku.EnterpriseAccountMember{ID: u.ID, EnterpriseAccount: heroku.Named{ID: e.ID, Name: e.Name}, User: heroku.Person{ID: u.ID, Email: u.Email},
		Permissions: enterprisePermissions, TwoFactorAuthentication: u.TwoFactor}
}
