package control

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
	"github.com/cloister-dev/cloister/internal/engine"
)

// Services asks the data services that run, and has things done to them, for those who may: package platform has been asked.
type Services struct{ c *Control }

// Services are the data services of add-ons.
func (c *Control) Services() Services { return Services{c} }

// of finds an add-on that is made of workloads, and the kind of its service.
func (s Services) of(ctx context.Context, id string) (addonState, addon.Kind, error) {
	state, err := s.c.addonState(ctx, id)
	if err != nil {
		return state, nil, err
	}
	kind, ok := s.c.config.Kinds[state.service.Kind]
	if !ok {
		return state, nil, cloister.Errorf(cloister.Unsupported, "%s is no data service of this installation.", state.addon.Name)
	}
	return state, kind, nil
}

// ask finds an add-on as of does, as its kind takes it.
func (s Services) ask(ctx context.Context, id string) (addonState, addon.Kind, addon.Spec, error) {
	state, kind, err := s.of(ctx, id)
	if err != nil {
		return state, nil, addon.Spec{}, err
	}
	zones, err := s.c.zones(ctx)
	return state, kind, state.spec(len(zones)), err
}

// Info is what an add-on says of itself now.
func (s Services) Info(ctx context.Context, id string) ([]cloister.Fact, error) {
	state, kind, spec, err := s.ask(ctx, id)
	if err != nil {
		return nil, err
	}
	return kind.Info(ctx, spec, s.c.inside(state)), nil
}

// Settings are those of an add-on's service.
func (s Services) Settings(ctx context.Context, id string) ([]cloister.Setting, error) {
	_, kind, spec, err := s.ask(ctx, id)
	if err != nil {
		return nil, err
	}
	return kind.Settings(spec), nil
}

// Do has something done to an add-on's service, by its name; what its kind does not know is Unsupported.
func (s Services) Do(ctx context.Context, id, what string) error {
	state, kind, spec, err := s.ask(ctx, id)
	if err != nil {
		return err
	}
	do, ok := kind.Deeds()[what]
	if !ok {
		return cloister.Errorf(cloister.Unsupported, "%s cannot do that: %s.", state.service.HumanName, what)
	}
	return do(ctx, spec, s.c.inside(state))
}

// Dial connects to an add-on where clients come to it, whatever is on both sides of in and out: at its primary, or wherever it
// is ready. host is a name of the add-on or of one of its instances, as it is known in the space.
func (s Services) Dial(ctx context.Context, id, address string, t engine.Terminal) (int, error) {
	state, kind, err := s.of(ctx, id)
	if err != nil {
		return 0, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || port != strconv.Itoa(kind.Port()) {
		return 1, turnAway(t.Err, "%s answers at port %d alone.", state.addon.Name, kind.Port())
	}
	at := slices.IndexFunc(state.instances, func(i cloister.Instance) bool {
		return host == state.addon.InstanceName(i.Slot) || host == state.addon.LocalName() && i.Ready && i.Role != "standby"
	})
	if at < 0 {
		return 1, turnAway(t.Err, "Nothing that is ready is called %s.", host)
	}
	return s.c.inside(state)(ctx, state.instances[at].Slot, engine.Process{Dial: net.JoinHostPort("0.0.0.0", port)}, t)
}

func turnAway(w io.Writer, format string, args ...any) error {
	if w == nil {
		return nil
	}
	_, err := fmt.Fprintf(w, format+"\n", args...)
	return err
}
