package platform

import (
	"context"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Collaborators lists those who may do something with an app because they were let at it, and the administrators of
// its team, who may do anything.
func (p *Platform) Collaborators(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, admins []cloister.Member, out []cloister.Collaborator, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, viewApp); err != nil {
			return err
		}
		if admins, err = p.admins(tx, app.TeamID); err != nil {
			return err
		}
		out, err = tx.Collaborators(app.ID)
		return err
	})
	return app, admins, out, err
}

func (p *Platform) admins(tx *store.Tx, team string) ([]cloister.Member, error) {
	members, err := tx.Members(team)
	return slices.DeleteFunc(members, func(m cloister.Member) bool { return m.Role != cloister.Admin }), err
}

// AddCollaborator lets a person at an app, with these permissions and view. Whoever sees an app may join it themselves,
// which gives them no permission that they lack; all else takes the permission to manage it.
func (p *Platform) AddCollaborator(ctx context.Context, a cloister.Actor, ref, user string, permissions []string) (app AppInfo, c cloister.Collaborator, err error) {
	may, err := cloister.ParseAppPermissions(permissions)
	if err != nil {
		return app, c, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		v := manageApp
		if len(may) == 1 && a.Is(user) {
			v = viewApp
		}
		if app, err = p.app(tx, a, ref, v); err != nil {
			return err
		}
		u, err := p.person(tx, user)
		if err != nil {
			return err
		}
		c, err = p.addCollaborator(tx, app, u, may)
		return err
	})
	return app, c, err
}

func (p *Platform) addCollaborator(tx *store.Tx, app AppInfo, u cloister.User, may []cloister.Permission) (cloister.Collaborator, error) {
	c := cloister.Collaborator{ID: cloister.NewID(), AppID: app.ID, UserID: u.ID, Email: u.Email, Permissions: may,
		CreatedAt: tx.Now, UpdatedAt: tx.Now}
	if err := tx.InsertCollaborator(c); err != nil {
		if cloister.KindOf(err) == cloister.Conflict {
			return c, cloister.Errorf(cloister.Invalid, "%s is already a collaborator of %s. Change what they may do with `access:update`.", u.Email, app.Name)
		}
		return c, err
	}
	return c, tx.Changed("collaborator", c.ID, "create", u.Email+" may "+cloister.PermissionNames(may)+" "+app.Name, nil, c)
}

// welcome lets whoever made an app do everything with it, unless they may anyway.
func (p *Platform) welcome(tx *store.Tx, a cloister.Actor, app *AppInfo) error {
	m, err := tx.Member(app.TeamID, a.User.ID)
	if err != nil || m.Role == cloister.Admin {
		return err
	}
	app.Joined = true
	_, err = p.addCollaborator(tx, *app, a.User, cloister.AppPermissions)
	return err
}

// UpdateCollaborator sets what a collaborator may do with an app.
func (p *Platform) UpdateCollaborator(ctx context.Context, a cloister.Actor, ref, user string, permissions []string) (app AppInfo, c cloister.Collaborator, err error) {
	may, err := cloister.ParseAppPermissions(permissions)
	if err != nil {
		return app, c, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, c, err = p.collaborator(tx, a, ref, user, manageApp); err != nil {
			return err
		}
		if err := tx.SetPermissions(c, may); err != nil {
			return err
		}
		was := c
		c.Permissions, c.UpdatedAt = may, tx.Now
		return tx.Changed("collaborator", c.ID, "update", c.Email+" may "+cloister.PermissionNames(may)+" "+app.Name, was, c)
	})
	return app, c, err
}

// RemoveCollaborator keeps a person from an app, as far as their role in its team lets them at it no longer. Everybody
// may leave by themselves.
func (p *Platform) RemoveCollaborator(ctx context.Context, a cloister.Actor, ref, user string) (app AppInfo, c cloister.Collaborator, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		v := manageApp
		if a.Is(user) {
			v = viewApp
		}
		if app, c, err = p.collaborator(tx, a, ref, user, v); err != nil {
			return err
		}
		if err := tx.DeleteCollaborator(c.ID); err != nil {
			return err
		}
		return tx.Changed("collaborator", c.ID, "destroy", c.Email+" of "+app.Name, c, nil)
	})
	return app, c, err
}

// collaborator finds a collaborator of an app that the actor may do v to, by the person's id or e-mail address.
func (p *Platform) collaborator(tx *store.Tx, a cloister.Actor, ref, user string, v verb) (app AppInfo, c cloister.Collaborator, err error) {
	if app, err = p.app(tx, a, ref, v); err != nil {
		return app, c, err
	}
	all, err := tx.Collaborators(app.ID)
	if err != nil {
		return app, c, err
	}
	for _, c := range all {
		if c.UserID == user || c.ID == user || strings.EqualFold(c.Email, user) {
			return app, c, nil
		}
	}
	return app, c, cloister.Missing("collaborator")
}

