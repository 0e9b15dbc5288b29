package api

import (
	"context"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) rulesetRoutes(r chi.Router) {
	r.Get("/spaces/{space}/inbound-ruleset", a.do(a.rulesetCurrent))
	r.Put("/spaces/{space}/inbound-ruleset", a.do(a.rulesetCreate))
	r.Get("/spaces/{space}/inbound-rulesets", a.do(a.rulesetList))
	r.Get("/spaces/{space}/inbound-rulesets/{ruleset}", a.do(a.rulesetInfo))
}

func (a *API) rulesetCurrent(r *request) (reply, error) {
	s, rules, err := a.platform.Ruleset(r.Context(), r.actor, r.param("space"))
	return ok(ruleset(s, rules)), err
}

// rulesetCreate replaces the rules. Clients send back all that they have read, of which only the rules count.
func (a *API) rulesetCreate(r *request) (reply, error) {
	in, err := decode[rulesetOrder](r)
	if err != nil {
		return reply{}, err
	}
	if in.Rules == nil { // an empty list shuts everyone out: it has to be said
		return reply{}, cloister.Errorf(cloister.Invalid, "Rules are required: an array of rules, which may be empty.")
	}
	var sources []string
	for _, rule := range *in.Rules {
		if rule.Action != "allow" && rule.Action != "" {
			return reply{}, cloister.Errorf(cloister.Invalid, "Action %q is invalid. Rules can only allow.", rule.Action)
		}
		sources = append(sources, rule.Source)
	}
	s, rules, err := a.platform.SetTrusted(r.Context(), r.actor, r.param("space"), sources)
	if err != nil {
		return reply{}, err
	}
	rules.Applied = a.applied(r.Context(), r.actor, s, rules)
	return ok(ruleset(s, rules)), nil
}

// applied waits a moment for new rules to be in force, which takes some milliseconds: clients ask at once whether they
// are, and tell people to try again when they are not.
func (a *API) applied(ctx context.Context, actor cloister.Actor, s platform.SpaceInfo, rules cloister.Ruleset) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		_, now, err := a.platform.Ruleset(ctx, actor, s.ID)
		if err != nil || now.ID != rules.ID || now.Applied {
			tick.Stop()
			return err == nil && now.ID == rules.ID && now.Applied
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// A rulesetOrder tells an empty list of rules from none.
type rulesetOrder struct {
	Rules *[]heroku.Rule `json:"rules"`
}

func (a *API) rulesetList(r *request) (reply, error) {
	s, all, err := a.platform.Rulesets(r.Context(), r.actor, r.param("space"))
	return list(each(all, func(v cloister.Ruleset) heroku.Ruleset { return ruleset(s, v) }),
		byID(func(v heroku.Ruleset) string { return v.ID })), err
}

func (a *API) rulesetInfo(r *request) (reply, error) {
	s, all, err := a.platform.Rulesets(r.Context(), r.actor, r.param("space"))
	if err != nil {
		return reply{}, err
	}
	for _, v := range all {
		if v.ID == r.param("ruleset") {
			return ok(ruleset(s, v)), nil
		}
	}
	return reply{}, cloister.Missing("inbound ruleset")
}

func ruleset(s platform.SpaceInfo, v cloister.Ruleset) heroku.Ruleset {
	out := heroku.Ruleset{ID: v.ID, Space: heroku.Named{ID: s.ID, Name: s.Name}, CreatedBy: v.CreatedBy,
		CreatedAt: heroku.At(v.CreatedAt), Applied: &v.Applied}
	for _, p := range v.Sources {
		out.Rules = append(out.Rules, heroku.Rule{Action: "allow", Source: p.String()})
	}
	return out
}
