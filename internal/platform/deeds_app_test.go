package platform_test

import (
	"context"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// appDeeds are about apps.
var appDeeds = map[string]deed{
	"AppRights": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.AppRights(ctx, a, "quiet-garth")
		return err
	}},
	"SetACM": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SetACM(ctx, a, "quiet-garth", true)
		return err
	}},
	"RefreshACM": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		h.SetACM(ctx, h.admin, "quiet-garth", true)
		_, err := h.RefreshACM(ctx, a, "quiet-garth")
		return err
	}},
	"Domains": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Domains(ctx, a, "quiet-garth")
		return err
	}},
	"Domain": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Domain(ctx, a, "quiet-garth", h.domained(ctx))
		return err
	}},
	"AddDomain": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.AddDomain(ctx, a, "quiet-garth", "www.example.com", "")
		return err
	}},
	"PinDomain": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.PinDomain(ctx, a, "quiet-garth", h.domained(ctx), h.certified(ctx))
		return err
	}},
	"SetClients": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.SetClients(ctx, a, "quiet-garth", h.domained(ctx), "")
		return err
	}},
	"RemoveDomain": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.RemoveDomain(ctx, a, "quiet-garth", h.domained(ctx))
		return err
	}},
	"Endpoints": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Endpoints(ctx, a, "quiet-garth")
		return err
	}},
	"Endpoint": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Endpoint(ctx, a, "quiet-garth", h.certified(ctx))
		return err
	}},
	"AddEndpoint": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.AddEndpoint(ctx, a, "quiet-garth", certificate("www.example.com"))
		return err
	}},
	"ChangeEndpoint": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.ChangeEndpoint(ctx, a, "quiet-garth", h.certified(ctx), certificate("www.example.com"))
		return err
	}},
	"RemoveEndpoint": {manage, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.RemoveEndpoint(ctx, a, "quiet-garth", h.certified(ctx))
		return err
	}},
	"Apps": {view, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Apps(ctx, a, "acme", "cellar")
		return err
	}},
	"Upload": {upload, func(ctx context.Context, h *house, a cloister.Actor) error { return h.Upload(ctx, a) }},
	"Stacks": {account, func(ctx context.Context, h *house, a cloister.Actor) error { _, err := h.Stacks(ctx, a); return err }},
	"Features": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Features(ctx, a, "quiet-garth")
		return err
	}},
	"SetFeature": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.SetFeature(ctx, a, "quiet-garth", "preboot", false)
		return err
	}},
	"Autoscale": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Autoscale(ctx, a, "quiet-garth", "web")
		return err
	}},
	"SetAutoscale": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.SetAutoscale(ctx, a, "quiet-garth", "web", platform.AutoscaleChange{Min: new(1), Max: new(3)})
		return err
	}},
	"Errors": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Errors(ctx, a, "quiet-garth", "", time.Time{}, h.clock())
		return err
	}},
	"App": {see, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.App(ctx, a, "quiet-garth")
		return err
	}},
	"AppsByID": {account, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.AppsByID(ctx, a, []string{"x"})
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
	"Webhooks": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Webhooks(ctx, a, "quiet-garth")
		return err
	}},
	"Webhook": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Webhook(ctx, a, "quiet-garth", h.hook(ctx))
		return err
	}},
	"AddWebhook": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.AddWebhook(ctx, a, "quiet-garth", hookSpec)
		return err
	}},
	"ChangeWebhook": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.ChangeWebhook(ctx, a, "quiet-garth", h.hook(ctx), platform.WebhookChange{Level: &hookSpec.Level})
		return err
	}},
	"RemoveWebhook": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.RemoveWebhook(ctx, a, "quiet-garth", h.hook(ctx))
		return err
	}},
	"Deliveries": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Deliveries(ctx, a, "quiet-garth")
		return err
	}},
	"Delivery": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.Delivery(ctx, a, "quiet-garth", h.delivery(ctx))
		return err
	}},
	"WebhookEvents": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.WebhookEvents(ctx, a, "quiet-garth")
		return err
	}},
	"WebhookEvent": {operate, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, err := h.WebhookEvent(ctx, a, "quiet-garth", h.hookEvent(ctx))
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
	"Enter": {deploy, func(ctx context.Context, h *house, a cloister.Actor) error {
		_, _, err := h.Enter(ctx, a, "quiet-garth", "web.1")
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
}
