package cli

import (
	"context"
	"strings"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

type peeringInfo struct {
	spaceFlag
	JSON bool `help:"Print JSON."`
}

// Run shows what another network needs to know of a space.
func (c *peeringInfo) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(s)
	if err != nil {
		return err
	}
	p, err := h.PeeringInfo(ctx, name)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return s.Term.JSON(p)
	}
	s.Term.Header("%s Peering Info", name)
	s.Term.Object(term.F("Account ID", p.AccountID), term.F("Region", p.Region), term.F("VPC ID", p.VPCID), term.F("VPC CIDR", p.VPCCIDR),
		term.F("Space CIDRs", strings.Join(p.SpaceCIDRs, ", ")), term.F("Unavailable CIDRs", strings.Join(p.UnavailableCIDR, ", ")))
	return nil
}

type peerings struct {
	spaceFlag
	JSON bool `help:"Print JSON."`
}

// Run lists the peerings of a space.
func (c *peerings) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(s)
	if err != nil {
		return err
	}
	all, err := h.Peerings(ctx, name)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return s.Term.JSON(heroku.List[heroku.Peering](all))
	}
	s.Term.Header("%s Peerings", name)
	var rows [][]string
	for _, p := range all {
		rows = append(rows, []string{s.Term.Cyan(p.ID), p.Type, peerName(p), strings.Join(p.CIDRBlocks, ", "), s.Term.State(p.Status), p.Expires.Text()})
	}
	s.Term.Table([]string{"PCX ID", "Type", "Peer", "CIDR Blocks", "Status", "Expires"}, rows)
	for _, p := range all {
		if p.StatusReason != "" {
			s.Term.Warn("%s: %s", p.ID, p.StatusReason)
		}
	}
	return nil
}

// peerName is who is on the other side of a peering.
func peerName(p heroku.Peering) string {
	switch {
	case p.Space != nil:
		return "space " + p.Space.Name
	case p.Network != "":
		return "network " + p.Network
	case p.Type == "heroku-managed":
		return "data services"
	}
	return p.VPCID
}

type peeringRequest struct {
	Other string `arg:"" name:"other" help:"The space to ask, or its VPC ID, as its 'spaces:peering:info' tells it."`
	Space string `short:"s" required:"" placeholder:"NAME" help:"The space that asks."`
}

// Run asks another space for a peering.
func (c *peeringRequest) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	var p heroku.Peering
	if err := s.during("Asking "+c.Other+" for a peering with "+c.Space, func() (_ string, err error) {
		p, err = h.RequestPeering(ctx, c.Space, c.Other)
		return "", err
	}); err != nil {
		return err
	}
	s.Term.Note("An administrator of the other space's team accepts it until %s: cloister spaces:peerings:accept %s --space %s", p.Expires.Text(), p.ID, first(peerSpace(p), "SPACE"))
	return nil
}

func peerSpace(p heroku.Peering) string {
	if p.Space == nil {
		return ""
	}
	return p.Space.Name
}

// A peeringFlag names a peering and the space on this side of it.
type peeringFlag struct {
	Name  string `arg:"" optional:"" name:"pcxid" help:"The peering's id."`
	ID    string `name:"pcxid" short:"p" placeholder:"ID" help:"The peering's id."`
	Space string `short:"s" required:"" placeholder:"NAME" help:"The space."`
}

func (f peeringFlag) target(s *Session) (h *heroku.Client, id string, err error) {
	if id = first(f.ID, f.Name); id == "" {
		return nil, "", complain("PCX ID required. 'cloister spaces:peerings %s' lists them.\nSee more help with --help", f.Space)
	}
	h, err = s.Client()
	return h, id, err
}

type peeringAccept struct{ peeringFlag }

// Run accepts a peering.
func (c *peeringAccept) Run(ctx context.Context, s *Session) error {
	h, id, err := c.target(s)
	if err != nil {
		return err
	}
	if _, err := h.AcceptPeering(ctx, c.Space, id); err != nil {
		return err
	}
	s.Term.Line("Accepting and configuring peering connection %s", id)
	return nil
}

type peeringDestroy struct {
	peeringFlag
	Confirm string `placeholder:"ID" help:"The peering's id, instead of the question."`
}

// Run ends a peering, or turns a request down.
func (c *peeringDestroy) Run(ctx context.Context, s *Session) error {
	h, id, err := c.target(s)
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, id, c.Confirm, "Destructive Action\nThis command will attempt to destroy the peering connection "+id); err != nil {
		return err
	}
	return s.during("Tearing down peering connection "+id, func() (string, error) {
		_, err := h.DeletePeering(ctx, c.Space, id)
		return "", err
	})
}
