package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type autoscaleShow struct {
	appFlag
	JSON bool `help:"Print JSON."`
}

// Run shows which process types of an app are scaled by themselves, and how.
func (c *autoscaleShow) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	types, err := h.Formation(ctx, name)
	if err != nil {
		return err
	}
	all := []heroku.Monitor{}
	for _, t := range types {
		m, err := h.Monitors(ctx, name, t.Type)
		if err != nil {
			return err
		}
		all = append(all, m...)
	}
	if c.JSON {
		return s.Term.JSON(all)
	}
	var rows [][]string
	for _, m := range all {
		state := "off"
		if m.IsActive {
			state = "on"
		}
		rows = append(rows, []string{s.Term.Cyan(m.ProcessType), state, fmt.Sprintf("%d to %d", m.MinQuantity, m.MaxQuantity), strings.Join(aims(m), ", ")})
	}
	if len(rows) == 0 {
		s.Term.Line("Nothing of %s is scaled by itself.", s.Term.Cyan(name))
		return nil
	}
	s.Term.Table([]string{"Type", "Autoscaling", "Dynos", "By"}, rows)
	return nil
}

// aims are what a monitor scales by, in words.
func aims(m heroku.Monitor) (out []string) {
	if m.Value > 0 {
		out = append(out, fmt.Sprintf("p95 below %d ms", m.Value))
	}
	if m.CPU > 0 {
		out = append(out, fmt.Sprintf("processors below %d%%", m.CPU))
	}
	return out
}

type autoscaleEnable struct {
	appFlag
	Min  int    `required:"" help:"How many dynos there are at least."`
	Max  int    `required:"" help:"How many dynos there are at most."`
	P95  *int   `name:"p95" placeholder:"MS" help:"Milliseconds within which 95 of 100 requests are to be answered; web only. 1000, unless --cpu is given."`
	CPU  *int   `name:"cpu" placeholder:"PERCENT" help:"How busy the processors of the dynos may be."`
	Type string `default:"web" help:"The process type."`
}

// Run has a process type scaled by itself.
func (c *autoscaleEnable) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Enabling autoscaling of "+c.Type+" on "+s.Term.Cyan(name), func() (string, error) {
		in := heroku.MonitorOpts{ActionType: "scale", IsActive: heroku.Pointer(true), MinQuantity: heroku.Pointer(heroku.Int(c.Min)),
			MaxQuantity: heroku.Pointer(heroku.Int(c.Max)), Value: (*heroku.Int)(c.P95), CPU: (*heroku.Int)(c.CPU)}
		have, err := h.Monitors(ctx, name, c.Type)
		if err != nil {
			return "", err
		}
		if len(have) == 0 {
			_, err = h.AddMonitor(ctx, name, c.Type, in)
			return "", err
		}
		_, err = h.UpdateMonitor(ctx, name, c.Type, have[0].ID, in)
		return "", err
	})
}

type autoscaleDisable struct {
	appFlag
	Type string `default:"web" help:"The process type."`
}

// Run has a process type scaled by itself no longer. It keeps the dynos it has.
func (c *autoscaleDisable) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Disabling autoscaling of "+c.Type+" on "+s.Term.Cyan(name), func() (string, error) {
		have, err := h.Monitors(ctx, name, c.Type)
		if err != nil {
			return "", err
		}
		if len(have) == 0 || !have[0].IsActive {
			return "", complain("%s of %s is not scaled by itself.", c.Type, name)
		}
		_, err = h.UpdateMonitor(ctx, name, c.Type, have[0].ID, heroku.MonitorOpts{IsActive: heroku.Pointer(false)})
		return "", err
	})
}
