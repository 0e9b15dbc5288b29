package api

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) egressRoutes(r chi.Router) {
	r.Get("/spaces/{space}/outbound-ruleset", a.do(a.egressCurrent))
	r.Put("/spaces/{space}/outbound-ruleset", a.do(a.egressCreate))
	r.Get("/spaces/{space}/outbound-rulesets", a.do(a.egressList))
	r.Get("/spaces/{space}/outbound-rulesets/{ruleset}", a.do(a.egressInfo))
}

func (a *API) egressCurrent(r *request) (reply, error) {
	s, rules, err := a.platform.EgressRuleset(r.Context(), r.actor, r.param("space"))
	return ok(egress(s, rules)), err
}

// egressCreate replaces the rules. Clients send back all that they have read, of which only the rules count.
func (a *API) egressCreate(r *request) (reply, error) {
	in, err := decode[egressOrder](r)
	if err != nil {
		return reply{}, err
	}
	if in.Rules == nil { // an empty list shuts everything out: it has to be said
		return reply{}, cloister.Errorf(cloister.Invalid, "Rules are required: an array of rules, which may be empty.")
	}
	s, rules, err := a.platform.SetEgress(r.Context(), r.actor, r.param("space"), each(*in.Rules, egressOrderRule.spec),
		expecting(r, func(s platform.SpaceInfo, v cloister.EgressRuleset) []any {
			no, yes := v, v
			no.Applied, yes.Applied = false, true
			return []any{egress(s, no), egress(s, yes)}
		}))
	if err != nil {
		return reply{}, err
	}
	rules.Applied = soon(r.Context(), func(ctx context.Context) (applied, current bool) {
		_, now, err := a.platform.EgressRuleset(ctx, r.actor, s.ID)
		return now.Applied, err == nil && now.ID == rules.ID
	})
	return ok(egress(s, rules)), nil
}

// An egressOrder tells an empty list of rules from none.
type egressOrder struct {
	Rules *[]egressOrderRule `json:"rules"`
}

// An egressOrderRule is a rule as clients send it: a protocol's number may be one.
type egressOrderRule struct {
	Target   string      `json:"target"`
	Protocol anyText     `json:"protocol"`
	FromPort *heroku.Int `json:"from_port"`
	ToPort   *heroku.Int `json:"to_port"`
}

// spec is the rule as platform takes it. Ports that are left out are all of them, and one is a range of itself.
func (r egressOrderRule) spec() cloister.EgressSpec {
	out := cloister.EgressSpec{Target: r.Target, Protocol: cmp.Or(string(r.Protocol), "any"), To: 65535}
	switch {
	case r.FromPort != nil && r.ToPort != nil:
		out.From, out.To = int(*r.FromPort), int(*r.ToPort)
	case r.FromPort != nil:
		out.From, out.To = int(*r.FromPort), int(*r.FromPort)
	case r.ToPort != nil:
		out.From, out.To = int(*r.ToPort), int(*r.ToPort)
	}
	return out
}

// anyText is a string that may come as a number.
type anyText string

// UnmarshalJSON reads "tcp" and 6.
func (t *anyText) UnmarshalJSON(b []byte) error {
	if _, err := strconv.Atoi(string(b)); err == nil {
		*t = anyText(b)
		return nil
	}
	return json.Unmarshal(b, (*string)(t))
}

func (a *API) egressList(r *request) (reply, error) {
	s, all, err := a.platform.EgressRulesets(r.Context(), r.actor, r.param("space"))
	return list(each(all, func(v cloister.EgressRuleset) heroku.OutboundRuleset { return egress(s, v) }),
		byID(func(v heroku.OutboundRuleset) string { return v.ID })), err
}

func (a *API) egressInfo(r *request) (reply, error) {
	s, all, err := a.platform.EgressRulesets(r.Context(), r.actor, r.param("space"))
	if err != nil {
		return reply{}, err
	}
	for _, v := range all {
		if v.ID == r.param("ruleset") {
			return ok(egress(s, v)), nil
		}
	}
	return reply{}, cloister.Missing("outbound ruleset")
}

func egress(s platform.SpaceInfo, v cloister.EgressRuleset) heroku.OutboundRuleset {
	out := heroku.OutboundRuleset{ID: v.ID, Space: heroku.Named{ID: s.ID, Name: s.Name},
		CreatedBy: cmp.Or(v.CreatedBy, owner(s.Team).Email), CreatedAt: heroku.At(v.CreatedAt), Applied: &v.Applied}
	for _, r := range v.Rules {
		out.Rules = append(out.Rules, heroku.OutboundRule{Target: r.Target.String(), Protocol: r.Protocol,
			FromPort: heroku.Pointer(heroku.Int(r.From)), ToPort: heroku.Pointer(heroku.Int(r.To))})
	}
	return out
}
