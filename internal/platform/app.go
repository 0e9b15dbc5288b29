package platform

import (
	"context"
	"crypto/rand"
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// An AppSpec is what is asked for when an app is made.
type AppSpec struct {
	Name            string // "" picks one
	Space           string // id or name; required: apps live in spaces
	Team            string // optional: must own the space
	Region          string // optional: must be the space's
	Stack           string // "" is the default stack
	InternalRouting bool   // answer inside the space alone; fixed
	Locked          bool   // members of the team see it only as collaborators
}

// CreateApp makes an app in a space, with its first release, v1.
func (p *Platform) CreateApp(ctx context.Context, a cloister.Actor, in AppSpec) (app AppInfo, err error) {
	if in.Name == "" {
		in.Name = randomName()
	}
	if err := cloister.ValidAppName(in.Name); err != nil {
		return app, err
	}
	if in.Space == "" {
		return app, cloister.Errorf(cloister.Invalid, "A space is required: apps live in private spaces here. Use --space.")
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		s, err := p.space(tx, a, in.Space, createApp)
		if err != nil {
			return err
		}
		if in.Team != "" && in.Team != s.Team.Name && in.Team != s.Team.ID {
			return cloister.Errorf(cloister.Invalid, "Space %s belongs to team %s. Create the app in that team.", s.Name, s.Team.Name)
		}
		if in.Region != "" && in.Region != s.Region.Name && in.Region != s.Region.ID {
			return cloister.Errorf(cloister.Invalid, "Space %s is in region %s. An app is in the region of its space.", s.Name, s.Region.Name)
		}
		n, err := tx.CountApps(s.ID)
		if err != nil {
			return err
		}
		if err := allow(tx, s.Space, cloister.LimitApps, "Space "+s.Name, n, n+1); err != nil {
			return err
		}
		stack, err := p.stack(tx, in.Stack)
		if err != nil {
			return err
		}
		app = AppInfo{Space: s.Space, Team: s.Team, App: cloister.App{ID: cloister.NewID(), Name: in.Name, SpaceID: s.ID,
			TeamID: s.TeamID, Stack: stack, BuildStack: stack, Label: cloister.NewLabel(), InternalRouting: in.InternalRouting, Locked: in.Locked,
			Config: map[string]cloister.Secret{}, Buildpacks: []cloister.Buildpack{}, CreatedAt: tx.Now, UpdatedAt: tx.Now}}
		if err := tx.InsertApp(app.App); err != nil {
			return taken(err, "Name", in.Name)
		}
		app.Host = app.App.Host(p.config.AppDomain)
		if err := tx.Changed("app", app.ID, "create", app.Name, nil, app.App); err != nil {
			return err
		}
		if err := p.welcome(tx, a, &app); err != nil {
			return err
		}
		_, err = p.release(tx, a, app, "", app.Config, "Initial release")
		return err
	})
	if err == nil {
		p.config.Log(app.ID, "Initial release by user "+a.User.Email)
		p.config.Log(app.ID, "Release v1 created by user "+a.User.Email)
	}
	return app, err
}

// Apps lists the apps that the actor may see: of a team, of a space, or all ("" and "").
func (p *Platform) Apps(ctx context.Context, a cloister.Actor, team, space string) (out []AppInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		filter := store.AppFilter{User: a.User.ID}
		if team != "" {
			t, err := p.team(tx, a, team, viewTeam)
			if err != nil {
				return err
			}
			filter.Team = t.ID
		}
		if space != "" {
			s, err := p.space(tx, a, space, viewSpace)
			if err != nil {
				return err
			}
			filter.Space = s.ID
		}
		out, err = p.appInfos(tx, a, filter, func(cloister.App) bool { return true })
		return err
	})
	return out, err
}

// AppsByID lists those of some apps, by their ids, that the actor may see.
func (p *Platform) AppsByID(ctx context.Context, a cloister.Actor, ids []string) (out []AppInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		out, err = p.appInfos(tx, a, store.AppFilter{User: a.User.ID}, func(app cloister.App) bool { return slices.Contains(ids, app.ID) })
		return err
	})
	return out, err
}

// appInfos lists apps with what is shown beside them: those of a filter that keep wants.
func (p *Platform) appInfos(tx *store.Tx, a cloister.Actor, filter store.AppFilter, keep func(cloister.App) bool) (out []AppInfo, err error) {
	apps, err := tx.Apps(filter)
	if err != nil {
		return nil, err
	}
	joined, err := tx.Joined(a.User.ID)
	if err != nil {
		return nil, err
	}
	shut, err := shut(tx, a)
	if err != nil {
		return nil, err
	}
	seen := map[string]AppInfo{} // of each space: its apps are of one team
	for _, app := range apps {
		if !keep(app) || shut[app.TeamID] {
			continue
		}
		info, known := seen[app.SpaceID]
		if !known {
			if info, err = p.appInfo(tx, app); err != nil {
				return nil, err
			}
			seen[app.SpaceID] = info
		}
		info.App, info.Host = app, app.Host(p.config.AppDomain)
		info.Joined = joined[app.ID]
		out = append(out, info)
	}
	return out, nil
}

// App finds an app by id or name.
func (p *Platform) App(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, err = p.app(tx, a, ref, viewApp)
		return err
	})
	return app, err
}

