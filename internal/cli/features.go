package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

type features struct {
	appFlag
	JSON bool `help:"Print JSON."`
}

// Run lists the features of an app.
func (c *features) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	all, err := h.AppFeatures(ctx, name)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return s.Term.JSON(heroku.List[heroku.Feature](all))
	}
	s.Term.Header("App Features %s", name)
	for _, f := range all {
		mark := "[ ]"
		if f.Enabled {
			mark = s.Term.Green("[+]")
		}
		s.Term.Line("%s %-22s %s", mark, f.Name, f.Description)
	}
	return nil
}

// A featureArg names a feature of an app.
type featureArg struct {
	appFlag
	Feature string `arg:"" help:"The feature, as 'cloister features' shows it."`
}

type featureInfo struct {
	featureArg
	JSON bool `help:"Print JSON."`
}

// Run shows a feature of an app.
func (c *featureInfo) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	f, err := h.AppFeature(ctx, name, c.Feature)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return s.Term.JSON(f)
	}
	s.Term.Header("%s", f.Name)
	s.Term.Object(term.F("Description", f.Description), term.F("Enabled", strconv.FormatBool(f.Enabled)))
	return nil
}

type featureEnable struct{ featureArg }

// Run switches a feature of an app on.
func (c *featureEnable) Run(ctx context.Context, s *Session) error {
	return c.set(ctx, s, true, "Enabling")
}

type featureDisable struct{ featureArg }

// Run switches a feature of an app off.
func (c *featureDisable) Run(ctx context.Context, s *Session) error {
	return c.set(ctx, s, false, "Disabling")
}

func (c *featureArg) set(ctx context.Context, s *Session, on bool, doing string) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during(doing+" "+c.Feature+" for "+name, func() (string, error) {
		_, err := h.SetAppFeature(ctx, name, c.Feature, heroku.FeatureUpdateOpts{Enabled: on})
		return "", err
	})
}

type psBootTimeout struct {
	appFlag
	Seconds *heroku.Int `arg:"" optional:"" help:"What it is to be: up to 180."`
}

// Run shows or sets how long the web dynos of an app may take to bind their port.
func (c *psBootTimeout) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	if c.Seconds == nil {
		app, err := h.App(ctx, name)
		if err == nil {
			s.Term.Line("%d", app.BootTimeout)
		}
		return err
	}
	return s.during(fmt.Sprintf("Setting the boot timeout of %s to %d seconds", name, *c.Seconds), func() (string, error) {
		_, err := h.UpdateApp(ctx, name, heroku.AppUpdateOpts{BootTimeout: c.Seconds})
		return "", err
	})
}
