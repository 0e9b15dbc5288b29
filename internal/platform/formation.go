package platform

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A Scaling changes one process type; nil leaves that part as it is.
type Scaling struct {
	Type     string
	Quantity *int // absolute, or a difference when Relative
	Relative bool
	Size     *string
}

// Formation lists the process types of an app.
func (p *Platform) Formation(ctx context.Context, a cloister.Actor, ref string) (app AppInfo, out []cloister.ProcessType, err error) {
	err = p.view(ctx, a, func(tx *store.Tx) error {
		if app, err = p.app(tx, a, ref, viewApp); err != nil {
			return err
		}
		out, err = tx.Formation(app.ID)
		return err
	})
	return app, out, err
}

// byType is a formation as the audit trail has it.
func byType(types []cloister.ProcessType) map[string]string {
	out := map[string]string{}
	for _, t := range types {
		out[t.Type] = fmt.Sprintf("%d:%s", t.Quantity, t.Size)
	}
	return out
}

// Scale changes how many dynos of which size run each process type: all of the changes, or none. It returns the whole
// formation. A process type that is scaled by itself no longer is, once its quantity is set here.
func (p *Platform) Scale(ctx context.Context, a cloister.Actor, ref string, changes []Scaling) (app AppInfo, out []cloister.ProcessType, err error) {
	var said, ended []string
	err = p.update(ctx, a, func(tx *store.Tx) error {
		said, ended = nil, nil
		if app, err = p.app(tx, a, ref, operateApp); err != nil {
			return err
		}
		if out, err = tx.Formation(app.ID); err != nil {
			return err
		}
		before, was := count(out), slices.Clone(out)
		for _, c := range changes {
			t := find(out, c.Type)
			if t == nil {
				return cloister.Errorf(cloister.NotFound, "Couldn't find that process type (%s). %s", c.Type, knownTypes(out))
			}
			was := t.Quantity
			if err := scale(t, c, app.Space.Shield); err != nil {
				return err
			}
			if err := allow(tx, app.Space, cloister.LimitDynosPerType, "Process type "+t.Type, was, t.Quantity); err != nil {
				return err
			}
			t.UpdatedAt = tx.Now
			if err := tx.PutProcessType(*t); err != nil {
				return err
			}
			said = append(said, fmt.Sprintf("%s@%d:%s", t.Type, t.Quantity, t.Size))
			if c.Quantity == nil {
				continue
			}
			if line, err := byHand(tx, *t); err != nil {
				return err
			} else if line != "" {
				ended = append(ended, line)
			}
		}
		if count(out) > before { // what is over the limit already may always shrink
			if err := p.dynoLimit(tx, app, count(out)-before); err != nil {
				return err
			}
		}
		if err := tx.Changed("formation", app.ID, "update", strings.Join(said, " "), byType(was), byType(out)); err != nil {
			return err
		}
		return tx.Touch("app", app.ID)
	})
	if err == nil && len(said) > 0 {
		p.config.Log(app.ID, "Scaled to "+strings.Join(said, " ")+" by user "+a.User.Email)
		for _, line := range ended {
			p.config.Log(app.ID, line+" by user "+a.User.Email)
		}
	}
	return app, out, err
}

func find(types []cloister.ProcessType, name string) *cloister.ProcessType {
	for i := range types {
		if types[i].Type == name || types[i].ID == name {
			return &types[i]
		}
	}
	return nil
}

func knownTypes(types []cloister.ProcessType) string {
	if len(types) == 0 {
		return "The app has none: deploy it first."
	}
	var names []string
	for _, t := range types {
		names = append(names, t.Type)
	}
	return "The app has " + strings.Join(names, ", ") + "."
}

func scale(t *cloister.ProcessType, c Scaling, shield bool) error {
	if c.Quantity != nil {
		n := *c.Quantity
		if c.Relative {
			n += t.Quantity
		}
		if n < 0 {
			return cloister.Errorf(cloister.Invalid, "Cannot run %d dynos of %s. Choose 0 or more.", n, t.Type)
		}
		if n > 0 && t.Type == cloister.ReleaseType {
			return cloister.Errorf(cloister.Invalid, "Process type release can not be scaled: its command runs once for each release. Run it again with `heroku releases:retry`.")
		}
		t.Quantity = n
	}
	if c.Size != nil {
		size, err := cloister.SizeByName(*c.Size)
		if err != nil {
			return err
		}
		if size.Shield != shield {
			return cloister.Errorf(cloister.Invalid, "Dyno size %s does not fit this space: shield sizes are for Shield spaces only.", size.Name)
		}
		t.Size = size.Name
	}
	return nil
}

// dynoLimit refuses a formation that has just got more dynos, should they take the space over its limit.
func (p *Platform) dynoLimit(tx *store.Tx, app AppInfo, more int) error {
	n, err := tx.CountWanted(app.SpaceID)
	if err != nil {
		return err
	}
	return allow(tx, app.Space, cloister.LimitDynos, "Space "+app.Space.Name, n-more, n)
}

func count(types []cloister.ProcessType) (n int) {
	for _, t := range types {
		n += t.Quantity
	}
	return n
}
