package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type buildpacks struct {
	appFlag
	JSON bool `short:"j" help:"Print JSON."`
}

// Run lists the buildpacks of an app in their order.
func (c *buildpacks) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	bs, err := h.Buildpacks(ctx, app)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return s.Term.JSON(heroku.List[heroku.BuildpackInstallation](bs))
	case len(bs) == 0:
		s.Term.Line("%s has no Buildpacks.", app)
		return nil
	case len(bs) == 1:
		s.Term.Header("%s Buildpack", app)
	default:
		s.Term.Header("%s Buildpacks", app)
	}
	s.showBuildpacks(names(bs), "")
	return nil
}

func (s *Session) showBuildpacks(names []string, indent string) {
	for i, n := range names {
		if len(names) == 1 {
			s.Term.Line("%s%s", indent, n)
		} else {
			s.Term.Line("%s%d. %s", indent, i+1, n)
		}
	}
}

// names are the buildpacks as their owner called them, in their order.
func names(bs []heroku.BuildpackInstallation) []string {
	slices.SortStableFunc(bs, func(a, b heroku.BuildpackInstallation) int { return a.Ordinal - b.Ordinal })
	var out []string
	for _, b := range bs {
		out = append(out, strings.TrimPrefix(first(b.Buildpack.Name, b.Buildpack.URL), "urn:buildpack:"))
	}
	return out
}

// A buildpackChange is what the commands that change the list have in common.
type buildpackChange struct {
	appFlag
	Index int  `short:"i" placeholder:"N" help:"The place in the list, from 1."`
	JSON  bool `short:"j" help:"Print JSON."`
}

// change replaces the list by what edit makes of it, and shows it. at is the flag's place from 0, -1 without one.
func (c *buildpackChange) change(ctx context.Context, s *Session, done string, edit func(now []string, at int) ([]string, error)) error {
	if c.Index < 0 {
		return complain("Invalid index. Must be greater than 0.")
	}
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	now, err := h.Buildpacks(ctx, app)
	if err != nil {
		return err
	}
	want, err := edit(names(now), c.Index-1)
	if err != nil {
		return err
	}
	bs, err := h.SetBuildpacks(ctx, app, want)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.BuildpackInstallation](bs))
	}
	switch got := names(bs); len(got) {
	case 0:
		s.Term.Line("%s Next release on %s will detect buildpacks normally.", done, app)
	case 1:
		s.Term.Line("%s Next release on %s will use %s.\nRun git push heroku main to create a new release using this buildpack.", done, app, got[0])
	default:
		s.Term.Line("%s Next release on %s will use:", done, app)
		s.showBuildpacks(got, "  ")
		s.Term.Line("Run git push heroku main to create a new release using these buildpacks.")
	}
	return nil
}

type buildpackAdd struct {
	buildpackChange
	Buildpack string `arg:"" help:"A name, such as heroku/nodejs, or a URL."`
}

// Run adds a buildpack at the end, or at a place.
func (c *buildpackAdd) Run(ctx context.Context, s *Session) error {
	return c.change(ctx, s, "Buildpack added.", func(now []string, at int) ([]string, error) {
		if slices.Contains(now, c.Buildpack) {
			return nil, complain("The buildpack %s is already set on your app.", c.Buildpack)
		}
		if at < 0 || at > len(now) {
			at = len(now)
		}
		return slices.Insert(now, at, c.Buildpack), nil
	})
}

type buildpackSet struct {
	buildpackChange
	Buildpack string `arg:"" help:"A name, such as heroku/nodejs, or a URL."`
}

// Run replaces the first buildpack, or that at a place.
func (c *buildpackSet) Run(ctx context.Context, s *Session) error {
	return c.change(ctx, s, "Buildpack set.", func(now []string, at int) ([]string, error) {
		if slices.Contains(now, c.Buildpack) {
			return nil, complain("The buildpack %s is already set on your app.", c.Buildpack)
		}
		if at = max(0, at); at >= len(now) {
			return append(now, c.Buildpack), nil
		}
		now[at] = c.Buildpack
		return now, nil
	})
}

type buildpackRemove struct {
	buildpackChange
	Buildpack string `arg:"" optional:"" help:"The buildpack; else --index."`
}

// Run removes a buildpack by its name or its place.
func (c *buildpackRemove) Run(ctx context.Context, s *Session) error {
	if (c.Index != 0) == (c.Buildpack != "") {
		return complain("Usage: cloister buildpacks:remove [BUILDPACK]. Must specify a buildpack to remove, either by index or by name.")
	}
	return c.change(ctx, s, "Buildpack removed.", func(now []string, at int) ([]string, error) {
		if c.Buildpack != "" {
			at = slices.Index(now, c.Buildpack)
		}
		if at < 0 || at >= len(now) {
			return nil, complain("Buildpack not found. Nothing was removed.")
		}
		return slices.Delete(now, at, at+1), nil
	})
}

type buildpackClear struct {
	appFlag
	JSON bool `short:"j" help:"Print JSON."`
}

// Run removes all buildpacks, so that the next build finds out which it needs.
func (c *buildpackClear) Run(ctx context.Context, s *Session) error {
	change := buildpackChange{appFlag: c.appFlag, JSON: c.JSON}
	return change.change(ctx, s, "Buildpacks cleared.", func([]string, int) ([]string, error) { return nil, nil })
}
