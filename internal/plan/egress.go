package plan

import (
	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// passes are the rules of a way out as the engine knows them; nil: everywhere. No rules at all are a way out that leads
// nowhere, which is an empty list.
func passes(r cloister.EgressRuleset) []engine.Pass {
	if r.ID == "" || cloister.Unlimited(r.Rules) {
		return nil
	}
	out := []engine.Pass{}
	for _, rule := range r.Rules {
		p := engine.Pass{Target: rule.Target, Protocol: rule.Number(), From: rule.From, To: rule.To}
		if rule.Protocol == "icmp" && rule.From == 0 && rule.To == 255 {
			p.To = 65535 // all types
		}
		out = append(out, p)
	}
	return out
}
