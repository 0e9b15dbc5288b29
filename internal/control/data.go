package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/store"
)

const (
	lookTimeout = 5 * time.Second
	oldPassword = 2 * time.Minute // for so long one that was replaced is good: until the dynos that have it are gone
)

// stepData looks after an add-on inside a space: its instances run, their names lead to them, and it is as it is wanted.
func (c *Control) stepData(ctx context.Context, s addonState, kind addon.Kind) (time.Duration, error) {
	if s.space.State == cloister.Allocating {
		return time.Second, nil // its network comes first
	}
	zones, err := c.zones(ctx)
	if err != nil {
		return 0, err
	}
	waits, err := c.leaving(ctx, s)
	if err != nil {
		return 0, err
	}
	ends := s.addon.State == cloister.Deprovisioning && !waits
	if waits { // as if nothing were
		s.addon.State = cloister.Provisioned
	}
	if len(s.addon.Secrets) == 0 && !ends {
		if err := c.begin(ctx, s, kind, len(zones)); err != nil {
			return 0, err
		}
		return time.Millisecond, nil
	}
	seen, err := c.engine.List(ctx, addonOwner+s.addon.ID)
	if err != nil {
		return 0, err
	}
	state := plan.DataState{Addon: s.addon, Instances: s.instances, Seen: seen, Zones: zones, NewID: cloister.NewID}
	spec := s.spec(len(zones))
	if !ends {
		for _, i := range kind.Instances(spec) {
			state.Want = append(state.Want, plan.Slot{Name: i.Slot, Serve: i.Serve, Mark: mark(i)})
		}
		state.Looks = c.lookAll(ctx, s, kind, spec, seen)
	}
	p := plan.Data(state, time.Now())
	again, err := c.carryOutData(ctx, s, kind, spec, p)
	if again > 0 && (p.Again == 0 || again < p.Again) {
		p.Again = again
	}
	return p.Again, err
}

// mark says what of an instance takes another run to change.
func mark(i addon.Instance) string { return fmt.Sprintf("%d/%d", i.Size.Memory, i.Size.CPU) }

