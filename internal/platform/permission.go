package platform

import (
	"context"
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A Holder is a person and what they may do with one app or in one space.
type Holder struct {
	UserID, Email string
	Permissions   []cloister.Permission
}

// An Entity is an app or a space of a team, with all who may do something there.
type Entity struct {
	ID, Name, TeamID string
	Type             string // "app" or "space"
	Holders          []Holder
}

// Permissions lists who may do what with each app and in each space of a team. Team admins only.
func (p *Platform) Permissions(ctx context.Context, a cloister.Actor, ref string) (out []Entity, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		t, err := p.team(tx, a, ref, manageTeam)
		if err != nil {
			return err
		}
		out, err = p.entities(tx, t)
		return err
	})
	return out, err
}

func (p *Platform) entities(tx *store.Tx, t cloister.Team) (out []Entity, err error) {
	admins, err := p.admins(tx, t.ID)
	if err != nil {
		return nil, err
	}
	holders := func(all []cloister.Permission) (out []Holder) {
		for _, m := range admins {
			out = append(out, Holder{UserID: m.UserID, Email: m.Email, Permissions: all})
		}
		return out
	}
	apps, err := tx.Apps(store.AppFilter{Team: t.ID})
	if err != nil {
		return nil, err
	}
	collaborators, err := tx.TeamCollaborators(t.ID)
	if err != nil {
		return nil, err
	}
	admin := func(user string) bool {
		return slices.ContainsFunc(admins, func(m cloister.Member) bool { return m.UserID == user })
	}
	for _, app := range apps {
		e := Entity{ID: app.ID, Name: app.Name, TeamID: t.ID, Type: "app", Holders: holders(cloister.AppPermissions)}
		for _, c := range collaborators {
			if c.AppID == app.ID && !admin(c.UserID) {
				e.Holders = append(e.Holders, Holder{UserID: c.UserID, Email: c.Email, Permissions: c.Permissions})
			}
		}
		out = append(out, e)
	}
	spaces, err := tx.Spaces()
	if err != nil {
		return nil, err
	}
	for _, s := range spaces {
		if s.TeamID != t.ID || s.State == cloister.Deleting {
			continue
		}
		e := Entity{ID: s.ID, Name: s.Name, TeamID: t.ID, Type: "space", Holders: holders([]cloister.Permission{cloister.CreateApps})}
		members, err := tx.SpaceMembers(s.ID)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			if !admin(m.UserID) {
				e.Holders = append(e.Holders, Holder{UserID: m.UserID, Email: m.Email, Permissions: m.Permissions})
			}
		}
		out = append(out, e)
	}
	return out, nil
}
