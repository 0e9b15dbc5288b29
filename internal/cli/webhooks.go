package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

type webhooks struct {
	appFlag
	JSON bool `help:"Print JSON."`
}

// Run lists the webhooks of an app.
func (c *webhooks) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	all, err := h.AppWebhooks(ctx, app)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.AppWebhook](all))
	}
	if len(all) == 0 {
		s.Term.Line("%s has no webhooks\nUse `cloister webhooks:add` to add one.", s.Term.Cyan(app))
		return nil
	}
	var rows [][]string
	for _, w := range all {
		rows = append(rows, []string{w.ID, w.URL, strings.Join(w.Include, ","), w.Level})
	}
	s.Term.Table([]string{"Webhook ID", "URL", "Include", "Level"}, rows)
	return nil
}

// webhookFlags are what a webhook is made of.
type webhookFlags struct {
	Include       []string `short:"i" help:"What it is told of: api:app, api:build, api:collaborator, api:formation, api:release, dyno."`
	Level         string   `short:"l" help:"notify: told once; sync: told again until it answers, for three days."`
	URL           string   `name:"webhook-url" short:"u" help:"https://user:password@host/path."`
	Secret        string   `short:"s" help:"What its messages are signed with; without it, one is made."`
	Authorization string   `short:"t" help:"The Authorization header of its messages."`
}

// opts are those that were given.
func (f webhookFlags) opts() (in heroku.AppWebhookOpts) {
	if f.Include != nil {
		in.Include = &f.Include
	}
	for value, to := range map[*string]**string{&f.Level: &in.Level, &f.URL: &in.URL, &f.Secret: &in.Secret, &f.Authorization: &in.Authorization} {
		if *value != "" {
			*to = value
		}
	}
	return in
}

type webhookAdd struct {
	appFlag
	webhookFlags
}

// Run adds a webhook.
func (c *webhookAdd) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	secret := ""
	if err := s.during("Adding webhook to "+s.Term.Cyan(app), func() (_ string, err error) {
		_, secret, err = h.AddAppWebhook(ctx, app, c.opts())
		return "", err
	}); err != nil {
		return err
	}
	s.Term.Header("Webhooks Signing Secret")
	s.Term.Line("%s", secret)
	return nil
}

type webhookInfo struct {
	appFlag
	ID string `arg:"" help:"The id of the webhook."`
}

// Run shows a webhook.
func (c *webhookInfo) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	w, err := h.AppWebhook(ctx, app, c.ID)
	if err != nil {
		return err
	}
	s.Term.Header("%s", w.ID)
	s.Term.Object(term.F("Include", strings.Join(w.Include, ",")), term.F("Level", w.Level), term.F("URL", w.URL))
	return nil
}

type webhookUpdate struct {
	appFlag
	webhookFlags
	ID string `arg:"" help:"The id of the webhook."`
}

// Run changes a webhook.
func (c *webhookUpdate) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Updating webhook "+c.ID+" for "+s.Term.Cyan(app), func() (string, error) {
		_, err := h.ChangeAppWebhook(ctx, app, c.ID, c.opts())
		return "", err
	})
}

type webhookRemove struct {
	appFlag
	ID string `arg:"" help:"The id of the webhook."`
}

// Run removes a webhook.
func (c *webhookRemove) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Removing webhook "+c.ID+" from "+s.Term.Cyan(app), func() (string, error) {
		_, err := h.RemoveAppWebhook(ctx, app, c.ID)
		return "", err
	})
}

type deliveries struct {
	appFlag
	Status string `short:"s" help:"Only those of a status: pending, retrying, failed, succeeded."`
}

// Run lists how telling the webhooks of an app goes.
func (c *deliveries) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	all, err := h.AppWebhookDeliveries(ctx, app, c.Status)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		s.Term.Line("%s has no deliveries", s.Term.Cyan(app))
		return nil
	}
	var rows [][]string
	for _, d := range all {
		code, class := attempt(d)
		rows = append(rows, []string{d.ID, d.CreatedAt.Text(), d.Status, d.Event.Include, d.Webhook.Level, strconv.Itoa(d.NumAttempts), code, class, d.NextAttempt.Text()})
	}
	s.Term.Table([]string{"Delivery ID", "Created", "Status", "Include", "Level", "Attempts", "Code", "Error", "Next Attempt"}, rows)
	return nil
}

// attempt is what came of the last attempt of a delivery.
func attempt(d heroku.AppWebhookDelivery) (code, class string) {
	if l := d.LastAttempt; l != nil && l.Code != nil {
		code = strconv.Itoa(*l.Code)
	}
	if l := d.LastAttempt; l != nil && l.ErrorClass != nil {
		class = *l.ErrorClass
	}
	return code, class
}

type deliveryInfo struct {
	appFlag
	ID string `arg:"" help:"The id of the delivery."`
}

// Run shows a delivery, and what is told by it.
func (c *deliveryInfo) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	d, err := h.AppWebhookDelivery(ctx, app, c.ID)
	if err != nil {
		return err
	}
	e, err := h.AppWebhookEvent(ctx, app, d.Event.ID)
	if err != nil {
		return err
	}
	code, class := attempt(d)
	s.Term.Header("%s", d.ID)
	s.Term.Object(term.F("Created", d.CreatedAt.Text()), term.F("Event", d.Event.ID), term.F("Webhook", d.Webhook.ID), term.F("Status", d.Status),
		term.F("Include", d.Event.Include), term.F("Level", d.Webhook.Level), term.F("Attempts", strconv.Itoa(d.NumAttempts)), term.F("Code", code), term.F("Error", class),
		term.F("Next Attempt", d.NextAttempt.Text()))
	s.Term.Header("Event Payload")
	return s.Term.JSON(e.Payload)
}
