package platform

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// release adds the next release of an app on behalf of an actor.
func (p *Platform) release(tx *store.Tx, a cloister.Actor, app AppInfo, slugID string, config map[string]cloister.Secret, description string) (cloister.Release, error) {
	return p.releaseOf(tx, a, app, cloister.Release{SlugID: slugID, Config: config, Description: description})
}

func (p *Platform) releaseOf(tx *store.Tx, a cloister.Actor, app AppInfo, r cloister.Release) (cloister.Release, error) {
	r.UserID, r.UserEmail = a.User.ID, a.User.Email
	return tx.AddRelease(app.App, r, cloister.DefaultSize(app.Space.Shield))
}

func (p *Platform) announce(app AppInfo, a cloister.Actor, r cloister.Release) {
	p.config.Log(app.ID, r.Description+" by user "+a.User.Email)
	p.config.Log(app.ID, fmt.Sprintf("Release v%d created by user %s", r.Version, a.User.Email))
	if r.Phase {
		p.config.Log(app.ID, fmt.Sprintf("Running release v%d commands by user %s", r.Version, a.User.Email))
	}
}

// Releases lists the releases of an app, newest first.
func (p *Platform) Releases(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, out []cloister.Release, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, viewApp); err != nil {
			return err
		}
		out, err = tx.Releases(app.ID)
		return err
	})
	return app, out, err
}

// Release finds a release of an app by id or number.
func (p *Platform) Release(ctx context.Context, a cloister.Actor, ref, release string) (app AppInfo, r cloister.Release, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, viewApp); err != nil {
			return err
		}
		r, err = findRelease(tx, app, release)
		return err
	})
	return app, r, err
}

// ReleaseConfig is the config vars of a release, by id or number.
func (p *Platform) ReleaseConfig(ctx context.Context, a cloister.Actor, ref, release string) (vars map[string]cloister.Secret, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, err := p.app(tx, a, ref, readApp)
		if err != nil {
			return err
		}
		r, err := findRelease(tx, app, release)
		vars = r.Config
		return err
	})
	return vars, err
}

func findRelease(tx *store.Tx, app AppInfo, ref string) (cloister.Release, error) {
	if n, err := strconv.Atoi(strings.TrimPrefix(ref, "v")); err == nil {
		return tx.ReleaseByVersion(app.ID, n)
	}
	return tx.Release(app.ID, strings.ToLower(ref))
}

// Rollback makes a new release of the code and the config vars of an earlier one.
func (p *Platform) Rollback(ctx context.Context, a cloister.Actor, ref, release string) (app AppInfo, r cloister.Release, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, deployApp); err != nil {
			return err
		}
		old, err := findRelease(tx, app, release)
		if err != nil {
			return err
		}
		if !old.CanRollBack() {
			return cloister.Errorf(cloister.Invalid, "Cannot roll back to v%d: it has no code, or it never succeeded.", old.Version)
		}
		r, err = p.releaseOf(tx, a, app, cloister.Release{SlugID: old.SlugID, Config: old.Config, Attached: old.Attached,
			Description: fmt.Sprintf("Rollback to v%d", old.Version)})
		return err
	})
	if err == nil {
		p.announce(app, a, r)
	}
	return app, r, err
}

// ReleaseSlug makes a new release of a slug with the app's present config vars.
func (p *Platform) ReleaseSlug(ctx context.Context, a cloister.Actor, ref, slugID, description string) (app AppInfo, r cloister.Release, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, deployApp); err != nil {
			return err
		}
		slug, err := tx.Slug(app.ID, strings.ToLower(slugID))
		if err != nil {
			return err
		}
		if slug.Image == "" {
			return cloister.Errorf(cloister.Invalid, "The slug has no archive yet. Upload it to the address that was given when the slug was created, then release it.")
		}
		if description == "" {
			description = "Deploy " + shortCommit(slug)
		}
		r, err = p.release(tx, a, app, slug.ID, app.Config, description)
		return err
	})
	if err == nil {
		p.announce(app, a, r)
	}
	return app, r, err
}

// shortCommit is how a deploy names its commit: eight digits, as Heroku does, or the slug's id.
func shortCommit(s cloister.Slug) string {
	v := s.Commit
	if v == "" {
		v = s.ID
	}
	return v[:min(8, len(v))]
}

// Config is an app's config vars.
func (p *Platform) Config(ctx context.Context, a cloister.Actor, ref string) (vars map[string]cloister.Secret, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, err := p.app(tx, a, ref, readApp)
		vars = app.Config
		return err
	})
	return vars, err
}

// SetConfig sets and, where the value is nil, removes config vars, and makes a release unless nothing changes.
func (p *Platform) SetConfig(ctx context.Context, a cloister.Actor, ref string, change map[string]*cloister.Secret) (vars map[string]cloister.Secret, err error) {
	var app AppInfo
	var r cloister.Release
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, deployApp); err != nil {
			return err
		}
		vars, r, err = p.configure(tx, a, app, change)
		return err
	})
	if err == nil && r.ID != "" {
		p.announce(app, a, r)
	}
	return vars, err
}

// configure changes the config vars of an app by a release, unless nothing changes: then r is zero.
func (p *Platform) configure(tx *store.Tx, a cloister.Actor, app AppInfo, change map[string]*cloister.Secret) (vars map[string]cloister.Secret, r cloister.Release, err error) {
	vars, set, removed := cloister.ChangeConfig(app.Config, change)
	if len(set)+len(removed) == 0 {
		return vars, r, nil
	}
	if err := cloister.ValidConfig(vars); err != nil {
		return vars, r, err
	}
	attached, err := attachedNames(tx, app.App)
	if err != nil {
		return vars, r, err
	}
	for _, name := range slices.Concat(set, removed) {
		if attached[name] {
			return vars, r, cloister.Errorf(cloister.Invalid, "Cannot overwrite attachment values %s. It is that of an add-on: see `addons`, and detach it with `addons:detach` first.", name)
		}
	}
	slug, err := currentSlug(tx, app)
	if err != nil {
		return vars, r, err
	}
	r, err = p.release(tx, a, app, slug, vars, describeConfig(set, removed))
	return vars, r, err
}

// currentSlug is the slug of the app's newest release, which may be pending, "" when nothing was deployed.
func currentSlug(tx *store.Tx, app AppInfo) (string, error) {
	r, err := tx.NewestRelease(app.ID)
	if cloister.KindOf(err) == cloister.NotFound {
		return "", nil
	}
	return r.SlugID, err
}

func describeConfig(set, removed []string) string {
	var parts []string
	if len(set) > 0 {
		parts = append(parts, "Set "+strings.Join(set, ", "))
	}
	if len(removed) > 0 {
		parts = append(parts, "Remove "+strings.Join(removed, ", "))
	}
	return strings.Join(parts, ", ") + " config vars"
}
