package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type addonDestroy struct {
	appFlag
	Addons  []string `arg:"" name:"addon" help:"The add-ons."`
	Force   bool     `short:"f" help:"Also if attached to other apps (or HEROKU_FORCE=1)."`
	Confirm string   `short:"c" placeholder:"APP" help:"The app's name, so that it need not be typed."`
	Wait    bool     `help:"Wait until they are gone."`
}

// Run destroys add-ons.
func (c *addonDestroy) Run(ctx context.Context, s *Session) error {
	app, err := c.perhaps(ctx, s)
	if err != nil {
		return err
	}
	h, err := s.Client()
	if err != nil {
		return err
	}
	var addons []heroku.Addon
	for _, ref := range c.Addons {
		a, err := findAddon(ctx, h, app, ref)
		if err != nil {
			return err
		}
		if app != "" && a.App.Name != app && a.App.ID != app {
			return complain("%s is on %s not %s", a.Name, a.App.Name, app)
		}
		addons = append(addons, a)
	}
	var sure []string // apps that it was confirmed for
	for _, a := range addons {
		if !slices.Contains(sure, a.App.Name) {
			if err := s.confirm(ctx, a.App.Name, c.Confirm, "Destructive Action\nThis command will affect the app "+a.App.Name); err != nil {
				return err
			}
			sure = append(sure, a.App.Name)
		}
		if err := c.destroy(ctx, s, h, a); err != nil {
			return err
		}
	}
	return nil
}

func (c *addonDestroy) destroy(ctx context.Context, s *Session, h *heroku.Client, a heroku.Addon) error {
	doing := s.Term.Start("Destroying %s on %s", a.Name, a.App.Name)
	gone, err := h.DeleteAddon(ctx, a.App.ID, a.ID, heroku.AddonDeleteOpts{Force: c.Force || s.getenv("HEROKU_FORCE") == "1"})
	switch {
	case err != nil:
		doing.Failed(err)
		return fmt.Errorf("The add-on was unable to be destroyed: %w", err)
	case gone.State != "deprovisioning":
		doing.Done()
		return nil
	}
	doing.End("pending")
	if c.Wait {
		s.Term.Line("Waiting for %s...", a.Name)
		_, err := s.awaitAddon(ctx, h, gone, time.Second)
		return err
	}
	s.Term.Line("%s is being destroyed in the background. The app will restart when complete...", a.Name)
	s.Term.Line("Run cloister addons:info %s to check destruction progress", a.Name)
	return nil
}