// person finds the user that somebody is to be given something.
func (p *Platform) person(tx *store.Tx, ref string) (cloister.User, error) {
	u, err := tx.User(strings.ToLower(ref))
	if cloister.KindOf(err) == cloister.NotFound {
		err = cloister.Errorf(cloister.Invalid, "There is no user %s. An operator creates users with `cloister users:create`.", ref)
	}
	return u, err
}

// SpaceMembers lists the members of a space's team with what each may do in the space.
func (p *Platform) SpaceMembers(ctx context.Context, a cloister.Actor, ref string) (s SpaceInfo, out []cloister.SpaceMember, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, ref, viewSpace); err != nil {
			return err
		}
		members, err := tx.Members(s.TeamID)
		if err != nil {
			return err
		}
		more, err := tx.SpaceMembers(s.ID)
		if err != nil {
			return err
		}
		out = nil
		for _, m := range members {
			out = append(out, p.spaceMember(s, m, more))
		}
		return nil
	})
	return s, out, err
}

// spaceMember is what a member of the space's team may do in it. Admins always have its permission.
func (p *Platform) spaceMember(s SpaceInfo, m cloister.Member, more []cloister.SpaceMember) cloister.SpaceMember {
	out := cloister.SpaceMember{ID: m.ID, SpaceID: s.ID, UserID: m.UserID, Email: m.Email, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt}
	for _, x := range more {
		if x.UserID == m.UserID {
			out.Permissions, out.UpdatedAt = x.Permissions, x.UpdatedAt
		}
	}
	if m.Role == cloister.Admin {
		out.Permissions = []cloister.Permission{cloister.CreateApps}
	}
	return out
}

// SetSpaceMember sets what a member of a space's team may do in the space; none takes it away. Team admins only.
func (p *Platform) SetSpaceMember(ctx context.Context, a cloister.Actor, ref, user string, permissions []string) (s SpaceInfo, out cloister.SpaceMember, err error) {
	may, err := cloister.ParseSpacePermissions(permissions)
	if err != nil {
		return s, out, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, ref, manageSpace); err != nil {
			return err
		}
		m, err := p.member(tx, s.Team, user)
		if err != nil {
			return err
		}
		if m.Role == cloister.Admin && len(may) == 0 {
			return cloister.Errorf(cloister.Invalid, "%s is an administrator of %s, and may always create apps. Change their role with `members:set` first.", m.Email, s.Team.Name)
		}
		x := cloister.SpaceMember{ID: cloister.NewID(), SpaceID: s.ID, UserID: m.UserID, Email: m.Email, Permissions: may,
			CreatedAt: tx.Now, UpdatedAt: tx.Now}
		was, err := tx.SpaceMember(s.ID, m.UserID)
		if err != nil && cloister.KindOf(err) != cloister.NotFound {
			return err
		}
		if err := tx.PutSpaceMember(x); err != nil {
			return err
		}
		out = p.spaceMember(s, m, []cloister.SpaceMember{x})
		return tx.Changed("space", s.ID, "update", m.Email+" may "+cloister.PermissionNames(may)+" in "+s.Name,
			map[string][]cloister.Permission{m.Email: was.Permissions}, map[string][]cloister.Permission{m.Email: may})
	})
	return s, out, err
}

// TransferSpace gives a space, and the apps in it, to another team, of which the actor is an admin too. Whoever is no
// member of that team loses what they might do in the space.
func (p *Platform) TransferSpace(ctx context.Context, a cloister.Actor, ref, team string) (s SpaceInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, ref, manageSpace); err != nil {
			return err
		}
		to, err := p.team(tx, a, team, manageTeam)
		if err != nil {
			return err
		}
		if to.ID == s.TeamID {
			return cloister.Errorf(cloister.Invalid, "Space %s belongs to %s already.", s.Name, to.Name)
		}
		peerings, err := tx.Peerings(s.ID)
		if err != nil {
			return err
		}
		for _, n := range p.config.Networks {
			for _, x := range peerings {
				if x.Network == n.Name && x.State.Live() && !n.For(s.Space, to) {
					return cloister.Errorf(cloister.Invalid, "Space %s is peered with the network %s, which is not for team %s. Destroy the peering %s first.", s.Name, n.Name, to.Name, x.ID)
				}
			}
		}
		if err := tx.TransferSpace(s.ID, to.ID); err != nil {
			return err
		}
		if err := p.movePipelines(tx, s.Space, s.Team, to); err != nil {
			return err
		}
		was := s
		s.Team, s.TeamID, s.UpdatedAt = to, to.ID, tx.Now
		if err := tx.Changed("space", s.ID, "update", s.Name+" from "+was.Team.Name+" to "+to.Name, was.Space, s.Space); err != nil {
			return err
		}
		return tx.Touch("space", s.ID)
	})
	return s, err
}
