package platform

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Writes counts what was changed by this server, for people or by control. While it stays, nobody needs to look again at what they
// have seen, unless another server has changed it or time has passed.
func (p *Platform) Writes() int64 { return p.store.Writes() }

// Rights are what an actor may do to a team, a space or an app that they see. Pages offer only what would not be refused; it is
// asked again when it is done.
type Rights struct {
	CreateSpace bool // in the team
	CreateApp   bool // in the space
	Read        bool // the config vars and the logs of the app
	Deploy      bool // the app
	Operate     bool // the app
	Manage      bool // whichever it is
}

// TeamRights is what the actor may do to a team.
func (p *Platform) TeamRights(ctx context.Context, a cloister.Actor, ref string) (r Rights, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		t, err := p.team(tx, a, ref, viewTeam)
		if err != nil {
			return err
		}
		o := object{resource: "team", team: t.ID}
		r = Rights{CreateSpace: p.can(tx, a, createSpace, o) == nil, Manage: p.can(tx, a, manageTeam, o) == nil}
		return nil
	})
	return r, err
}

// SpaceRights is what the actor may do to a space.
func (p *Platform) SpaceRights(ctx context.Context, a cloister.Actor, ref string) (r Rights, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		s, err := p.space(tx, a, ref, viewSpace)
		if err != nil {
			return err
		}
		o := object{resource: "space", team: s.TeamID, space: s.ID}
		r = Rights{CreateApp: p.can(tx, a, createApp, o) == nil, Manage: p.can(tx, a, manageSpace, o) == nil}
		return nil
	})
	return r, err
}

// AppRights is what the actor may do to an app.
func (p *Platform) AppRights(ctx context.Context, a cloister.Actor, ref string) (r Rights, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, err := p.app(tx, a, ref, viewApp)
		if err != nil {
			return err
		}
		o := object{resource: "app", team: app.TeamID, app: &app.App}
		r = Rights{Read: p.can(tx, a, readApp, o) == nil, Deploy: p.can(tx, a, deployApp, o) == nil,
			Operate: p.can(tx, a, operateApp, o) == nil, Manage: p.can(tx, a, manageApp, o) == nil}
		return nil
	})
	return r, err
}
