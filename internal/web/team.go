package web

import (
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// startPage is what somebody sees first: all that they may see.
func (w *Web) startPage(v *visit) (page, error) {
	apps, err := w.platform.Apps(v.Context(), v.actor, "", "")
	if err != nil {
		return page{}, err
	}
	spaces, err := w.platform.Spaces(v.Context(), v.actor)
	return page{template: "start.html", Title: "Your apps", Data: struct {
		Apps   []platform.AppInfo
		Spaces []platform.SpaceInfo
	}{apps, spaces}}, err
}

// A teamView is what the pages of a team show.
type teamView struct {
	platform.TeamInfo
	May     platform.Rights
	Apps    []platform.AppInfo
	Spaces  []platform.SpaceInfo
	Members []cloister.Member
}

// Roles are those that a member of a team may have.
func (teamView) Roles() []cloister.Role {
	return []cloister.Role{cloister.Admin, cloister.MemberRole, cloister.Viewer}
}

// ofTeam begins a page of the team that the path names.
func (w *Web) ofTeam(v *visit, template string) (p page, t teamView, err error) {
	if t.TeamInfo, err = w.platform.Team(v.Context(), v.actor, v.PathValue("team")); err != nil {
		return p, t, err
	}
	t.May, err = w.platform.TeamRights(v.Context(), v.actor, t.ID)
	p = page{template: template, Title: t.Name, Trail: []link{{Name: t.Name, Path: at("", "teams", t.Name)}}}
	p.Tabs = tabs([]string{"teams", t.Name}, "Apps", "", "Spaces", "spaces", "Access", "access")
	return p, t, err
}

// tabs are the pages of an object, by pairs of name and path below it.
func tabs(of []string, pairs ...string) (out []link) {
	for pair := range slices.Chunk(pairs, 2) {
		parts := of
		if pair[1] != "" {
			parts = append(slices.Clone(of), pair[1])
		}
		out = append(out, link{Name: pair[0], Path: at("", parts...)})
	}
	return out
}

func (w *Web) teamPage(v *visit) (page, error) {
	p, t, err := w.ofTeam(v, "team.html")
	if err == nil {
		t.Apps, err = w.platform.Apps(v.Context(), v.actor, t.ID, "")
	}
	if err == nil {
		t.Spaces, err = w.spacesOf(v, t.ID)
	}
	p.Data = t
	return p, err
}

func (w *Web) teamSpacesPage(v *visit) (page, error) {
	p, t, err := w.ofTeam(v, "team-spaces.html")
	if err == nil {
		t.Spaces, err = w.spacesOf(v, t.ID)
	}
	p.Data, p.Live = t, "team-spaces.live"
	return p, err
}

// spacesOf are the spaces of a team.
func (w *Web) spacesOf(v *visit, team string) ([]platform.SpaceInfo, error) {
	all, err := w.platform.Spaces(v.Context(), v.actor)
	return slices.DeleteFunc(all, func(s platform.SpaceInfo) bool { return s.TeamID != team }), err
}

func (w *Web) teamAccessPage(v *visit) (page, error) {
	p, t, err := w.ofTeam(v, "team-access.html")
	if err == nil {
		t.Members, err = w.platform.Members(v.Context(), v.actor, t.ID)
	}
	p.Data = t
	return p, err
}

func (w *Web) addMember(v *visit) (string, error) {
	team, email := v.PathValue("team"), strings.TrimSpace(v.PostFormValue("email"))
	_, err := w.platform.AddMember(v.Context(), v.actor, team, email, cloister.Role(v.PostFormValue("role")))
	return at("added", "teams", team, "access"), in("email", err)
}

func (w *Web) setMember(v *visit) (string, error) {
	team := v.PathValue("team")
	_, err := w.platform.SetMember(v.Context(), v.actor, team, v.PathValue("user"), cloister.Role(v.PostFormValue("role")))
	return at("saved", "teams", team, "access"), err
}

// removeMember takes somebody from a team; who takes themselves sees it no longer.
func (w *Web) removeMember(v *visit) (string, error) {
	team := v.PathValue("team")
	m, err := w.platform.RemoveMember(v.Context(), v.actor, team, v.PathValue("user"))
	if m.UserID == v.actor.User.ID {
		return at("removed"), err
	}
	return at("removed", "teams", team, "access"), err
}
