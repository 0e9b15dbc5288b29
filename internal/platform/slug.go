package platform

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A SlugSpec is a slug that was built elsewhere.
type SlugSpec struct {
	ProcessTypes map[string]string
	Detected     string
	Checksum     string // optional: "SHA256:<hex>" that its archive must have
	Commit       string
	CommitText   string
	Stack        string // "" is the app's
}

var checksum = regexp.MustCompile(`^(?i:sha256):[0-9a-fA-F]{64}$`)

// CreateSlug makes a slug of an app that has no archive yet: it can be released once that was uploaded.
func (p *Platform) CreateSlug(ctx context.Context, a cloister.Actor, ref string, in SlugSpec) (app AppInfo, s cloister.Slug, err error) {
	if err := in.check(); err != nil {
		return app, s, err
	}
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, deployApp); err != nil {
			return err
		}
		if err := allow(tx, app.Space, cloister.LimitProcessTypes, "App "+app.Name, 0, len(in.ProcessTypes)); err != nil {
			return err
		}
		name := in.Stack
		if name == "" {
			name = app.BuildStack
		}
		if name, err = p.stack(tx, name); err != nil {
			return err
		}
		s = cloister.Slug{ID: cloister.NewID(), AppID: app.ID, Checksum: in.Checksum, Commit: in.Commit, CommitText: in.CommitText,
			Stack: name, Detected: in.Detected, ProcessTypes: in.ProcessTypes, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := tx.InsertSlug(s); err != nil {
			return err
		}
		return tx.Event("slug", s.ID, "create", app.Name+" "+s.Commit)
	})
	return app, s, err
}

func (in SlugSpec) check() error {
	if in.ProcessTypes == nil {
		return cloister.Errorf(cloister.Invalid, "Process types are required: set process_types to an object such as {\"web\": \"bin/server\"}.")
	}
	for _, t := range slices.Sorted(maps.Keys(in.ProcessTypes)) {
		if err := cloister.ValidProcessType(t); err != nil {
			return err
		}
		if strings.TrimSpace(in.ProcessTypes[t]) == "" {
			return cloister.Errorf(cloister.Invalid, "Process type %s has no command.", t)
		}
	}
	if in.Checksum != "" && !checksum.MatchString(in.Checksum) {
		return cloister.Errorf(cloister.Invalid, "Checksum %q is not of the form SHA256:<hex>.", in.Checksum)
	}
	return nil
}

// Slug finds a slug of an app.
func (p *Platform) Slug(ctx context.Context, a cloister.Actor, ref, id string) (app AppInfo, s cloister.Slug, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, viewApp); err != nil {
			return err
		}
		s, err = tx.Slug(app.ID, strings.ToLower(id))
		return err
	})
	return app, s, err
}
