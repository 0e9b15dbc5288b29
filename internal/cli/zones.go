package cli

import (
	"context"
	"strconv"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type zonesList struct {
	JSON bool `help:"Print JSON."`
}

// Run lists the zones of the installation.
func (c *zonesList) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	all, err := h.Zones(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.Zone](all))
	}
	s.Term.Header("Zones")
	var rows [][]string
	for _, z := range all {
		rows = append(rows, []string{s.Term.Cyan(z.Name), s.Term.State(z.State), strconv.Itoa(int(z.Dynos)), z.Reason})
	}
	s.Term.Table([]string{"Zone", "State", "Dynos", "Reason"}, rows)
	return nil
}

type zoneFail struct {
	Zone    string `arg:"" help:"The zone."`
	Confirm string `placeholder:"ZONE" help:"The zone, instead of the question."`
}

// Run declares a zone failed.
func (c *zoneFail) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, c.Zone, c.Confirm, "Destructive Action\nThis command will stop all dynos in zone "+c.Zone+" at once, of all teams. Others are started in the other zones."); err != nil {
		return err
	}
	return s.during("Declaring zone "+c.Zone+" failed", func() (string, error) {
		_, err := h.FailZone(ctx, c.Zone)
		return "", err
	})
}

type zoneHeal struct {
	Zone string `arg:"" help:"The zone."`
}

// Run takes back that a zone has failed.
func (c *zoneHeal) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	return s.during("Healing zone "+c.Zone, func() (string, error) {
		_, err := h.HealZone(ctx, c.Zone)
		return "", err
	})
}
