package cli

import (
	"context"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type appsDestroy struct {
	appFlag
	Name    string `arg:"" optional:"" name:"app" help:"The app."`
	Confirm string `short:"c" placeholder:"NAME" help:"The app's name, instead of the question."`
}

// Run destroys an app and removes its git remotes.
func (c *appsDestroy) Run(ctx context.Context, s *Session) error {
	c.App = first(c.Name, c.App)
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	app, err := h.App(ctx, name)
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, name, c.Confirm, "This will delete "+app.Name+" including all add-ons."); err != nil {
		return err
	}
	return s.during("Destroying "+app.Name+" (including all add-ons)", func() (string, error) {
		if _, err := h.DeleteApp(ctx, name); err != nil {
			return "", err
		}
		for _, r := range s.remotes(ctx) {
			if r.App == app.Name {
				if _, err := s.git(ctx, "remote", "remove", r.Name); err != nil {
					return "", err
				}
			}
		}
		return "", nil
	})
}

type appsRename struct {
	appFlag
	NewName string `arg:"" help:"The name it gets."`
}

// Run renames an app and changes the git remotes that lead to it.
func (c *appsRename) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	var app heroku.App
	err = s.during("Renaming "+name+" to "+c.NewName, func() (_ string, err error) {
		app, err = h.UpdateApp(ctx, name, heroku.AppUpdateOpts{Name: &c.NewName})
		return "", err
	})
	if err != nil {
		return err
	}
	s.Term.Line("%s | %s", s.Term.Cyan(text(app.WebURL)), app.GitURL)
	for _, r := range s.remotes(ctx) {
		if r.App == name {
			if err := s.setRemote(ctx, r.Name, app.GitURL); err != nil {
				return err
			}
			s.Term.Line("Git remote %s updated", r.Name)
		}
	}
	s.Term.Warn("Don't forget to update git remotes for all other local checkouts of the app.")
	return nil
}

type maintenance struct{ appFlag }

// Run prints on or off.
func (c *maintenance) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	app, err := h.App(ctx, name)
	if err != nil {
		return err
	}
	s.Term.Line("%s", onOff(app.Maintenance))
	return nil
}

type maintainOn struct{ appFlag }

// Run puts an app into maintenance.
func (c *maintainOn) Run(ctx context.Context, s *Session) error {
	return s.maintain(ctx, c.appFlag, true, "Enabling")
}

type maintainOff struct{ appFlag }

// Run takes an app out of maintenance.
func (c *maintainOff) Run(ctx context.Context, s *Session) error {
	return s.maintain(ctx, c.appFlag, false, "Disabling")
}

func (s *Session) maintain(ctx context.Context, f appFlag, on bool, verb string) error {
	h, name, err := f.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during(verb+" maintenance mode for "+name, func() (string, error) {
		_, err := h.UpdateApp(ctx, name, heroku.AppUpdateOpts{Maintenance: &on})
		return "", err
	})
}
