package cli

import (
	"context"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type addonAttach struct {
	appFlag
	Addon      string `arg:"" help:"The add-on, or APP::ATTACHMENT."`
	As         string `placeholder:"NAME" help:"The name of the attachment; without one, the server chooses."`
	Credential string `placeholder:"NAME" help:"By which the app comes to a database; without one, the default."`
	Confirm    string `placeholder:"APP" help:"The app's name: an attachment of that name may be replaced."`
}

// Run attaches an add-on to an app.
func (c *addonAttach) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	a, err := findAddon(ctx, h, "", c.Addon)
	if err != nil {
		return err
	}
	in := heroku.AttachmentOpts{Addon: heroku.Ref(a.ID), App: heroku.Ref(app), Name: c.As}
	title := a.Name
	if c.Credential != "" {
		title = c.Credential + " of " + title
		if c.Credential != "default" {
			in.Namespace = "credential:" + c.Credential
		}
	}
	if c.As != "" {
		title += " as " + c.As
	}
	var t heroku.Attachment
	if err := s.confirmed(ctx, app, c.Confirm, func(confirm string) error {
		in.Confirm = confirm
		return s.during("Attaching "+title+" to "+app, func() (_ string, err error) {
			t, err = h.CreateAttachment(ctx, in)
			return "", err
		})
	}); err != nil {
		return err
	}
	return s.during("Setting "+t.Name+" config vars and restarting "+app, func() (string, error) { return newest(ctx, h, app) })
}

type addonDetach struct {
	appFlag
	Name string `arg:"" help:"The name of the attachment."`
}

// Run detaches an add-on from an app.
func (c *addonDetach) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	t, err := h.AppAttachment(ctx, app, c.Name)
	if err != nil {
		return err
	}
	if err := s.during("Detaching "+t.Name+" to "+t.Addon.Name+" from "+app, func() (string, error) {
		_, err := h.DeleteAttachment(ctx, t.ID)
		return "", err
	}); err != nil {
		return err
	}
	return s.during("Unsetting "+t.Name+" config vars and restarting "+app, func() (string, error) { return newest(ctx, h, app) })
}
