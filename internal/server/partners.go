package server

import (
	"context"
	"net/http"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/control"
	"github.com/cloister-dev/cloister/internal/partner"
)

// partners calls the providers of add-ons for control.
type partners struct {
	http *http.Client
	api  string // the address of the Platform API, as providers reach it
}

func (p partners) client(s cloister.AddonService) *partner.Client {
	m := partner.Manifest{ID: s.Name, Name: s.HumanName}
	m.API.Prefix, m.API.Password, m.API.Requires, m.API.Production.BaseURL = s.Prefix, s.Provider.Password, s.Provider.Requires, s.Provider.URL
	return partner.New(p.http, m)
}

// Provision has the provider make an add-on.
func (p partners) Provision(ctx context.Context, s cloister.AddonService, a cloister.Addon, plan string, grant cloister.Secret, expires time.Time) (control.Provided, error) {
	region := a.Region
	for _, r := range cloister.Regions {
		if r.Name == a.Region {
			region = r.Provider + "::" + r.ProviderRegion
		}
	}
	out, err := p.client(s).Provision(ctx, partner.Resource{ID: a.ID, Name: a.Name, Plan: plan, Region: region, CallbackURL: p.api + "/addons/" + a.ID,
		Grant: &partner.Grant{Code: grant, ExpiresAt: expires}, Options: a.Options, LogDrainToken: "d." + a.ID})
	return provided(out), err
}

// ChangePlan has it give another plan to one.
func (p partners) ChangePlan(ctx context.Context, s cloister.AddonService, a cloister.Addon, plan string) (control.Provided, error) {
	out, err := p.client(s).ChangePlan(ctx, resourceID(a), plan)
	return provided(out), err
}

// Deprovision has it end one.
func (p partners) Deprovision(ctx context.Context, s cloister.AddonService, a cloister.Addon) (bool, error) {
	return p.client(s).Deprovision(ctx, resourceID(a))
}

// resourceID is what the provider calls an add-on, or would if its answer had come through.
func resourceID(a cloister.Addon) string {
	if a.ProviderID != "" {
		return a.ProviderID
	}
	return a.ID
}

func provided(a partner.Answer) control.Provided {
	return control.Provided{ID: a.ID, Message: a.Message, Pending: a.Pending, Config: a.Config, Drain: a.LogDrainURL}
}
