package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type releaseRetry struct{ appFlag }

// Run makes another release of the newest one's code, which runs its release command again.
func (c *releaseRetry) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	old, err := release(ctx, h, app, "")
	if err != nil {
		return err
	}
	types, err := h.Formation(ctx, app)
	if err != nil {
		return err
	}
	if old.Slug == nil || !slices.ContainsFunc(types, func(t heroku.Formation) bool { return t.Type == "release" }) {
		return complain("App must have a release-phase command to use this command.")
	}
	var made heroku.Release
	if err := s.during(fmt.Sprintf("Retrying v%d on %s", old.Version, app), func() (_ string, err error) {
		made, err = h.CreateRelease(ctx, app, heroku.ReleaseCreateOpts{Slug: heroku.Ref(old.Slug.ID),
			Description: fmt.Sprintf("Retry of v%d: %s", old.Version, old.Description)})
		return fmt.Sprintf("v%d", made.Version), err
	}); err != nil {
		return err
	}
	if made.OutputStreamURL == nil {
		return nil
	}
	s.Term.Line("Running release command...")
	return s.stream(ctx, h, *made.OutputStreamURL, "Release command starting. Use `cloister releases:output` to view the log.")
}
