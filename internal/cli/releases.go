package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

type releases struct {
	appFlag
	Num  int  `short:"n" default:"15" help:"How many."`
	JSON bool `help:"Print JSON."`
}

// Run lists the newest releases.
func (c *releases) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	rs, err := h.Releases(ctx, app, heroku.Latest("version", max(1, c.Num)))
	switch {
	case err != nil:
		return err
	case c.JSON:
		return s.Term.JSON(heroku.List[heroku.Release](rs))
	case len(rs) == 0:
		s.Term.Line("%s has no releases.", app)
		return nil
	}
	slices.SortFunc(rs, func(a, b heroku.Release) int { return b.Version - a.Version })
	heading := app + " Releases"
	if i := slices.IndexFunc(rs, func(r heroku.Release) bool { return r.Current }); i >= 0 {
		heading += fmt.Sprintf(" - Current: v%d", rs[i].Version)
	}
	s.Term.Header("%s", heading)
	var rows [][]string
	for _, r := range rs {
		what := r.Description
		if st := releaseStatus(r); st != "" {
			what += " " + s.Term.Yellow(st)
		}
		rows = append(rows, []string{s.Term.Cyan(fmt.Sprintf("v%d", r.Version)), what, r.User.Email, s.Term.Gray(s.ago(r.CreatedAt.Time))})
	}
	s.Term.Table(nil, rows)
	return nil
}

// releaseStatus says what is to be said of a release that did not simply succeed.
func releaseStatus(r heroku.Release) string {
	switch r.Status {
	case "pending":
		return "release command executing"
	case "failed":
		return "release command failed"
	case "expired":
		return "release expired"
	}
	return ""
}

// release is the release that an argument names, "v3", "3" or an id, or the newest.
func release(ctx context.Context, h *heroku.Client, app, arg string) (heroku.Release, error) {
	if arg != "" {
		return h.Release(ctx, app, version(arg))
	}
	rs, err := h.Releases(ctx, app, heroku.Latest("version", 1))
	if err == nil && len(rs) == 0 {
		err = complain("%s has no releases.", app)
	}
	if err != nil {
		return heroku.Release{}, err
	}
	return rs[0], nil
}

// version is 3 of "v3"; everything else is left as it is.
func version(arg string) string {
	if v, ok := strings.CutPrefix(strings.ToLower(arg), "v"); ok {
		return v
	}
	return arg
}

type releaseInfo struct {
	appFlag
	Release string `arg:"" optional:"" help:"The release, such as v3; else the newest."`
	Shell   bool   `short:"s" help:"Print config vars as NAME=value lines for a shell."`
	JSON    bool   `help:"Print JSON."`
}

// Run shows a release and its config vars.
func (c *releaseInfo) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	r, err := release(ctx, h, app, c.Release)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(r)
	}
	vars, err := h.ReleaseConfigVars(ctx, app, fmt.Sprint(r.Version))
	if err != nil {
		return err
	}
	change, eligible := r.Description, "No"
	if st := releaseStatus(r); st != "" {
		change += " (" + s.Term.Yellow(st) + ")"
	}
	if r.EligibleForRollback {
		eligible = "Yes"
	}
	s.Term.Header("Release v%d", r.Version)
	s.Term.Object(term.F("Add-ons", r.AddonPlanNames...), term.F("By", r.User.Email), term.F("Change", change),
		term.F("Eligible for Rollback?", eligible), term.F("When", r.CreatedAt.Text()))
	s.Term.Line("")
	s.Term.Header("v%d Config vars", r.Version)
	if c.Shell {
		for _, kv := range sorted(vars) {
			s.Term.Line("%s=%s", kv[0], quote(kv[1]))
		}
		return nil
	}
	s.showVars(vars)
	return nil
}

type releaseOut struct {
	appFlag
	Release string `arg:"" optional:"" help:"The release, such as v3; else the newest."`
}

// Run prints the output of a release command, as it comes.
func (c *releaseOut) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	r, err := release(ctx, h, app, c.Release)
	if err != nil {
		return err
	}
	if r.OutputStreamURL == nil {
		s.Term.Warn("Release v%d has no release output available.", r.Version)
		return nil
	}
	return s.stream(ctx, h, *r.OutputStreamURL, "Release command not started yet. Please try again in a few seconds.")
}

// stream copies an output stream to the end; later is the warning for one that has not begun.
func (s *Session) stream(ctx context.Context, h *heroku.Client, url, later string) error {
	out, err := h.Stream(ctx, url)
	if heroku.IsNotFound(err) {
		s.Term.Warn("%s", later)
		return nil
	}
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = io.Copy(s.Term.Out, out)
	return err
}

type rollback struct {
	appFlag
	Release string `arg:"" optional:"" help:"The release, such as v3; else the newest before the current one that is eligible."`
}

// Run makes a new release that is like an earlier one.
func (c *rollback) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	to, err := c.goal(ctx, h, app)
	if err != nil {
		return err
	}
	var made heroku.Release
	err = s.during(fmt.Sprintf("Rolling back %s to v%d", app, to.Version), func() (_ string, err error) {
		made, err = h.CreateRelease(ctx, app, heroku.ReleaseCreateOpts{Release: heroku.Ref(to.ID)})
		return fmt.Sprintf("v%d", made.Version), err
	})
	if err != nil {
		return err
	}
	s.Term.Warn("Rollback affects code and config vars; it doesn't add or remove addons.")
	s.Term.Warn("To undo, run: cloister rollback v%d", made.Version-1)
	if made.OutputStreamURL != nil {
		s.Term.Line("Running release command...")
		return s.stream(ctx, h, *made.OutputStreamURL, "Release command starting. Use `cloister releases:output` to view the log.")
	}
	return nil
}

func (c *rollback) goal(ctx context.Context, h *heroku.Client, app string) (heroku.Release, error) {
	if c.Release != "" {
		return release(ctx, h, app, c.Release)
	}
	rs, err := h.Releases(ctx, app, heroku.Latest("version", 10))
	if err != nil {
		return heroku.Release{}, err
	}
	i := slices.IndexFunc(rs, func(r heroku.Release) bool { return r.EligibleForRollback && !r.Current })
	if i < 0 {
		return heroku.Release{}, complain("No eligible release found for %s to roll back to.", app)
	}
	return rs[i], nil
}
