package platform_test

import (
	"context"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// need says what it takes to do something.
type need int

const (
	account  need = iota // being signed in
	oversee              // a place in the team, or to be an operator of the installation
	view                 // a place in the team
	see                  // a place in the team, or any permission of the app
	read                 // the permission to deploy the app, or to operate it
	deploy               // … to deploy it
	operate              // … to operate it
	manage               // … to manage it
	create               // … to create apps in the space
	admin                // the role of admin
	operator             // to be an operator of the installation
)

// deed is each thing that the platform does for an actor, in the house of newHouse after a deploy.
var deeds = map[string]struct {
	need need
	do   func(ctx context.Context, h *house, a cloister.Actor) error
}{
	"Team": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Team(ctx, a, "acme")
		return err
	}},
	"Members": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Members(ctx, a, "acme")
		return err
	}},
	"MemberApps": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.MemberApps(ctx, a, "acme", "admin@example.com")
		return err
	}},
	"AddMember": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.AddMember(ctx, a, "acme", "stranger@example.com", cloister.Viewer)
		return err
	}},
	"Collaborators": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, _, err := h.Collaborators(ctx, a, "quiet-garth")
		return err
	}},
	"AddCollaborator": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.AddCollaborator(ctx, a, "quiet-garth", h.newUser(ctx).Email, []string{"deploy"})
		return err
	}},
	"UpdateCollaborator": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.UpdateCollaborator(ctx, a, "quiet-garth", "views@example.com", []string{"deploy"})
		return err
	}},
	"RemoveCollaborator": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		u := h.newUser(ctx)
		if _, _, err := h.AddCollaborator(ctx, h.admin, "quiet-garth", u.Email, nil); err != nil {
			return err
		}
		_, _, err := h.RemoveCollaborator(ctx, a, "quiet-garth", u.Email)
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
	"RenameTeam": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.RenameTeam(ctx, a, "acme", "abbey")
		return err
	}},
	"DestroyTeam": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		team := "acme"
		if a.User.ID == h.admin.User.ID {
			team = h.newTeam(ctx, a) // acme has a space
		}
		_, err := h.DestroyTeam(ctx, a, team)
		return err
	}},
	"SetMember": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SetMember(ctx, a, "acme", "viewer@example.com", cloister.MemberRole)
		return err
	}},
	"RemoveMember": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		u := h.newUser(ctx)
		if _, err := h.AddMember(ctx, h.admin, "acme", u.Email, cloister.Viewer); err != nil {
			return err
		}
		_, err := h.RemoveMember(ctx, a, "acme", u.Email)
		return err
	}},
	"Permissions": {admin, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Permissions(ctx, a, "acme")
		return err
	}},
	"Teams":  {account, func(ctx context.Context, h *house, a cloister.Actor) error { _, err := h.Teams(ctx, a); return err }},
	"Spaces": {account, func(ctx context.Context, h *house, a cloister.Actor) error { _, err := h.Spaces(ctx, a); return err }},
	"Apps": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Apps(ctx, a, "acme", "cellar")
		return err
	}},
	"Stacks": {account, func(ctx context.Context, h *house, a cloister.Actor) error { _, err := h.Stacks(ctx, a); return err }},
	"CreateTeam": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.CreateTeam(ctx, a, "abbey")
		return err
	}},
	"CreateUser": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.CreateUser(ctx, a, "new@example.com", "long enough")
		return err
	}},
	"SetPassword": {operator, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SetPassword(ctx, a, "stranger@example.com", "another long one")
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
	"Zones": {operator, func(ctx context.Context, h *house, a cloister.Actor) error { _, err := h.Zones(ctx, a); return err }},
	"Features": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Features(ctx, a, "quiet-garth")
		return err
	}},
	"SetFeature": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.SetFeature(ctx, a, "quiet-garth", "preboot", false)
		return err
	}},
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
	"App": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.App(ctx, a, "quiet-garth")
		return err
	}},
	"CreateApp": {create, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.CreateApp(ctx, a, platform.AppSpec{Space: "cellar"})
		return err
	}},
	"UpdateApp": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		on := true
		_, err := h.UpdateApp(ctx, a, "quiet-garth", platform.AppChange{Maintenance: &on})
		return err
	}},
	"DestroyApp": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.DestroyApp(ctx, a, "quiet-garth")
		return err
	}},
	"LogsOf": {read, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.LogsOf(ctx, a, "quiet-garth")
		return err
	}},
	"Drains": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Drains(ctx, a, "quiet-garth")
		return err
	}},
	"Drain": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Drain(ctx, a, "quiet-garth", h.drain(ctx))
		return err
	}},
	"AddDrain": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.AddDrain(ctx, a, "quiet-garth", "syslog://logs.example.com")
		return err
	}},
	"RemoveDrain": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.RemoveDrain(ctx, a, "quiet-garth", h.drain(ctx))
		return err
	}},
	"Dynos": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Dynos(ctx, a, "quiet-garth")
		return err
	}},
	"Dyno": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Dyno(ctx, a, "quiet-garth", "web.1")
		return err
	}},
	"Restart": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Restart(ctx, a, "quiet-garth", "")
		return err
	}},
	"Run": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, _, err := h.Run(ctx, a, "quiet-garth", platform.RunSpec{Command: "bash", Attach: true})
		return err
	}},
	"RunInside": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.RunInside(ctx, a, "quiet-garth", "web.1", platform.RunSpec{Command: "bash"})
		return err
	}},
	"TerminalsOf": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.TerminalsOf(ctx, a, "quiet-garth")
		return err
	}},
	"Formation": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Formation(ctx, a, "quiet-garth")
		return err
	}},
	"Scale": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Scale(ctx, a, "quiet-garth", []platform.Scaling{{Type: "web", Quantity: new(2)}})
		return err
	}},
	"Releases": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Releases(ctx, a, "quiet-garth")
		return err
	}},
	"Release": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Release(ctx, a, "quiet-garth", "v2")
		return err
	}},
	"ReleaseConfig": {read, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.ReleaseConfig(ctx, a, "quiet-garth", "2")
		return err
	}},
	"Rollback": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Rollback(ctx, a, "quiet-garth", "v2")
		return err
	}},
	"ReleaseSlug": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, r, err := h.Release(ctx, h.admin, "quiet-garth", "2")
		if err != nil {
			return err
		}
		_, _, err = h.ReleaseSlug(ctx, a, "quiet-garth", r.SlugID, "")
		return err
	}},
	"CreateSlug": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.CreateSlug(ctx, a, "quiet-garth", platform.SlugSpec{ProcessTypes: map[string]string{"web": "serve"}})
		return err
	}},
	"Slug": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, r, err := h.Release(ctx, h.admin, "quiet-garth", "2")
		if err != nil {
			return err
		}
		_, _, err = h.Slug(ctx, a, "quiet-garth", r.SlugID)
		return err
	}},
	"Config": {read, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Config(ctx, a, "quiet-garth")
		return err
	}},
	"SetConfig": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SetConfig(ctx, a, "quiet-garth", map[string]*cloister.Secret{"A": new(cloister.Secret("1"))})
		return err
	}},
	"Builds": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Builds(ctx, a, "quiet-garth")
		return err
	}},
	"Build": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, b, err := h.CreateBuild(ctx, h.admin, "quiet-garth", platform.BuildSpec{SourceURL: "https://example.com/s.tgz"})
		if err != nil {
			return err
		}
		_, _, err = h.Build(ctx, a, "quiet-garth", b.ID)
		return err
	}},
	"CreateBuild": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.CreateBuild(ctx, a, "quiet-garth", platform.BuildSpec{SourceURL: "https://example.com/s.tgz"})
		return err
	}},
	"CancelBuild": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, b, err := h.CreateBuild(ctx, h.admin, "quiet-garth", platform.BuildSpec{SourceURL: "https://example.com/s.tgz"})
		if err != nil {
			return err
		}
		_, _, err = h.CancelBuild(ctx, a, "quiet-garth", b.ID)
		return err
	}},
	"Pushed": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error { return h.Pushed(ctx, a, "quiet-garth", 1) }},
	"Repository": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Repository(ctx, a, "quiet-garth", false)
		return err
	}},
	"SetBuildpacks": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SetBuildpacks(ctx, a, "quiet-garth", nil)
		return err
	}},
	"Authorizations": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Authorizations(ctx, a)
		return err
	}},
	"CreateAuthorization": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.CreateAuthorization(ctx, a, "", nil, time.Hour)
		return err
	}},
}

// Each of these has a test of its own: they are for those who have no account yet, or about a person's own tokens.
var others = map[string]bool{"SetUp": true, "SignIn": true, "Authenticate": true, "Regions": true, "Authorization": true,
	"DescribeAuthorization": true, "RotateAuthorization": true, "RevokeAuthorization": true}
