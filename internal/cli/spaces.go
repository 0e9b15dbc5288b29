package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

type spacesList struct {
	Team string `short:"t" placeholder:"NAME" help:"Only the spaces of this team."`
	JSON bool   `help:"Print JSON."`
}

// Run lists spaces by name.
func (c *spacesList) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	spaces, err := h.Spaces(ctx)
	if err != nil {
		return err
	}
	if c.Team != "" {
		spaces = slices.DeleteFunc(spaces, func(sp heroku.Space) bool { return sp.Team.Name != c.Team })
	}
	slices.SortFunc(spaces, func(a, b heroku.Space) int { return cmp.Compare(a.Name, b.Name) })
	switch {
	case c.JSON:
		return s.Term.JSON(heroku.List[heroku.Space](spaces))
	case len(spaces) == 0 && c.Team != "":
		return complain("No spaces in %s.", c.Team)
	case len(spaces) == 0:
		return complain("You do not have access to any spaces.")
	}
	var rows [][]string
	for _, sp := range spaces {
		rows = append(rows, []string{s.Term.Cyan(sp.Name), sp.Team.Name, sp.Region.Name, s.Term.State(sp.State), sp.CreatedAt.Text()})
	}
	s.Term.Table([]string{"Name", "Team", "Region", "State", "Created At"}, rows)
	return nil
}

type spacesCreate struct {
	spaceFlag
	Team     string `short:"t" placeholder:"NAME" help:"The team that will own the space (or HEROKU_TEAM)."`
	Region   string `placeholder:"NAME" help:"Where; 'cloister regions' lists them."`
	CIDR     string `name:"cidr" placeholder:"RANGE" help:"Private range (RFC 1918) of the dynos: a /16."`
	DataCIDR string `name:"data-cidr" placeholder:"RANGE" help:"Private range of the data services: /16 to /20."`
	Shield   bool   `help:"Make a Shield space."`
	JSON     bool   `help:"Print JSON."`
}

// Run asks for a space and says how far it is.
func (c *spacesCreate) Run(ctx context.Context, s *Session) error {
	name, err := c.space()
	if err != nil {
		return err
	}
	team := s.team(c.Team)
	if team == "" {
		return complain("Missing required flag team\nSee more help with --help")
	}
	h, err := s.Client()
	if err != nil {
		return err
	}
	var sp heroku.Space
	err = s.during("Creating space "+name+" in team "+team, func() (_ string, err error) {
		sp, err = h.CreateSpace(ctx, heroku.SpaceCreateOpts{Name: name, Team: heroku.Ref(team), Region: heroku.Ref(c.Region),
			CIDR: c.CIDR, DataCIDR: c.DataCIDR, Shield: c.Shield})
		return "", err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(sp)
	}
	s.Term.Header("%s", sp.Name)
	s.Term.Object(term.F("ID", sp.ID), term.F("Team", sp.Team.Name), term.F("Region", sp.Region.Name), term.F("CIDR", sp.CIDR),
		term.F("Data CIDR", sp.DataCIDR), term.F("State", s.Term.State(sp.State)), term.F("Shield", onOff(sp.Shield)),
		term.F("Created at", sp.CreatedAt.Text()))
	if sp.State == "allocating" {
		s.Term.Note("Use 'cloister spaces:wait %s' to wait until it is allocated.", sp.Name)
	}
	return nil
}

type spacesInfo struct {
	spaceFlag
	JSON bool `help:"Print JSON."`
}

// Run shows a space.
func (c *spacesInfo) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(s)
	if err != nil {
		return err
	}
	sp, err := h.Space(ctx, name)
	if err != nil {
		return err
	}
	return s.showSpace(ctx, h, sp, c.JSON)
}

type spacesWait struct {
	spaceFlag
	Interval int  `short:"i" default:"1" help:"Seconds between looks."`
	Timeout  int  `default:"1500" help:"Seconds to wait at most."`
	JSON     bool `help:"Print JSON."`
}

// Run waits until a space is no longer allocating.
func (c *spacesWait) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(s)
	if err != nil {
		return err
	}
	give := s.now().Add(time.Duration(c.Timeout) * time.Second)
	var sp heroku.Space
	err = s.during("Waiting for space "+name+" to allocate", func() (string, error) {
		for {
			var err error
			if sp, err = h.Space(ctx, name); err != nil || sp.State != "allocating" {
				return "", err
			}
			if !s.now().Before(give) {
				return "", complain("Timeout waiting for space to become allocated.")
			}
			if err := pause(ctx, time.Duration(c.Interval)*time.Second); err != nil {
				return "", err
			}
		}
	})
	if err != nil {
		return err
	}
	return s.showSpace(ctx, h, sp, c.JSON)
}

// showSpace prints all of a space. Its outbound addresses are told once it has them.
func (s *Session) showSpace(ctx context.Context, h *heroku.Client, sp heroku.Space, asJSON bool) error {
	var nat *heroku.NAT
	if sp.State == "allocated" {
		n, err := h.NAT(ctx, sp.Name)
		if err != nil {
			return err
		}
		nat = &n
	}
	if asJSON {
		return s.Term.JSON(struct {
			heroku.Space
			OutboundIPs *heroku.NAT `json:"outbound_ips,omitempty"`
		}{sp, nat})
	}
	s.Term.Header("%s", sp.Name)
	s.Term.Object(term.F("ID", sp.ID), term.F("Team", sp.Team.Name), term.F("Region", first(sp.Region.Description, sp.Region.Name)),
		term.F("CIDR", sp.CIDR), term.F("Data CIDR", sp.DataCIDR), term.F("State", s.Term.State(sp.State)),
		term.F("Shield", onOff(sp.Shield)), term.F("Outbound IPs", outbound(nat)),
		term.F("Ingress IPs", strings.Join(sp.IngressIPs, ", ")), term.F("Created at", sp.CreatedAt.Text()))
	return nil
}

// outbound are the addresses of a space, or what becomes of them.
func outbound(nat *heroku.NAT) string {
	switch {
	case nat == nil:
		return ""
	case nat.State != "enabled":
		return nat.State
	}
	return strings.Join(nat.Sources, ", ")
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