// begin makes what an add-on needs for all its life.
func (c *Control) begin(ctx context.Context, s addonState, kind addon.Kind, zones int) error {
	secrets, err := kind.Begin(s.spec(zones), time.Now())
	if err != nil {
		return err
	}
	return c.store.Update(ctx, func(tx *store.Tx) error {
		now, err := tx.Addon(s.addon.ID)
		if err != nil || len(now.Secrets) > 0 || now.State != cloister.Provisioning {
			return err
		}
		now.Secrets = secrets
		if err := tx.InsertCredential(cloister.Credential{AddonID: now.ID, Name: cloister.DefaultCredential, User: "u" + cloister.RandomHex(7),
			Password: cloister.Secret("p" + cloister.RandomHex(32)), State: cloister.CredentialWaiting, CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
			return err
		}
		return tx.UpdateAddon(now)
	})
}

// lookAll looks at the instances that run, all at once.
func (c *Control) lookAll(ctx context.Context, s addonState, kind addon.Kind, spec addon.Spec, seen []engine.Status) map[string]plan.Look {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	out := map[string]plan.Look{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, i := range s.instances {
		at := slices.IndexFunc(seen, func(w engine.Status) bool { return w.ID == i.Workload })
		if at < 0 || seen[at].Phase != engine.Running {
			continue
		}
		c.logs.Ensure(i.Workload, s.addon.AppID, s.service.Kind+"."+i.Slot) // in this life of ours nobody may follow it yet
		all.Go(func() {
			h, err := kind.Look(ctx, spec, i.Slot, c.inside(s))
			if err != nil {
				return // it is as if it were not ready
			}
			mu.Lock()
			defer mu.Unlock()
			out[i.Slot] = plan.Look{Ready: h.Ready, Role: h.Role}
		})
	}
	all.Wait()
	return out
}

// inside runs processes in the instances of an add-on.
func (c *Control) inside(s addonState) addon.Exec {
	return func(ctx context.Context, slot string, p engine.Process, t engine.Terminal) (int, error) {
		for _, i := range s.instances {
			if i.Slot == slot && i.Workload != "" {
				return c.engine.Exec(ctx, i.Workload, p, t)
			}
		}
		return 0, cloister.Errorf(cloister.Unavailable, "Instance %s of %s does not run now. Try again in a moment.", slot, s.addon.Name)
	}
}

// carryOutData does what a plan says, in its order.
func (c *Control) carryOutData(ctx context.Context, s addonState, kind addon.Kind, spec addon.Spec, p plan.DataPlan) (time.Duration, error) {
	if len(p.Put) > 0 {
		if err := c.store.Update(ctx, func(tx *store.Tx) error {
			for _, i := range p.Put {
				if err := tx.PutInstance(i); err != nil {
					return err
				}
			}
			return tx.Touch("space", s.addon.SpaceID) // whose names lead to them
		}); err != nil {
			return 0, err
		}
	}
	err := errors.Join(c.stop(ctx, p.Stop), c.drop(ctx, p.Drop))
	if err != nil {
		return 0, err
	}
	if p.Gone {
		return 0, c.dropData(ctx, s)
	}
	s.instances = p.Instances
	spec.Instances = p.Instances
	if err := c.startInstances(ctx, s, kind, spec, p.Start); err != nil {
		return 0, err
	}
	if !p.Ready || s.addon.State == cloister.Provisioned && !s.addon.Changing {
		return 0, nil
	}
	return c.settle(ctx, s, kind, spec)
}

func (c *Control) startInstances(ctx context.Context, s addonState, kind addon.Kind, spec addon.Spec, start []cloister.Instance) error {
	var errs []error
	for _, i := range start {
		w, err := c.instanceWorkload(ctx, s, kind, spec, i)
		if err == nil {
			err = c.engine.Start(ctx, w)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		c.logs.Ensure(i.Workload, s.addon.AppID, s.service.Kind+"."+i.Slot)
		c.log.Info("instance started", "addon", s.addon.Name, "slot", i.Slot, "zone", i.Zone, "failures", i.Failures)
	}
	return errors.Join(errs...)
}

// instanceWorkload is what the engine has to run for an instance.
func (c *Control) instanceWorkload(ctx context.Context, s addonState, kind addon.Kind, spec addon.Spec, i cloister.Instance) (engine.Workload, error) {
	all := kind.Instances(spec)
	at := slices.IndexFunc(all, func(x addon.Instance) bool { return x.Slot == i.Slot })
	if at < 0 {
		return engine.Workload{}, cloister.Errorf(cloister.Invalid, "%s has no instance %s.", s.addon.Name, i.Slot)
	}
	want := all[at]
	var image string
	err := c.store.View(ctx, func(tx *store.Tx) (err error) { image, err = tx.Image(want.Image); return err })
	if cloister.KindOf(err) == cloister.NotFound {
		err = cloister.Errorf(cloister.Unavailable, "The image %s was not made yet. An operator makes it with `cloister services:ensure %s`.", want.Image, want.Image)
	}
	run := kind.Run(spec, i.Slot)
	return engine.Workload{ID: i.Workload, Owner: addonOwner + s.addon.ID, Space: s.addon.SpaceID, Subnet: engine.Data, Zone: i.Zone, Image: image,
		Command: run.Command, Env: run.Env, Size: want.Size, Hostname: i.Slot, Volumes: []engine.Volume{{ID: i.VolumeID(), Path: "/data", Size: want.Disk}},
		Labels: map[string]string{"addon": s.addon.Name, "slot": i.Slot, plan.MarkLabel: mark(want)}}, err
}

// settle makes a service that clients can come to as it is wanted, and tells the apps that have it.
func (c *Control) settle(ctx context.Context, s addonState, kind addon.Kind, spec addon.Spec) (time.Duration, error) {
	if err := kind.Apply(ctx, spec, c.inside(s)); err != nil {
		return 0, err
	}
	say := func() {}
	var again time.Duration
	err := c.store.Update(ctx, func(tx *store.Tx) (err error) {
		now, err := tx.Addon(s.addon.ID)
		if err != nil || now.State == cloister.Deprovisioning {
			return err
		}
		credentials, wait, err := settleCredentials(tx, spec.Credentials)
		if err != nil {
			return err
		}
		again = wait
		fresh := spec
		fresh.Credentials = credentials
		why := updated(s.service)
		if now.State == cloister.Provisioning {
			why = completed(now)
		}
		if say, err = c.bind(tx, s, kind.Config(fresh), why); err != nil {
			return err
		}
		was := now
		now.State = cloister.Provisioned
		if wait == 0 && now.UpdatedAt.Equal(s.addon.UpdatedAt) { // else there is more to do by now
			now.Changing = false
		}
		if now.State == was.State && now.Changing == was.Changing {
			return nil // it would be looked at again at once
		}
		return tx.UpdateAddon(now)
	})
	if err != nil {
		return 0, err
	}
	say()
	if s.addon.State == cloister.Provisioning {
		c.log.Info("add-on provisioned", "addon", s.addon.Name, "service", s.service.Name, "plan", s.plan.Name, "took", time.Since(s.addon.CreatedAt))
	}
	return again, nil
}

// settleCredentials records that credentials are as they were wanted, and returns those that there are then. again is when an
// old password is to end.
func settleCredentials(tx *store.Tx, all []cloister.Credential) (left []cloister.Credential, again time.Duration, err error) {
	for _, c := range all {
		switch until := c.UpdatedAt.Add(oldPassword).Sub(tx.Now); {
		case c.State == cloister.CredentialRevoking:
			if err := errors.Join(tx.DeleteCredential(c), tx.DeleteAddonConfig(c.AddonID, c.Namespace())); err != nil {
				return nil, 0, err
			}
			continue
		case c.State == cloister.CredentialActive:
		case c.Old != "" && until > 0:
			if again == 0 || until < again {
				again = until
			}
		default:
			if c.Old == "" {
				c.State = cloister.CredentialActive
			} else { // the next step takes it from the service
				c.Old, again = "", time.Millisecond
			}
			if err := tx.UpdateCredential(c); err != nil {
				return nil, 0, err
			}
		}
		left = append(left, c)
	}
	return left, again, nil
}

// dropData takes away what is left of an add-on that has ended: its volumes, and then its row.
func (c *Control) dropData(ctx context.Context, s addonState) error {
	for _, i := range s.instances {
		if err := c.engine.DropVolume(ctx, i.VolumeID()); err != nil {
			return err
		}
	}
	if err := c.store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteAddon(s.addon.ID); err != nil {
			return err
		}
		return tx.Touch("space", s.addon.SpaceID)
	}); err != nil {
		return err
	}
	c.log.Info("add-on destroyed", "addon", s.addon.Name)
	return nil
}
