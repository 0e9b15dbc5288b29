package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type outboundRules struct {
	spaceFlag
	JSON bool `help:"Print JSON."`
}

// Run lists where the dynos of a space may go outside.
func (c *outboundRules) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(s)
	if err != nil {
		return err
	}
	r, err := h.OutboundRuleset(ctx, name)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return s.Term.JSON(r)
	case len(r.Rules) == 0:
		s.Term.Header("%s has no Outbound Rules. Its dynos cannot reach hosts outside of it.", name)
	default:
		s.Term.Header("Outbound Rules")
		var rows [][]string
		for i, rule := range r.Rules {
			rows = append(rows, []string{strconv.Itoa(i + 1), rule.Target, portText(rule.FromPort), portText(rule.ToPort), rule.Protocol})
		}
		s.Term.Table([]string{"Rule Number", "Destination", "From Port", "To Port", "Protocol"}, rows)
	}
	s.warnPending(r.Applied)
	return nil
}

func portText(n *heroku.Int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(int(*n))
}

type outboundAdd struct {
	Space    string `short:"s" required:"" placeholder:"NAME" help:"The space."`
	Dest     string `required:"" placeholder:"RANGE" help:"Where to, in CIDR notation: public IPv4."`
	Protocol string `required:"" placeholder:"NAME" help:"tcp, udp, icmp, any, or the number of another."`
	Port     string `default:"any" placeholder:"PORT" help:"A port, a range such as 8000-8080, or any. With icmp: types."`
	Confirm  string `hidden:""`
}

// Run adds a rule to those of a space.
func (c *outboundAdd) Run(ctx context.Context, s *Session) error {
	rule := heroku.OutboundRule{Target: c.Dest, Protocol: c.Protocol}
	if c.Port != "any" {
		from, to, isRange := strings.Cut(strings.Replace(c.Port, ":", "-", 1), "-")
		if !isRange {
			to = from
		}
		a, err1 := strconv.ParseUint(from, 10, 16)
		b, err2 := strconv.ParseUint(to, 10, 16)
		if err1 != nil || err2 != nil {
			return complain("Port %s is not a port, a range such as 8000-8080, or any.", c.Port)
		}
		rule.FromPort, rule.ToPort = heroku.Pointer(heroku.Int(a)), heroku.Pointer(heroku.Int(b))
	}
	return s.changeOutbound(ctx, c.Space, func(rules []heroku.OutboundRule) ([]heroku.OutboundRule, error) {
		return append(rules, rule), nil
	}, "Added rule to the Outbound Rules of "+c.Space)
}

type outboundRemove struct {
	Number  int    `arg:"" help:"The rule's number, as 'cloister outbound-rules' shows it."`
	Space   string `short:"s" required:"" placeholder:"NAME" help:"The space."`
	Confirm string `hidden:""`
}

// Run removes a rule from those of a space.
func (c *outboundRemove) Run(ctx context.Context, s *Session) error {
	return s.changeOutbound(ctx, c.Space, func(rules []heroku.OutboundRule) ([]heroku.OutboundRule, error) {
		switch {
		case len(rules) == 0:
			return nil, complain("No Outbound Rules are configured. Nothing to do.")
		case c.Number < 1 || c.Number > len(rules):
			return nil, complain("There is no rule %d. 'cloister outbound-rules %s' lists them.", c.Number, c.Space)
		}
		return slices.Delete(slices.Clone(rules), c.Number-1, c.Number), nil
	}, fmt.Sprintf("Removed rule %d from the Outbound Rules of %s", c.Number, c.Space))
}

// changeOutbound reads the rules of a space's way out, changes them and writes them back, unless somebody else has
// changed them meanwhile: numbers would be of other rules by then.
func (s *Session) changeOutbound(ctx context.Context, space string, change func([]heroku.OutboundRule) ([]heroku.OutboundRule, error), done string) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	r, tag, err := h.OutboundRulesetTagged(ctx, space)
	if err != nil {
		return err
	}
	rules, err := change(r.Rules)
	if err != nil {
		return err
	}
	r, err = h.SetOutboundRuleset(ctx, space, heroku.OutboundUpdateOpts{Rules: rules}, heroku.Header("If-Match", tag))
	if err != nil {
		return err
	}
	s.saved(done, r.Applied)
	return nil
}
