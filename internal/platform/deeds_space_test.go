package platform_test

import (
	"context"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// spaceDeeds are about spaces, and the installation they are in.
var spaceDeeds = map[string]deed{
	"TrustedLabels": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.TrustedLabels(ctx, a, "cellar")
		return err
	}},
	"LabelTrusted": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		return h.LabelTrusted(ctx, a, "cellar", "0.0.0.0/0", "Everyone")
	}},
	"TeamRights": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.TeamRights(ctx, a, "acme")
		return err
	}},
	"SpaceRights": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SpaceRights(ctx, a, "cellar")
		return err
	}},
	"SpaceMembers": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.SpaceMembers(ctx, a, "cellar")
		return err
	}},
	"SetSpaceMember": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.SetSpaceMember(ctx, a, "cellar", "viewer@example.com", []string{"create_apps"})
		return err
	}},
	"TransferSpace": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.TransferSpace(ctx, a, "cellar", h.newTeam(ctx, a))
		return err
	}},
	"Spaces": {account, func(ctx context.Context, h *house, a cloister.Actor) error { _, err := h.Spaces(ctx, a); return err }},
	"SpaceDrain": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.SetSpaceDrain(ctx, h.admin, "cellar", "https://logs.example.com/")
		_, err := h.SpaceDrain(ctx, a, "cellar")
		return err
	}},
	"SetSpaceDrain": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SetSpaceDrain(ctx, a, "cellar", "https://logs.example.com/")
		return err
	}},
	"SetLimits": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SetLimits(ctx, a, "cellar", map[string]*int{"apps": new(30)})
		return err
	}},
	"Limits": {oversee, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Limits(ctx, a, "cellar")
		return err
	}},
	"Measure": {operator, func(ctx context.Context, h *house, a cloister.Actor) error { return h.Measure(ctx, a) }},
	"Events": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Events(ctx, a, cloister.EventFilter{}, 1)
		return err
	}},
	"Audit": {operator, func(ctx context.Context, h *house, a cloister.Actor) error { _, err := h.Audit(ctx, a); return err }},
	"Zones": {operator, func(ctx context.Context, h *house, a cloister.Actor) error { _, err := h.Zones(ctx, a); return err }},
	"FailZone": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.FailZone(ctx, a, "a")
		return err
	}},
	"HealZone": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.HealZone(ctx, a, "a")
		return err
	}},
	"Space": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Space(ctx, a, "cellar")
		return err
	}},
	"CreateSpace": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.CreateSpace(ctx, a, platform.SpaceSpec{Name: "tower", Team: "acme"})
		return err
	}},
	"RenameSpace": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.RenameSpace(ctx, a, "cellar", "crypt")
		return err
	}},
	"DestroySpace": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		if a.User.ID == h.admin.User.ID {
			if _, err := h.DestroyApp(ctx, a, "quiet-garth"); err != nil {
				return err
			}
		}
		_, err := h.DestroySpace(ctx, a, "cellar")
		return err
	}},
	"Ruleset": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Ruleset(ctx, a, "cellar")
		return err
	}},
	"Rulesets": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Rulesets(ctx, a, "cellar")
		return err
	}},
	"SetTrusted": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.SetTrusted(ctx, a, "cellar", []string{"198.51.100.0/24"}, nil)
		return err
	}},
	"RehearseTrusted": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.RehearseTrusted(ctx, a, "cellar", []string{"198.51.100.0/24"})
		return err
	}},
	"EgressRuleset": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.EgressRuleset(ctx, a, "cellar")
		return err
	}},
	"EgressRulesets": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.EgressRulesets(ctx, a, "cellar")
		return err
	}},
	"SetEgress": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.SetEgress(ctx, a, "cellar", []cloister.EgressSpec{{Target: "198.51.100.0/24", Protocol: "tcp", From: 443, To: 443}}, nil)
		return err
	}},
	"Peerings": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Peerings(ctx, a, "cellar")
		return err
	}},
	"RequestPeering": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.RequestPeering(ctx, a, "cellar", h.foreign.VPCID())
		return err
	}},
	"AcceptPeering": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.AcceptPeering(ctx, a, "cellar", h.office.Offer(h.cellar).ID)
		return err
	}},
	"DestroyPeering": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		if a.User.ID == h.admin.User.ID {
			if _, err := h.AcceptPeering(ctx, a, "cellar", h.office.Offer(h.cellar).ID); err != nil {
				return err
			}
		}
		_, err := h.DestroyPeering(ctx, a, "cellar", h.office.Offer(h.cellar).ID)
		return err
	}},
	"Topology": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Topology(ctx, a, "cellar")
		return err
	}},
	"SpaceDynos": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.SpaceDynos(ctx, a, "cellar")
		return err
	}},
}
