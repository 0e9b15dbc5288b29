package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
)

func (a *API) rulesetRoutes(r chi.Router) {
	r.Get("/spaces/{space}/inbound-ruleset", a.do(a.rulesetCurrent))
	r.Put("/spaces/{space}/inbound-ruleset", a.do(a.rulesetCreate))
	r.Post("/spaces/{space}/inbound-ruleset/actions/dry-run", a.do(a.rulesetRehearse))
	r.Get("/spaces/{space}/inbound-rulesets", a.do(a.rulesetList))
	r.Get("/spaces/{space}/inbound-rulesets/{ruleset}", a.do(a.rulesetInfo))
}

func (a *API) rulesetCurrent(r *request) (reply, error) {
	s, rules, err := a.platform.Ruleset(r.Context(), r.actor, r.param("space"))
	return ok(ruleset(s, rules)), err
}

// rulesetCreate replaces the rules. Clients send back all that they have read, of which only the rules count. With
// If-Match it does so only if the ruleset is the one that they have read.
func (a *API) rulesetCreate(r *request) (reply, error) {
	sources, err := orderedSources(r)
	if err != nil {
		return reply{}, err
	}
	s, rules, err := a.platform.SetTrusted(r.Context(), r.actor, r.param("space"), sources,
		expecting(r, func(s platform.SpaceInfo, v cloister.Ruleset) []any {
			no, yes := v, v
			no.Applied, yes.Applied = false, true // that it is in force meanwhile is no change
			return []any{ruleset(s, no), ruleset(s, yes)}
		}))
	if err != nil {
		return reply{}, err
	}
	rules.Applied = soon(r.Context(), func(ctx context.Context) (applied, current bool) {
		_, now, err := a.platform.Ruleset(ctx, r.actor, s.ID)
		return now.Applied, err == nil && now.ID == rules.ID
	})
	out := ok(ruleset(s, rules))
	if all, pointless := cloister.Pointless(rules.Sources); pointless {
		out.warning = fmt.Sprintf("%s still admits everyone, whatever else is trusted. To admit nobody else, remove it: trusted-ips:remove %[1]s --space %s", all, s.Name)
	}
	return out, nil
}

// orderedSources are the ranges that a request wants to be trusted.
func orderedSources(r *request) (sources []string, err error) {
	in, err := decode[rulesetOrder](r)
	if err != nil {
		return nil, err
	}
	if in.Rules == nil { // an empty list shuts everyone out: it has to be said
		return nil, cloister.Errorf(cloister.Invalid, "Rules are required: an array of rules, which may be empty.")
	}
	for _, rule := range *in.Rules {
		if rule.Action != "allow" && rule.Action != "" {
			return nil, cloister.Errorf(cloister.Invalid, "Action %q is invalid. Rules can only allow.", rule.Action)
		}
		sources = append(sources, rule.Source)
	}
	return sources, nil
}

// soon waits a moment for new rules to be in force, which takes some milliseconds: clients ask at once whether they
// are, and tell people to try again when they are not. It ends when others have taken their place.
func soon(ctx context.Context, look func(context.Context) (applied, current bool)) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if applied, current := look(ctx); applied || !current {
			return applied && current
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// expecting reports whether rules are those that the request's If-Match header names, in one of the forms that they are
// shown in; nil: it has none.
func expecting[S, V any](r *request, forms func(S, V) []any) func(S, V) bool {
	header := strings.Join(r.Header.Values("If-Match"), ",")
	if header == "" {
		return nil
	}
	return func(s S, v V) bool {
		return slices.ContainsFunc(forms(s, v), func(body any) bool {
			b, err := encode(body)
			return err == nil && matches(header, tag(b))
		})
	}
}

// rulesetRehearse tells whom rules would cut off.
func (a *API) rulesetRehearse(r *request) (reply, error) {
	sources, err := orderedSources(r)
	if err != nil {
		return reply{}, err
	}
	found, known, err := a.platform.RehearseTrusted(r.Context(), r.actor, r.param("space"), sources)
	if err != nil {
		return reply{}, err
	}
	out := heroku.Rehearsal{Kept: found.Kept, Since: heroku.At(found.Since)}
	for _, c := range found.Cut {
		out.Cut = append(out.Cut, heroku.RecentClient{Address: c.Address.String(), Requests: c.Requests, First: heroku.At(c.First),
			Last: heroku.At(c.Last), Open: c.Open})
	}
	if !known {
		out.Message = "This server does not remember clients, so nobody knows whom these ranges would cut off."
	}
	return ok(out), nil
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
