package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// An appFlag names the app that a command is for.
type appFlag struct {
	App    string `short:"a" placeholder:"NAME" help:"The app (or HEROKU_APP; else the app of the git remote)."`
	Remote string `short:"r" placeholder:"NAME" help:"The git remote of the app."`
}

// app is the app's name: the flag's, the remote's, HEROKU_APP's, or that of the only app among the git remotes.
func (f appFlag) app(ctx context.Context, s *Session) (string, error) {
	if f.App != "" {
		return f.App, nil
	}
	if env := s.getenv("HEROKU_APP"); env != "" && f.Remote == "" {
		return env, nil
	}
	remotes := s.remotes(ctx)
	if f.Remote != "" {
		for _, r := range remotes {
			if r.Name == f.Remote && r.App != "" {
				return r.App, nil
			}
		}
		return "", fmt.Errorf("remote %s not found in git remotes", f.Remote)
	}
	var apps []string
	var lines strings.Builder
	for _, r := range remotes {
		if r.App == "" {
			continue
		}
		if !slices.Contains(apps, r.App) {
			apps = append(apps, r.App)
		}
		fmt.Fprintf(&lines, "\n%s (%s)", r.App, r.Name)
	}
	switch len(apps) {
	case 1:
		return apps[0], nil
	case 0:
		return "", complain("Missing required flag:\n -a, --app APP  app to run command against\nSee more help with --help")
	}
	return "", complain("Multiple apps in git remotes\nUsage: --remote %s\n   or: --app %s\nYour local git repository has more than 1 app referenced in git remotes.\nBecause of this, we can't determine which app you want to run this command against.\nSpecify the app you want with --app or --remote.\nCloister remotes in repo:%s", remotes[0].Name, apps[0], lines.String())
}

// target is the server and the app's name.
func (f appFlag) target(ctx context.Context, s *Session) (*heroku.Client, string, error) {
	app, err := f.app(ctx, s)
	if err != nil {
		return nil, "", err
	}
	h, err := s.Client()
	return h, app, err
}

// perhaps is the app's name for a command that can do without: "" where there is none, or more than one among the git remotes.
func (f appFlag) perhaps(ctx context.Context, s *Session) (string, error) {
	app, err := f.app(ctx, s)
	if err != nil && f.Remote == "" {
		return "", nil
	}
	return app, err
}

// A spaceFlag names the space that a command is for, by its first argument or by --space.
type spaceFlag struct {
	Name  string `arg:"" optional:"" name:"space" help:"The space."`
	Space string `short:"s" placeholder:"NAME" help:"The space."`
}

func (f spaceFlag) space() (string, error) {
	if n := first(f.Space, f.Name); n != "" {
		return n, nil
	}
	return "", complain("Space name required.\nSee more help with --help")
}

// target is the server and the space's name.
func (f spaceFlag) target(s *Session) (*heroku.Client, string, error) {
	space, err := f.space()
	if err != nil {
		return nil, "", err
	}
	h, err := s.Client()
	return h, space, err
}

// team is the team that a command is for: the flag's, or HEROKU_TEAM's.
func (s *Session) team(flag string) string {
	return first(flag, s.getenv("HEROKU_TEAM"), s.getenv("HEROKU_ORGANIZATION"))
}
