package platform

import (
	"context"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A BuildSpec is source code to build.
type BuildSpec struct {
	SourceURL   string
	Checksum    string // optional: "SHA256:<hex>"
	Version     string
	VersionText string
	Buildpacks  []cloister.Buildpack // nil: the app's own
	Submodules  []cloister.Submodule
	FromGit     bool
}

// CreateBuild asks for a build of an app. It runs when its turn comes, one at a time for an app; a build that
// succeeds is released at once.
func (p *Platform) CreateBuild(ctx context.Context, a cloister.Actor, ref string, in BuildSpec) (app AppInfo, b cloister.Build, err error) {
	if in.SourceURL == "" {
		return app, b, cloister.Errorf(cloister.Invalid, "A source is required: set source_blob.url to the address of a tar.gz archive.")
	}
	if in.Checksum != "" && !strings.HasPrefix(in.Checksum, "SHA256:") {
		return app, b, cloister.Errorf(cloister.Invalid, "Checksum %q is not of the form SHA256:<hex>.", in.Checksum)
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, deployApp); err != nil {
			return err
		}
		if in.Buildpacks == nil {
			in.Buildpacks = app.Buildpacks
		}
		b = cloister.Build{ID: cloister.NewID(), AppID: app.ID, UserID: a.User.ID, UserEmail: a.User.Email,
			Status: cloister.BuildPending, SourceURL: in.SourceURL, Checksum: in.Checksum, Version: in.Version,
			VersionText: in.VersionText, Stack: app.BuildStack, Buildpacks: in.Buildpacks, Submodules: in.Submodules,
			FromGit: in.FromGit, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := tx.InsertBuild(b); err != nil {
			return err
		}
		if err := tx.Event("build", b.ID, "create", app.Name+" "+b.Version); err != nil {
			return err
		}
		return tx.Touch("build", b.ID)
	})
	if err == nil {
		p.config.Log(app.ID, "Build started by user "+a.User.Email)
	}
	return app, b, err
}

// Builds lists the builds of an app, oldest first.
func (p *Platform) Builds(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, out []cloister.Build, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, viewApp); err != nil {
			return err
		}
		out, err = tx.Builds(app.ID)
		return err
	})
	return app, out, err
}

// Build finds a build of an app.
func (p *Platform) Build(ctx context.Context, a cloister.Actor, ref, id string) (app AppInfo, b cloister.Build, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		app, b, err = p.build(tx, a, ref, id, viewApp)
		return err
	})
	return app, b, err
}

func (p *Platform) build(tx *store.Tx, a cloister.Actor, ref, id string, v verb) (app AppInfo, b cloister.Build, err error) {
	if app, err = p.app(tx, a, ref, v); err != nil {
		return app, b, err
	}
	b, err = tx.Build(strings.ToLower(id))
	if err == nil && b.AppID != app.ID {
		err = cloister.Missing("build")
	}
	return app, b, err
}

// CancelBuild stops a build that is not finished; a finished one stays as it is.
func (p *Platform) CancelBuild(ctx context.Context, a cloister.Actor, ref, id string) (app AppInfo, b cloister.Build, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, b, err = p.build(tx, a, ref, id, deployApp); err != nil {
			return err
		}
		if b.Status != cloister.BuildPending {
			return nil
		}
		if err := tx.CancelBuild(b.ID); err != nil {
			return err
		}
		b.Canceled = true
		return tx.Touch("build", b.ID)
	})
	return app, b, err
}

// Pushed records the size of an app's repository after a push, in bytes.
func (p *Platform) Pushed(ctx context.Context, a cloister.Actor, ref string, size int64) error {
	return p.update(ctx, a, func(tx *store.Tx) error {
		app, err := p.app(tx, a, ref, deployApp)
		if err != nil {
			return err
		}
		app.RepoSize = size
		return tx.UpdateApp(app.App)
	})
}

// Repository checks that the actor may read (and write) an app's git repository, and returns the app.
func (p *Platform) Repository(ctx context.Context, a cloister.Actor, ref string, write bool) (app AppInfo, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		// Reading the code takes the same permission as deploying it: view does not show it.
		app, err = p.app(tx, a, ref, deployApp)
		return err
	})
	return app, err
}

// SetBuildpacks replaces an app's ordered list of buildpacks; the next build uses it.
func (p *Platform) SetBuildpacks(ctx context.Context, a cloister.Actor, ref string, packs []cloister.Buildpack) (app AppInfo, err error) {
	for _, b := range packs {
		if strings.TrimSpace(b.URL) == "" || strings.ContainsAny(b.URL, " \t\r\n\x00") || len(b.URL) > 2048 {
			return app, cloister.Errorf(cloister.Invalid, "Buildpack %q is invalid. Use a name such as heroku/nodejs, a git URL, or the URL of a tgz archive.", b.URL)
		}
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, deployApp); err != nil {
			return err
		}
		was := app.App
		app.Buildpacks = append([]cloister.Buildpack{}, packs...)
		if err := tx.UpdateApp(app.App); err != nil {
			return err
		}
		return tx.Changed("app", app.ID, "update", "buildpacks of "+app.Name, was, app.App)
	})
	return app, err
}

// Upload is nil if the actor may upload code; what may be built from it is asked later.
func (p *Platform) Upload(ctx context.Context, a cloister.Actor) error {
	return p.view(ctx, a, func(tx *store.Tx) error {
		return p.can(tx, a, uploadCode, object{resource: "account", user: a.User.ID})
	})
}

// Stacks lists the stacks of this installation.
func (p *Platform) Stacks(ctx context.Context, a cloister.Actor) (out []cloister.Stack, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, viewAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		out, err = tx.Stacks()
		return err
	})
	return out, err
}

// stack is the name of a stack that exists; "" asks for the default.
func (p *Platform) stack(tx *store.Tx, name string) (string, error) {
	stacks, err := tx.Stacks()
	if err != nil {
		return "", err
	}
	var names []string
	for _, s := range stacks {
		if s.Name == name || name == cloister.NameID("stack", s.Name) || name == "" && s.Default {
			return s.Name, nil
		}
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		return "", cloister.Errorf(cloister.Unavailable, "This installation has no stack yet. An operator makes one with `cloister stacks:build debian-12`.")
	}
	return "", cloister.Errorf(cloister.Invalid, "Couldn't find the stack %q. Use one of %s.", name, strings.Join(names, ", "))
}
