package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// dynoFlag names a dyno or a process type of an app.
type dynoFlag struct {
	appFlag
	Name string `arg:"" optional:"" name:"dyno" help:"The dyno, such as web.1."`
	Dyno string `short:"d" name:"dyno-name" placeholder:"NAME" help:"The dyno, such as web.1."`
	Type string `short:"p" name:"process-type" placeholder:"TYPE" help:"All dynos of this process type." xor:"type"`
}

type psRestart struct{ dynoFlag }

// Run restarts a dyno, a process type, or all dynos.
func (c *psRestart) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	what, do := "all dynos", func() error { return h.RestartDynos(ctx, name) }
	if dyno := first(c.Dyno, c.Name); c.Type != "" {
		what, do = "all "+c.Type+" dynos", func() error { return h.RestartType(ctx, name, c.Type) }
	} else if dyno != "" {
		what, do = "dyno "+dyno, func() error { return h.RestartDyno(ctx, name, dyno) }
	}
	return s.during("Restarting "+what+" on "+name, func() (string, error) { return "", do() })
}

type psStop struct{ dynoFlag }

// Run stops a dyno or a process type.
func (c *psStop) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	dyno := first(c.Dyno, c.Name)
	switch {
	case c.Type != "":
		return s.during("Stopping all "+c.Type+" dynos on "+name, func() (string, error) { return "", h.StopType(ctx, name, c.Type) })
	case dyno != "":
		return s.during("Stopping dyno "+dyno+" on "+name, func() (string, error) { return "", h.StopDyno(ctx, name, dyno) })
	}
	return complain("Please specify a process type or dyno name to stop.\nSee more help with --help")
}

type psWait struct {
	appFlag
	Type     string `short:"t" placeholder:"TYPE" help:"Only for dynos of this process type."`
	Interval int    `short:"w" name:"wait-interval" default:"1" help:"Seconds between looks."`
	WithRun  bool   `short:"R" name:"with-run" help:"For one-off dynos too."`
	Timeout  int    `help:"Seconds to wait at most; 0 is for ever."`
}

// Run waits until all dynos are up and run the newest release.
func (c *psWait) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	rs, err := h.Releases(ctx, name, heroku.Latest("version", 1))
	if err != nil {
		return err
	}
	if len(rs) == 0 {
		s.Term.Warn("App %s has no releases", name)
		return nil
	}
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(c.Timeout)*time.Second, complain("Timeout waiting for dynos of %s.", name))
		defer cancel()
	}
	a := s.Term.Start("Waiting for every dyno to be running v%d", rs[0].Version)
	for {
		err := stillWanted(ctx, h, name, rs[0])
		var ready, all int
		if err == nil {
			ready, all, err = c.count(ctx, h, name, rs[0].Version)
		}
		progress := fmt.Sprintf("%d / %d", ready, all)
		if err == nil && ready < all {
			a.Status("%s", progress)
			err = pause(ctx, time.Duration(c.Interval)*time.Second)
		} else if err == nil {
			a.End("%s, done", progress)
			return nil
		}
		if err != nil {
			a.Failed(err)
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return err
		}
	}
}

// stillWanted reports that a release is not to be waited for any more: its command has failed, or somebody, which may be
// the server, has gone back from it.
func stillWanted(ctx context.Context, h *heroku.Client, app string, r heroku.Release) error {
	now, err := h.Release(ctx, app, fmt.Sprint(r.Version))
	if err != nil {
		return err
	}
	newest, err := h.Releases(ctx, app, heroku.Latest("version", 1))
	switch {
	case err != nil:
		return err
	case now.Status == "failed":
		return complain("v%d is not deployed: its release command has failed. See 'cloister releases:output v%d'.", r.Version, r.Version)
	case newest[0].Version > r.Version && strings.HasPrefix(newest[0].Description, "Rollback to "):
		return complain("v%d was gone back from: v%d is %q.", r.Version, newest[0].Version, newest[0].Description)
	}
	return nil
}

// count says how many dynos there are, and how many of them are up and run at least version.
func (c *psWait) count(ctx context.Context, h *heroku.Client, app string, version int) (ready, all int, err error) {
	dynos, err := h.Dynos(ctx, app)
	for _, d := range dynos {
		if d.Type == "release" || d.Type == "run" && !c.WithRun || c.Type != "" && d.Type != c.Type {
			continue
		}
		all++
		if d.State == "up" && d.Release != nil && d.Release.Version >= version {
			ready++
		}
	}
	return ready, all, err
}
