package platform

import (
	"context"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Members lists the members of a team.
func (p *Platform) Members(ctx context.Context, a cloister.Actor, ref string) (out []cloister.Member, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		t, err := p.team(tx, a, ref, viewTeam)
		if err != nil {
			return err
		}
		out, err = tx.Members(t.ID)
		return err
	})
	return out, err
}

// MemberApps lists the apps of a team that a member may do something with because they are an admin or a collaborator.
func (p *Platform) MemberApps(ctx context.Context, a cloister.Actor, ref, user string) (out []AppInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		out = nil
		t, err := p.team(tx, a, ref, viewTeam)
		if err != nil {
			return err
		}
		m, err := p.member(tx, t, user)
		if err != nil {
			return err
		}
		joined, err := tx.Joined(m.UserID)
		if err != nil {
			return err
		}
		apps, err := tx.Apps(store.AppFilter{Team: t.ID, User: a.User.ID})
		if err != nil {
			return err
		}
		for _, app := range apps {
			if m.Role != cloister.Admin && !joined[app.ID] {
				continue
			}
			info, err := p.appInfo(tx, app)
			if err != nil {
				return err
			}
			info.Joined = joined[app.ID]
			out = append(out, info)
		}
		return nil
	})
	return out, err
}

// AddMember makes a user a member of a team. Team admins only.
func (p *Platform) AddMember(ctx context.Context, a cloister.Actor, ref, email string, role cloister.Role) (m cloister.Member, err error) {
	if err := validRole(role); err != nil {
		return m, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		t, err := p.team(tx, a, ref, manageTeam)
		if err != nil {
			return err
		}
		u, err := p.person(tx, email)
		if err != nil {
			return err
		}
		if err := p.addMember(tx, t, u, role); err != nil {
			return err
		}
		m, err = tx.Member(t.ID, u.ID)
		return err
	})
	return m, err
}

func (p *Platform) addMember(tx *store.Tx, t cloister.Team, u cloister.User, role cloister.Role) error {
	m := cloister.Member{ID: cloister.NewID(), TeamID: t.ID, UserID: u.ID, Email: u.Email, Role: role, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	if err := tx.InsertMember(m); err != nil {
		if cloister.KindOf(err) == cloister.Conflict {
			return cloister.Errorf(cloister.Invalid, "%s is already a member of %s.", u.Email, t.Name)
		}
		return err
	}
	return tx.Changed("team_membership", m.ID, "create", u.Email+" is "+string(role)+" of "+t.Name, nil, m)
}

func validRole(role cloister.Role) error {
	if role != cloister.Admin && role != cloister.MemberRole && role != cloister.Viewer {
		return cloister.Errorf(cloister.Invalid, "Role %q is invalid. Use admin, member or viewer.", role)
	}
	return nil
}

// SetMember gives a member of a team another role. Team admins only; a team keeps one.
func (p *Platform) SetMember(ctx context.Context, a cloister.Actor, ref, email string, role cloister.Role) (m cloister.Member, err error) {
	if err := validRole(role); err != nil {
		return m, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		t, err := p.team(tx, a, ref, manageTeam)
		if err != nil {
			return err
		}
		if m, err = p.member(tx, t, email); err != nil || m.Role == role {
			return err
		}
		if err := p.lastAdmin(tx, t, m); err != nil {
			return err
		}
		if err := tx.SetRole(m.ID, role); err != nil {
			return err
		}
		was := m
		m.Role, m.UpdatedAt = role, tx.Now
		return tx.Changed("team_membership", m.ID, "update", m.Email+" is "+string(role)+" of "+t.Name, was, m)
	})
	return m, err
}

// RemoveMember takes a person out of a team, and with it all that they might do with its apps and in its spaces.
// Everybody may leave by themselves; a team keeps an admin.
func (p *Platform) RemoveMember(ctx context.Context, a cloister.Actor, ref, user string) (m cloister.Member, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		v := manageTeam
		if a.Is(user) {
			v = viewTeam
		}
		t, err := p.team(tx, a, ref, v)
		if err != nil {
			return err
		}
		if m, err = p.member(tx, t, user); err != nil {
			return err
		}
		if err := p.lastAdmin(tx, t, m); err != nil {
			return err
		}
		if err := tx.DeleteMember(m.ID); err != nil {
			return err
		}
		if err := tx.Bar(t.ID, m.UserID); err != nil {
			return err
		}
		return tx.Changed("team_membership", m.ID, "destroy", m.Email+" of "+t.Name, m, nil)
	})
	return m, err
}

// member finds a member of a team by their id, the person's or their e-mail address.
func (p *Platform) member(tx *store.Tx, t cloister.Team, ref string) (cloister.Member, error) {
	members, err := tx.Members(t.ID)
	if err != nil {
		return cloister.Member{}, err
	}
	for _, m := range members {
		if m.ID == ref || m.UserID == ref || strings.EqualFold(m.Email, ref) {
			return m, nil
		}
	}
	return cloister.Member{}, &cloister.Error{Kind: cloister.NotFound, Resource: "member", Message: ref + " is no member of " + t.Name + "."}
}

// lastAdmin is the error for taking its last admin from a team.
func (p *Platform) lastAdmin(tx *store.Tx, t cloister.Team, m cloister.Member) error {
	if m.Role != cloister.Admin {
		return nil
	}
	admins, err := p.admins(tx, t.ID)
	if err == nil && len(admins) == 1 {
		err = cloister.Errorf(cloister.Invalid, "%s is the only administrator of %s. Make somebody else one first, with `members:set --role admin`.", m.Email, t.Name)
	}
	return err
}
