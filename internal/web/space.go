package web

import (
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// A spaceView is what the pages of a space show.
type spaceView struct {
	platform.SpaceInfo
	May     platform.Rights
	Apps    []platform.AppDynos
	Members []spaceMember
	Teams   []platform.TeamInfo // that it may be transferred to
}

// A spaceMember is a member of a space's team, with what they may do in the space.
type spaceMember struct {
	cloister.SpaceMember
	Creates bool // apps in the space
	Admin   bool // of the team, who may always
}

// ofSpace begins a page of the space that the path names.
func (w *Web) ofSpace(v *visit, template string) (p page, s spaceView, err error) {
	if s.SpaceInfo, err = w.platform.Space(v.Context(), v.actor, v.PathValue("space")); err != nil {
		return p, s, err
	}
	s.May, err = w.platform.SpaceRights(v.Context(), v.actor, s.ID)
	p = page{template: template, Title: s.Name, State: string(s.State), Trail: spaceTrail(s.Team, s.Space)}
	p.Tabs = tabs([]string{"spaces", s.Name}, "Overview", "", "Network", "network", "Access", "access", "Settings", "settings")
	return p, s, err
}

func spaceTrail(t cloister.Team, s cloister.Space) []link {
	return []link{{Name: t.Name, Path: at("", "teams", t.Name)}, {Name: s.Name, Path: at("", "spaces", s.Name)}}
}

func (w *Web) spacePage(v *visit) (page, error) {
	p, s, err := w.ofSpace(v, "space.html")
	if err == nil {
		_, s.Apps, err = w.appsIn(v, s.ID)
	}
	p.Data, p.Live = s, "space.live"
	return p, err
}

// appsIn are the apps of a space that the visitor sees, with their dynos.
func (w *Web) appsIn(v *visit, space string) (platform.SpaceInfo, []platform.AppDynos, error) {
	seen, err := w.platform.Apps(v.Context(), v.actor, "", space)
	if err != nil {
		return platform.SpaceInfo{}, nil, err
	}
	s, all, err := w.platform.SpaceDynos(v.Context(), v.actor, space)
	return s, slices.DeleteFunc(all, func(x platform.AppDynos) bool { // locked ones are their collaborators' alone
		return !slices.ContainsFunc(seen, func(a platform.AppInfo) bool { return a.ID == x.ID })
	}), err
}

func (w *Web) spaceAccessPage(v *visit) (page, error) {
	p, s, err := w.ofSpace(v, "space-access.html")
	if err != nil {
		return p, err
	}
	_, all, err := w.platform.SpaceMembers(v.Context(), v.actor, s.ID)
	if err != nil {
		return p, err
	}
	roles, err := w.platform.Members(v.Context(), v.actor, s.TeamID)
	for _, m := range all {
		admin := func(x cloister.Member) bool { return x.UserID == m.UserID && x.Role == cloister.Admin }
		s.Members = append(s.Members, spaceMember{m, slices.Contains(m.Permissions, cloister.CreateApps), slices.ContainsFunc(roles, admin)})
	}
	p.Data = s
	return p, err
}

func (w *Web) setSpaceMember(v *visit) (string, error) {
	space := v.PathValue("space")
	_, _, err := w.platform.SetSpaceMember(v.Context(), v.actor, space, v.PathValue("user"), v.PostForm["permission"])
	return at("saved", "spaces", space, "access"), err
}

func (w *Web) spaceSettingsPage(v *visit) (page, error) {
	p, s, err := w.ofSpace(v, "space-settings.html")
	if err != nil {
		return p, err
	}
	if _, s.Apps, err = w.appsIn(v, s.ID); err != nil {
		return p, err
	}
	s.Teams, err = w.platform.Teams(v.Context(), v.actor)
	s.Teams = slices.DeleteFunc(s.Teams, func(t platform.TeamInfo) bool { return t.ID == s.TeamID || t.Role != cloister.Admin })
	p.Data = s
	return p, err
}

func (w *Web) renameSpace(v *visit) (string, error) {
	s, err := w.platform.RenameSpace(v.Context(), v.actor, v.PathValue("space"), strings.TrimSpace(v.PostFormValue("name")))
	return at("renamed", "spaces", s.Name, "settings"), in("name", err)
}

func (w *Web) transferSpace(v *visit) (string, error) {
	s, err := w.platform.TransferSpace(v.Context(), v.actor, v.PathValue("space"), v.PostFormValue("team"))
	return at("transferred", "spaces", s.Name, "settings"), err
}

func (w *Web) destroySpace(v *visit) (string, error) {
	s, err := w.platform.Space(v.Context(), v.actor, v.PathValue("space"))
	if err == nil {
		err = confirmed(v, s.Name)
	}
	if err != nil {
		return "", err
	}
	s, err = w.platform.DestroySpace(v.Context(), v.actor, s.ID)
	return at("destroyed", "teams", s.Team.Name, "spaces"), err
}

// confirmed refuses what cannot be undone, unless the name of what it is done to was typed.
func confirmed(v *visit, name string) error {
	if strings.TrimSpace(v.PostFormValue("confirm")) != name {
		return in("confirm", cloister.Errorf(cloister.Confirm, "To go on, type %s.", name))
	}
	return nil
}

func (w *Web) newAppPage(v *visit) (page, error) {
	p, s, err := w.ofSpace(v, "app-new.html")
	p.Title, p.State, p.Data = "New app", "", s
	return p, err
}

func (w *Web) createApp(v *visit) (string, error) {
	app, err := w.platform.CreateApp(v.Context(), v.actor, platform.AppSpec{Name: strings.TrimSpace(v.PostFormValue("name")), Space: v.PathValue("space"),
		InternalRouting: v.PostFormValue("internal") != "", Locked: v.PostFormValue("locked") != ""})
	return at("created", "apps", app.Name, "deploy"), in("name", err)
}
