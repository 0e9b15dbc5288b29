package platform

import (
	"context"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A TeamInfo is a team with the actor's role in it.
type TeamInfo struct {
	cloister.Team
	Role cloister.Role
}

// CreateTeam adds a team, of which the actor is admin. Operators only.
func (p *Platform) CreateTeam(ctx context.Context, a cloister.Actor, name string) (t TeamInfo, err error) {
	if err := cloister.ValidTeamName(name); err != nil {
		return t, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		t.Role = cloister.Admin
		t.Team, err = p.addTeam(tx, a, name)
		return err
	})
	return t, err
}

func (p *Platform) addTeam(tx *store.Tx, a cloister.Actor, name string) (cloister.Team, error) {
	t := cloister.Team{ID: cloister.NewID(), Name: name, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	if err := tx.InsertTeam(t); err != nil {
		return t, taken(err, "Name", name)
	}
	if err := p.addMember(tx, t, a.User, cloister.Admin); err != nil {
		return t, err
	}
	return t, tx.Event("team", t.ID, "create", t.Name)
}

func (p *Platform) addMember(tx *store.Tx, t cloister.Team, u cloister.User, role cloister.Role) error {
	m := cloister.Member{ID: cloister.NewID(), TeamID: t.ID, UserID: u.ID, Role: role, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	if err := tx.InsertMember(m); err != nil {
		if cloister.KindOf(err) == cloister.Conflict {
			return cloister.Errorf(cloister.Invalid, "%s is already a member of %s.", u.Email, t.Name)
		}
		return err
	}
	return tx.Event("team_membership", m.ID, "create", u.Email+" is "+string(role)+" of "+t.Name)
}

// Teams lists the actor's teams.
func (p *Platform) Teams(ctx context.Context, a cloister.Actor) (out []TeamInfo, err error) {
	err = p.store.View(ctx, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		teams, err := tx.TeamsOf(a.User.ID)
		if err != nil {
			return err
		}
		for _, t := range teams {
			m, err := tx.Member(t.ID, a.User.ID)
			if err != nil {
				return err
			}
			out = append(out, TeamInfo{Team: t, Role: m.Role})
		}
		return nil
	})
	return out, err
}

// Team finds a team by id or name.
func (p *Platform) Team(ctx context.Context, a cloister.Actor, ref string) (t TeamInfo, err error) {
	err = p.store.View(ctx, func(tx *store.Tx) error {
		if t.Team, err = p.team(tx, a, ref, viewTeam); err != nil {
			return err
		}
		m, err := tx.Member(t.ID, a.User.ID)
		t.Role = m.Role
		return err
	})
	return t, err
}

// team finds a team and checks that the actor may do v to it.
func (p *Platform) team(tx *store.Tx, a cloister.Actor, ref string, v verb) (cloister.Team, error) {
	t, err := tx.Team(strings.ToLower(ref))
	if err != nil {
		return t, err
	}
	return t, p.can(tx, a, v, object{resource: "team", team: t.ID})
}

// Members lists the members of a team.
func (p *Platform) Members(ctx context.Context, a cloister.Actor, ref string) (out []cloister.Member, err error) {
	err = p.store.View(ctx, func(tx *store.Tx) error {
		t, err := p.team(tx, a, ref, viewTeam)
		if err != nil {
			return err
		}
		out, err = tx.Members(t.ID)
		return err
	})
	return out, err
}

// AddMember makes a user a member of a team. Team admins only.
func (p *Platform) AddMember(ctx context.Context, a cloister.Actor, ref, email string, role cloister.Role) (m cloister.Member, err error) {
	if role != cloister.Admin && role != cloister.MemberRole && role != cloister.Viewer {
		return m, cloister.Errorf(cloister.Invalid, "Role %q is invalid. Use admin, member or viewer.", role)
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		t, err := p.team(tx, a, ref, manageTeam)
		if err != nil {
			return err
		}
		u, err := tx.User(strings.ToLower(email))
		if cloister.KindOf(err) == cloister.NotFound {
			return cloister.Errorf(cloister.Invalid, "There is no user %s. An operator creates users with `cloister users:create`.", email)
		} else if err != nil {
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
