package platform

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

// Dynos lists the dynos of an app that run or should run; those on their way out are left out.
func (p *Platform) Dynos(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, out []cloister.Dyno, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, viewApp); err != nil {
			return err
		}
		out, err = allDynos(tx, app.ID)
		return err
	})
	return app, out, err
}

func wanted(all []cloister.Dyno) (out []cloister.Dyno) {
	for _, d := range all {
		if !d.Retired() {
			out = append(out, d)
		}
	}
	return out
}

// Dyno finds a dyno of an app by name or id.
func (p *Platform) Dyno(ctx context.Context, a cloister.Actor, ref, dyno string) (app AppInfo, d cloister.Dyno, err error) {
	app, all, err := p.Dynos(ctx, a, ref)
	if err != nil {
		return app, d, err
	}
	d, err = findDyno(all, dyno)
	return app, d, err
}

// Restart replaces dynos of an app, by the rolling rule: all ("" as target), those of a process type ("web"), or one
// ("web.1"). A dyno of the formation that is stopped comes back, so stopping it is the same. One-off dynos are only
// stopped, and only when they are named.
func (p *Platform) Restart(ctx context.Context, a cloister.Actor, ref, target string) (app AppInfo, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, operateApp); err != nil {
			return err
		}
		typ, number := target, 0
		if i := strings.LastIndexByte(target, '.'); i >= 0 {
			if n, err := strconv.Atoi(target[i+1:]); err == nil && n > 0 {
				typ, number = target[:i], n
			}
		}
		if cloister.IsID(target) {
			all, err := tx.Dynos(app.ID)
			if err != nil {
				return err
			}
			for _, d := range all {
				if d.ID == target && !d.Retired() {
					typ, number = d.Type, d.Number
				}
			}
		}
		n, err := tx.RestartDynos(app.ID, typ, number)
		if err != nil {
			return err
		}
		if n == 0 && target != "" {
			if n, err = stopRuns(tx, app.ID, target); err != nil {
				return err
			}
			if n == 0 {
				return cloister.Missing("dyno")
			}
		}
		if err := tx.Event("dyno", app.ID, "restart", app.Name+" "+target); err != nil {
			return err
		}
		return tx.Touch("app", app.ID)
	})
	if err == nil {
		p.config.Log(app.ID, strings.TrimSuffix("Restart "+target, " ")+" by user "+a.User.Email)
	}
	return app, err
}

// An AppDynos is an app of a space with what runs of it.
type AppDynos struct {
	AppInfo
	Formation []cloister.ProcessType
	Dynos     []cloister.Dyno
}

// Topology is the document about a space that its dynos read as /etc/heroku/space-topology.json.
func (p *Platform) Topology(ctx context.Context, a cloister.Actor, ref string) (json.RawMessage, error) {
	_, all, err := p.SpaceDynos(ctx, a, ref)
	if err != nil {
		return nil, err
	}
	var apps []plan.SpaceApp
	for _, app := range all {
		apps = append(apps, plan.SpaceApp{App: app.App, Types: app.Formation, Dynos: app.Dynos})
	}
	return plan.Topology(apps, p.config.AppDomain), nil
}

// SpaceDynos lists what runs in a space, app by app, of the apps that the actor may see: for `spaces:ps` and the topology.
func (p *Platform) SpaceDynos(ctx context.Context, a cloister.Actor, ref string) (s SpaceInfo, out []AppDynos, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if s, err = p.space(tx, a, ref, viewSpace); err != nil {
			return err
		}
		apps, err := tx.Apps(store.AppFilter{Space: s.ID})
		if err != nil {
			return err
		}
		for _, app := range apps {
			if p.can(tx, a, viewApp, object{resource: "app", team: app.TeamID, app: &app}) != nil {
				continue // locked
			}
			dynos, err := tx.Dynos(app.ID)
			if err != nil {
				return err
			}
			types, err := tx.Formation(app.ID)
			if err != nil {
				return err
			}
			info := AppInfo{App: app, Space: s.Space, Team: s.Team, Host: app.Host(p.config.AppDomain)}
			out = append(out, AppDynos{AppInfo: info, Formation: types, Dynos: wanted(dynos)})
		}
		return nil
	})
	return s, out, err
}
