package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type addonServices struct {
	JSON bool `help:"Print JSON."`
}

// Run lists what add-ons can be made of.
func (c *addonServices) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	all, err := h.AddonServices(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.AddonService](all))
	}
	var rows [][]string
	for _, x := range all {
		rows = append(rows, []string{x.Name, x.HumanName, x.State})
	}
	s.Term.Table([]string{"Slug", "Name", "State"}, rows)
	s.Term.Line("\nSee plans with cloister addons:plans SERVICE")
	return nil
}

type addonPlans struct {
	Service string `arg:"" help:"The service."`
	JSON    bool   `help:"Print JSON."`
}

// Run lists the plans of a service, the cheapest first.
func (c *addonPlans) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	all, err := h.Plans(ctx, c.Service)
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b heroku.Plan) int { return cmp.Compare(a.Price.Cents, b.Price.Cents) })
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.Plan](all))
	}
	var rows [][]string
	for _, p := range all {
		mark := ""
		if p.Default {
			mark = "default"
		}
		rows = append(rows, []string{mark, p.Name, p.HumanName, price(p.Price, true), price(p.Price, false)})
	}
	s.Term.Table([]string{"", "Slug", "Name", "Price", "Max Price"}, rows)
	return nil
}

type serviceAdd struct {
	Manifest string `arg:"" name:"manifest.json" help:"What the provider says of itself, as Heroku's providers write it, with its plans."`
}

// Run makes the service of a provider known, or what its manifest says anew.
func (c *serviceAdd) Run(ctx context.Context, s *Session) error {
	manifest, err := os.ReadFile(c.Manifest)
	if err != nil {
		return err
	}
	if !json.Valid(manifest) {
		return complain("%s is not JSON.", c.Manifest)
	}
	h, err := s.Client()
	if err != nil {
		return err
	}
	var x heroku.AddonService
	if err := s.during("Adding the add-on service of "+c.Manifest, func() (_ string, err error) {
		x, err = h.AddAddonService(ctx, manifest)
		return x.Name, err
	}); err != nil {
		return err
	}
	s.Term.Line("See plans with cloister addons:plans %s", x.Name)
	return nil
}

type serviceRemove struct {
	Service string `arg:"" help:"The service."`
	Confirm string `short:"c" placeholder:"SERVICE" help:"The service's name, so that it need not be typed."`
}

// Run takes the service of a provider out of the catalogue.
func (c *serviceRemove) Run(ctx context.Context, s *Session) error {
	if err := s.confirm(ctx, c.Service, c.Confirm, "Destructive Action\nThis command will forget the provider of "+c.Service+", and the prices of its plans."); err != nil {
		return err
	}
	h, err := s.Client()
	if err != nil {
		return err
	}
	return s.during("Removing add-on service "+c.Service, func() (string, error) {
		_, err := h.RemoveAddonService(ctx, c.Service)
		return "", err
	})
}

type serviceShutdown struct {
	Service string `arg:"" help:"The service."`
}

// Run ends new add-ons of a service. Those that are there stay.
func (c *serviceShutdown) Run(ctx context.Context, s *Session) error {
	return s.offer(ctx, "Shutting down add-on service "+c.Service, c.Service, "shutdown")
}

type serviceOffer struct {
	Service string `arg:"" help:"The service."`
}

// Run lets there be new add-ons of a service again.
func (c *serviceOffer) Run(ctx context.Context, s *Session) error {
	return s.offer(ctx, "Offering add-on service "+c.Service, c.Service, "ga")
}

func (s *Session) offer(ctx context.Context, title, service, state string) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	return s.during(title, func() (string, error) {
		x, err := h.ChangeAddonService(ctx, service, heroku.ServiceOpts{State: state})
		return x.State, err
	})
}

type planSet struct {
	Plan    string  `arg:"" name:"service:plan" help:"The plan."`
	Price   *int    `placeholder:"CENTS" help:"What it costs a month, in cents."`
	Regions *string `placeholder:"A,B" help:"Where it is to be had; '' for everywhere."`
}

// Run decides about a plan. Add-ons that are there stay.
func (c *planSet) Run(ctx context.Context, s *Session) error {
	service, plan, ok := strings.Cut(c.Plan, ":")
	if !ok {
		return complain("Say which plan of %s: %s:PLAN. See plans with cloister addons:plans %s", service, service, service)
	}
	in := heroku.PlanOpts{Cents: c.Price}
	if c.Regions != nil {
		in.Regions = &[]string{}
		if *c.Regions != "" {
			*in.Regions = strings.Split(*c.Regions, ",")
		}
	}
	if in == (heroku.PlanOpts{}) {
		return complain("Say what is to change: --price or --regions.")
	}
	h, err := s.Client()
	if err != nil {
		return err
	}
	return s.during("Setting plan "+c.Plan, func() (string, error) {
		p, err := h.ChangePlan(ctx, service, plan, in)
		return prices(p.Price) + " in " + first(strings.Join(p.Regions, ", "), "all regions"), err
	})
}