// app finds an app and checks that the actor may do v to it.
func (p *Platform) app(tx *store.Tx, a cloister.Actor, ref string, v verb) (AppInfo, error) {
	if err := scope(a, v); err != nil {
		return AppInfo{}, err
	}
	app, err := tx.App(strings.ToLower(ref))
	if err != nil {
		return AppInfo{}, err
	}
	if err := p.can(tx, a, v, object{resource: "app", team: app.TeamID, app: &app}); err != nil {
		return AppInfo{}, err
	}
	info, err := p.appInfo(tx, app)
	if err != nil {
		return info, err
	}
	joined, err := tx.Joined(a.User.ID)
	info.Joined = joined[app.ID]
	return info, err
}

func (p *Platform) appInfo(tx *store.Tx, app cloister.App) (AppInfo, error) {
	space, err := tx.Space(app.SpaceID)
	if err != nil {
		return AppInfo{}, err
	}
	team, err := tx.Team(app.TeamID)
	return AppInfo{App: app, Space: space, Team: team, Host: app.Host(p.config.AppDomain)}, err
}

// An AppChange is what may change about an app; nil leaves it as it is.
type AppChange struct {
	Name        *string
	Maintenance *bool
	BuildStack  *string
	BootTimeout *time.Duration
	Locked      *bool // whether members of the team see it only as collaborators
}

// takes is what one must be allowed to do to change that much.
func (c AppChange) takes() (out []verb) {
	for v, asked := range map[verb]bool{
		manageApp:  c.Name != nil || c.Locked != nil,
		deployApp:  c.BuildStack != nil,
		operateApp: c.Maintenance != nil || c.BootTimeout != nil,
	} {
		if asked {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		out = []verb{viewApp}
	}
	return out
}

// UpdateApp renames an app, turns its maintenance mode on or off, gives it another stack for the next build or its web
// dynos another time to boot, locks or unlocks it.
func (p *Platform) UpdateApp(ctx context.Context, a cloister.Actor, ref string, in AppChange) (app AppInfo, err error) {
	var said string
	err = p.update(ctx, a, func(tx *store.Tx) error {
		for _, v := range in.takes() {
			if app, err = p.app(tx, a, ref, v); err != nil {
				return err
			}
		}
		was := app.App
		if in.Name != nil {
			if err := cloister.ValidAppName(*in.Name); err != nil {
				return err
			}
			app.Name = *in.Name
		}
		if in.Maintenance != nil {
			app.Maintenance = *in.Maintenance
			said = map[bool]string{true: "Enable maintenance mode", false: "Disable maintenance mode"}[app.Maintenance]
		}
		if in.BuildStack != nil {
			if app.BuildStack, err = p.stack(tx, *in.BuildStack); err != nil {
				return err
			}
		}
		if in.BootTimeout != nil {
			if err := cloister.ValidBootTimeout(*in.BootTimeout); err != nil {
				return err
			}
			app.BootTimeout = *in.BootTimeout
		}
		if in.Locked != nil {
			app.Locked = *in.Locked
		}
		if err := tx.UpdateApp(app.App); err != nil {
			return taken(err, "Name", app.Name)
		}
		app.Host, app.UpdatedAt = app.App.Host(p.config.AppDomain), tx.Now
		if err := tx.Changed("app", app.ID, "update", app.Name, was, app.App); err != nil {
			return err
		}
		return tx.Touch("app", app.ID)
	})
	if err == nil && said != "" {
		p.config.Log(app.ID, said+" by user "+a.User.Email)
	}
	return app, err
}

// DestroyApp deletes an app with all it has, its add-ons too. Its dynos stop soon after.
func (p *Platform) DestroyApp(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, err error) {
	var said []func()
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, manageApp); err != nil {
			return err
		}
		if err := errors.Join(tx.TouchRuns(app.ID), tx.TouchJobs(app.ID)); err != nil {
			return err
		}
		if said, err = p.recall(tx, a, app.ID); err != nil {
			return err
		}
		if err := tx.DeleteApp(app.ID); err != nil {
			return err
		}
		if err := tx.Changed("app", app.ID, "destroy", app.Name, app.App, nil); err != nil {
			return err
		}
		if err := tx.Touch("space", app.SpaceID); err != nil { // its names go at once
			return err
		}
		return tx.Touch("app", app.ID)
	})
	if err == nil {
		for _, say := range said {
			say()
		}
	}
	return app, err
}

// LogsOf checks that the actor may read an app's logs, and returns the app.
func (p *Platform) LogsOf(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, err = p.app(tx, a, ref, readApp)
		return err
	})
	return app, err
}

var adjectives = strings.Fields("quiet still calm cool dawn dry early fair gentle green hidden light mellow misty morning pale plain serene shady silent small soft stone sunlit tranquil warm white winter")
var places = strings.Fields("abbey arcade arch bell brook chapel court door fountain garden garth gate hall hill lane meadow niche oak path pond porch river rose stair stream tower vale wall well wood")

// randomName makes a name like "quiet-garth-12345".
func randomName() string {
	pick := func(n int) int {
		i, _ := rand.Int(rand.Reader, big.NewInt(int64(n)))
		return int(i.Int64())
	}
	return adjectives[pick(len(adjectives))] + "-" + places[pick(len(places))] + "-" + strconv.Itoa(10000+pick(90000))
}
