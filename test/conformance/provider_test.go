package conformance_test

import (
	"context"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/control"
)

// A vendor pretends to be whoever provides add-ons: those of its plan "slow" it makes later, those of "full" never.
type vendor struct{}

func (vendor) Provision(_ context.Context, s cloister.AddonService, a cloister.Addon, plan string, _ cloister.Secret, _ time.Time) (control.Provided, error) {
	switch plan {
	case "slow":
		return control.Provided{ID: a.ID, Message: "It takes a while.", Pending: true}, nil
	case "full":
		return control.Provided{}, cloister.Errorf(cloister.Invalid, "There is no room.")
	}
	return vend(s, a, plan), nil
}

func (vendor) ChangePlan(_ context.Context, s cloister.AddonService, a cloister.Addon, plan string) (control.Provided, error) {
	return vend(s, a, plan), nil
}

func (vendor) Deprovision(context.Context, cloister.AddonService, cloister.Addon) (pending bool, err error) {
	return false, nil
}

func vend(s cloister.AddonService, a cloister.Addon, plan string) control.Provided {
	return control.Provided{ID: a.ID, Config: map[string]cloister.Secret{s.Prefix + "_URL": cloister.Secret("acme://" + plan + "/" + a.Options["size"])}}
}
