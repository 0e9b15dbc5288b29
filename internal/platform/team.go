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
	return t, tx.Changed("team", t.ID, "create", t.Name, nil, t)
}

// Teams lists the actor's teams.
func (p *Platform) Teams(ctx context.Context, a cloister.Actor) (out []TeamInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
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
	err = p.view(ctx, a, func(tx *store.Tx) error {
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
	if err := scope(a, v); err != nil {
		return cloister.Team{}, err
	}
	t, err := tx.Team(strings.ToLower(ref))
	if err != nil {
		return t, err
	}
	return t, p.can(tx, a, v, object{resource: "team", team: t.ID})
}

// RenameTeam gives a team another name. Team admins only.
func (p *Platform) RenameTeam(ctx context.Context, a cloister.Actor, ref, name string) (t TeamInfo, err error) {
	if err := cloister.ValidTeamName(name); err != nil {
		return t, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if t.Team, err = p.team(tx, a, ref, manageTeam); err != nil {
			return err
		}
		if err := tx.RenameTeam(t.ID, name); err != nil {
			return taken(err, "Name", name)
		}
		t.Role = cloister.Admin
		was := t.Team
		t.Name, t.UpdatedAt = name, tx.Now
		return tx.Changed("team", t.ID, "update", was.Name+" is "+name, was, t.Team)
	})
	return t, err
}

// DestroyTeam deletes a team, which must have no spaces. Team admins only.
func (p *Platform) DestroyTeam(ctx context.Context, a cloister.Actor, ref string) (t TeamInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if t.Team, err = p.team(tx, a, ref, manageTeam); err != nil {
			return err
		}
		t.Role = cloister.Admin
		if err := tx.DeleteTeam(t.ID); cloister.KindOf(err) == cloister.Conflict {
			return cloister.Errorf(cloister.Invalid, "Team %s still has spaces. Destroy them, or transfer them to another team, first.", t.Name)
		} else if err != nil {
			return err
		}
		return tx.Changed("team", t.ID, "destroy", t.Name, t.Team, nil)
	})
	return t, err
}
