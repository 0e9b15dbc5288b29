package cli

import (
	"context"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type drains struct {
	appFlag
	JSON bool `help:"Print JSON."`
}

// Run lists the drains of an app.
func (c *drains) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	ds, err := h.LogDrains(ctx, app)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.LogDrain](ds))
	}
	if len(ds) > 0 {
		s.Term.Header("Drains")
	}
	for _, d := range ds {
		s.Term.Line("%s (%s)", d.URL, d.Token)
	}
	return nil
}

type drainAdd struct {
	appFlag
	URL string `arg:"" help:"https://user:password@host/path, syslog+tls://host:port or syslog://host:port."`
}

// Run adds a drain.
func (c *drainAdd) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	d, err := h.AddLogDrain(ctx, app, c.URL)
	if err != nil {
		return err
	}
	s.Term.Line("Successfully added drain %s", d.URL)
	return nil
}

type drainRemove struct {
	appFlag
	URL string `arg:"" help:"The URL, token or id of the drain."`
}

// Run removes a drain.
func (c *drainRemove) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	d, err := h.RemoveLogDrain(ctx, app, c.URL)
	if err != nil {
		return err
	}
	s.Term.Line("Successfully removed drain %s", d.URL)
	return nil
}

type spaceDrain struct {
	Space string `short:"s" required:"" placeholder:"NAME" help:"The space."`
	JSON  bool   `help:"Print JSON."`
}

// Run shows where the logs of all apps of a space are sent.
func (c *spaceDrain) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	d, err := h.SpaceLogDrain(ctx, c.Space)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(d)
	}
	s.Term.Line("%s (%s)", d.URL, d.Token)
	return nil
}

type spaceDrainSet struct {
	Space string `short:"s" required:"" placeholder:"NAME" help:"The space."`
	URL   string `arg:"" help:"https://user:password@host/path."`
}

// Run has the logs of all apps of a space sent to a URL, instead of to the drains of each.
func (c *spaceDrainSet) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	d, err := h.SetSpaceLogDrain(ctx, c.Space, c.URL)
	if err != nil {
		return err
	}
	s.Term.Line("Successfully set drain %s for %s.", d.URL, c.Space)
	return nil
}
