package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type addonCreate struct {
	appFlag
	Plan    string   `arg:"" name:"service:plan" help:"What it is to be; without a plan, the service's default."`
	Options []string `arg:"" optional:"" help:"Options of the service, after '--': -- --version=17."`
	Name    string   `placeholder:"NAME" help:"The add-on's name; without one, the server chooses."`
	As      string   `placeholder:"NAME" help:"The name of its attachment to the app."`
	Confirm string   `placeholder:"APP" help:"The app's name, for what the server wants to have confirmed."`
	Wait    bool     `help:"Wait until it is there."`
}

// Run makes an add-on for an app.
func (c *addonCreate) Run(ctx context.Context, s *Session) error {
	options, err := addonOptions(c.Options)
	if err != nil {
		return err
	}
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	in := heroku.AddonOpts{Plan: heroku.Ref(c.Plan), Name: c.Name, Config: options}
	if c.As != "" {
		in.Attachment = &heroku.AttachmentName{Name: c.As}
	}
	var a heroku.Addon
	if err := s.confirmed(ctx, app, c.Confirm, func(confirm string) (err error) {
		in.Confirm = confirm
		doing := s.Term.Start("Creating %s on %s", c.Plan, app)
		if a, err = h.CreateAddon(ctx, app, in); err != nil {
			doing.Failed(err)
			return err
		}
		doing.End("%s", prices(a.Plan.Price))
		return nil
	}); err != nil {
		return err
	}
	if a.ProvisionMessage != "" {
		s.Term.Line("%s", a.ProvisionMessage)
	}
	switch {
	case a.State == "provisioning" && c.Wait:
		s.Term.Line("Waiting for %s...", a.Name)
		if a, err = s.awaitAddon(ctx, h, a, time.Second); err != nil {
			return err
		}
		s.tellCreated(a)
	case a.State == "provisioning":
		s.Term.Line("%s is being created in the background. The app will restart when complete...", a.Name)
		s.Term.Line("Run cloister addons:info %s to check creation progress.", a.Name)
	default:
		s.tellCreated(a)
	}
	s.Term.Line("Run cloister addons:docs %s to view documentation.", a.AddonService.Name)
	return nil
}

// addonOptions reads "--name=value", "--name value" and "--name", which is true.
func addonOptions(args []string) (heroku.Env, error) {
	out := heroku.Env{}
	for i := 0; i < len(args); i++ {
		name, ok := strings.CutPrefix(args[i], "--")
		name, value, given := strings.Cut(name, "=")
		if !ok || name == "" {
			return nil, complain("Unexpected argument %s", args[i])
		}
		if !given {
			value = "true"
			if i+1 < len(args) && !strings.HasPrefix(args[i+1], "--") {
				i++
				value = args[i]
			}
		}
		out[name] = value
	}
	return out, nil
}

// tellCreated says that an add-on is there, and by which config vars.
func (s *Session) tellCreated(a heroku.Addon) {
	as := ""
	if len(a.ConfigVars) > 0 {
		as = " as " + strings.Join(a.ConfigVars, ", ")
	}
	s.Term.Line("Created %s%s", a.Name, as)
}

// awaitAddon looks at an add-on, time and again, until it is no longer provisioning, or deprovisioning.
func (s *Session) awaitAddon(ctx context.Context, h *heroku.Client, was heroku.Addon, every time.Duration) (now heroku.Addon, err error) {
	verb, ends := "Creating ", was.State == "deprovisioning"
	if ends {
		verb = "Destroying "
	}
	err = s.during(verb+was.Name, func() (string, error) {
		for {
			now, err = h.AddonInApp(ctx, was.App.ID, was.ID)
			switch {
			case ends && heroku.IsNotFound(err):
				return "", nil
			case err != nil:
				return "", err
			case !ends && strings.HasPrefix(now.State, "deprovision"):
				return "", complain("%s", strings.TrimSpace("The add-on was unable to be created, with status "+now.State+". "+now.ProvisionMessage))
			case now.State != was.State:
				return "", nil
			}
			if err := pause(ctx, every); err != nil {
				return "", err
			}
		}
	})
	return now, err
}

type addonWait struct {
	appFlag
	Addon    string `arg:"" optional:"" help:"The add-on; without one, all of the app, or of all apps."`
	Interval int    `name:"wait-interval" default:"1" help:"Seconds between looks."`
}

// Run waits until add-ons that are on their way are there, or gone.
func (c *addonWait) Run(ctx context.Context, s *Session) error {
	app, err := c.perhaps(ctx, s)
	if err != nil {
		return err
	}
	h, err := s.Client()
	if err != nil {
		return err
	}
	var all []heroku.Addon
	switch {
	case c.Addon != "":
		a, err := findAddon(ctx, h, app, c.Addon)
		if err != nil {
			return err
		}
		all = []heroku.Addon{a}
	case app != "":
		all, err = h.AppAddons(ctx, app)
	default:
		all, err = h.Addons(ctx)
	}
	if err != nil {
		return err
	}
	for _, was := range all {
		if was.State != "provisioning" && was.State != "deprovisioning" {
			continue
		}
		now, err := s.awaitAddon(ctx, h, was, time.Duration(c.Interval)*time.Second)
		if err != nil {
			return err
		}
		if len(now.ConfigVars) > 0 && was.State == "provisioning" {
			s.tellCreated(now)
		}
	}
	return nil
}

type addonRename struct {
	Addon string `arg:"" help:"The add-on."`
	Name  string `arg:"" help:"Its new name."`
}

// Run renames an add-on.
func (c *addonRename) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	a, err := findAddon(ctx, h, "", c.Addon)
	if err != nil {
		return err
	}
	if _, err := h.UpdateAddon(ctx, a.App.ID, a.ID, heroku.AddonUpdateOpts{Name: &c.Name}); err != nil {
		return err
	}
	s.Term.Line("%s successfully renamed to %s.", c.Addon, c.Name)
	return nil
}

type addonUpgrade struct {
	appFlag
	Addon string `arg:"" help:"The add-on; or SERVICE:PLAN, where the app has one add-on of the service."`
	Plan  string `arg:"" optional:"" help:"The plan."`
}

// Run has an add-on be of another plan, larger or smaller.
func (c *addonUpgrade) Run(ctx context.Context, s *Session) error {
	ref, plan := c.Addon, c.Plan
	if plan == "" && !strings.Contains(ref, "::") {
		ref, plan, _ = strings.Cut(ref, ":")
	}
	if plan == "" {
		return complain("No plan specified.\nYou need to specify a plan to move %s to.\nFor example: cloister addons:upgrade heroku-redis:private-5", ref)
	}
	h, a, err := addonFlag{c.appFlag, ref}.find(ctx, s)
	if err != nil {
		return err
	}
	if _, own, ok := strings.Cut(plan, ":"); ok {
		plan = own // the service is the add-on's
	}
	to := heroku.Ref(a.AddonService.Name + ":" + plan)
	var now heroku.Addon
	err = s.during(fmt.Sprintf("Changing %s on %s from %s to %s", a.Name, a.App.Name, a.Plan.Name, to), func() (_ string, err error) {
		now, err = h.UpdateAddon(ctx, a.App.ID, a.ID, heroku.AddonUpdateOpts{Plan: &to})
		return prices(now.Plan.Price), err
	})
	if heroku.StatusOf(err) == http.StatusUnprocessableEntity {
		return fmt.Errorf("%w\nSee plans with cloister addons:plans %s", err, a.AddonService.Name)
	}
	if err == nil && now.ProvisionMessage != "" {
		s.Term.Line("%s", now.ProvisionMessage)
	}
	return err
}
