package endtoend

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A service is an add-on, and what control does for it: what does not run is started, what runs is looked at, names are
// those of what there is.
type service struct {
	*world
	kind  addon.Kind
	image string
	exec  addon.Exec

	mu      sync.Mutex
	spec    addon.Spec
	runs    int
	stopped map[string]bool // not to be started now
	names   []engine.Name
}

// start makes an add-on and tends it until the end of the test.
func (w *world) start(kind addon.Kind, image, name string, p cloister.Plan, options ...map[string]string) *service {
	w.Helper()
	v := &service{world: w, kind: kind, image: w.image(image), stopped: map[string]bool{}}
	v.exec = func(ctx context.Context, slot string, p engine.Process, t engine.Terminal) (int, error) {
		return w.engine.Exec(ctx, v.instance(slot).Workload, p, t)
	}
	v.spec = addon.Spec{Plan: p, Zones: 3, Addon: cloister.Addon{ID: cloister.NewID(), Name: name, PlanID: p.ID, State: cloister.Provisioned, CreatedAt: time.Now()},
		Credentials: []cloister.Credential{{Name: cloister.DefaultCredential, User: "u" + cloister.RandomHex(7), Password: cloister.NewToken(), State: cloister.CredentialActive}}}
	for _, o := range options {
		v.spec.Addon.Options = o
	}
	if err := kind.Check(p, v.spec.Addon.Options); err != nil {
		w.Fatal(err)
	}
	var err error
	if v.spec.Addon.Secrets, err = kind.Begin(v.spec, time.Now()); err != nil {
		w.Fatal(err)
	}
	for i, x := range kind.Instances(v.spec) {
		v.spec.Instances = append(v.spec.Instances, cloister.Instance{AddonID: v.spec.Addon.ID, Slot: x.Slot, Zone: string("abc"[i])})
	}
	ctx, cancel := context.WithCancel(w.Context())
	var tending sync.WaitGroup
	const every = 300 * time.Millisecond
	tending.Go(func() {
		for ctx.Err() == nil {
			v.tend(ctx)
			select {
			case <-time.After(every):
			case <-ctx.Done():
			}
		}
	})
	w.Cleanup(func() {
		cancel()
		tending.Wait()
		if w.Failed() {
			v.tell()
		}
		for _, i := range v.spec.Instances {
			w.engine.Drop(context.Background(), i.Workload)
			if err := w.engine.DropVolume(context.Background(), i.VolumeID()); err != nil {
				w.Error(err)
			}
		}
	})
	return v
}

// tend is one pass over all instances.
func (v *service) tend(ctx context.Context) {
	all, err := v.engine.List(ctx, v.spec.Addon.ID)
	if err != nil {
		return
	}
	spec := v.now()
	wanted := v.kind.Instances(spec)
	var each sync.WaitGroup
	for n, i := range spec.Instances {
		each.Go(func() {
			at := slices.IndexFunc(all, func(s engine.Status) bool { return s.ID == i.Workload })
			switch {
			case at < 0 && !v.isStopped(i.Slot):
				i = v.run(ctx, spec, wanted[n], i)
			case at < 0:
			case all[at].Phase == engine.Exited:
				v.engine.Drop(ctx, i.Workload)
				i.Workload, i.Address, i.Ready, i.Role = "", netip.Addr{}, false, ""
			default:
				i.Address = all[at].Address
				look, cancel := context.WithTimeout(ctx, 3*time.Second)
				defer cancel()
				h, err := v.kind.Look(look, spec, i.Slot, v.exec)
				i.Ready, i.Role = h.Ready && err == nil, h.Role
			}
			v.mu.Lock()
			v.spec.Instances[n] = i
			v.mu.Unlock()
			v.publish(ctx)
		})
	}
	each.Wait()
}

// run starts an instance.
func (v *service) run(ctx context.Context, spec addon.Spec, x addon.Instance, i cloister.Instance) cloister.Instance {
	v.mu.Lock()
	v.runs++
	i.Workload = fmt.Sprintf("%s-%s-%d", spec.Addon.ID, i.Slot, v.runs)
	v.mu.Unlock()
	run := v.kind.Run(spec, i.Slot)
	err := v.engine.Start(ctx, engine.Workload{ID: i.Workload, Owner: spec.Addon.ID, Space: v.space.ID, Subnet: engine.Data, Zone: i.Zone, Image: v.image,
		Command: run.Command, Env: run.Env, Size: x.Size, Hostname: i.Slot, Volumes: []engine.Volume{{ID: i.VolumeID(), Path: "/data", Size: x.Disk}}})
	if err != nil && ctx.Err() == nil {
		v.Errorf("start %s: %v", i.Slot, err)
	}
	return i
}

// publish gives names to what runs, and the add-on's own to whom clients are to come to.
func (v *service) publish(ctx context.Context) {
	spec := v.now()
	var names []engine.Name
	own := engine.Name{Name: spec.Addon.LocalName() + "."}
	for _, i := range spec.Instances {
		if !i.Address.IsValid() {
			continue
		}
		names = append(names, engine.Name{Name: spec.Addon.InstanceName(i.Slot) + ".", Addresses: []netip.Addr{i.Address}})
		if i.Ready && i.Role != "standby" && i.Slot != "2" && i.Slot != "monitor" {
			own.Addresses = append(own.Addresses, i.Address)
		}
	}
	if len(own.Addresses) > 0 {
		names = append(names, own)
	}
	v.mu.Lock()
	same := slices.EqualFunc(names, v.names, func(a, b engine.Name) bool { return a.Name == b.Name && slices.Equal(a.Addresses, b.Addresses) })
	v.names = names
	v.mu.Unlock()
	if !same && ctx.Err() == nil {
		v.world.names(spec.Addon.LocalName()+".", names)
	}
}

// now is the spec as it is at this moment.
func (v *service) now() addon.Spec {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.spec
	s.Instances, s.Credentials = slices.Clone(s.Instances), slices.Clone(s.Credentials)
	return s
}

func (v *service) isStopped(slot string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.stopped[slot]
}

func (v *service) instance(slot string) cloister.Instance {
	s := v.now()
	return s.Instances[slices.IndexFunc(s.Instances, func(i cloister.Instance) bool { return i.Slot == slot })]
}

// ready waits until all instances do their part.
func (v *service) ready(patience time.Duration) time.Duration {
	v.Helper()
	return v.until("all instances of "+v.spec.Addon.Name+" are ready", patience, func() bool {
		return !slices.ContainsFunc(v.now().Instances, func(i cloister.Instance) bool { return !i.Ready })
	})
}

// kill ends instances as nothing can prepare for, and they stay away until they are let back.
func (v *service) kill(slots ...string) {
	v.Helper()
	v.stop(0, slots...)
}

// stop ends instances within a grace, and they stay away until they are let back.
func (v *service) stop(grace time.Duration, slots ...string) {
	v.Helper()
	v.keep(true, slots)
	for _, slot := range slots {
		if i := v.instance(slot); i.Workload != "" {
			if err := v.engine.Stop(v.Context(), i.Workload, grace); err != nil {
				v.Fatal(err)
			}
		}
	}
}

// killAll kills all instances, and waits until they are gone.
func (v *service) killAll() {
	v.Helper()
	v.kill("0", "1", "2")
	for _, slot := range []string{"0", "1", "2"} {
		v.until("all are gone", time.Minute, func() bool { return v.instance(slot).Workload == "" })
	}
}

func (v *service) letBack(slots ...string) { v.keep(false, slots) }

func (v *service) keep(away bool, slots []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, slot := range slots {
		v.stopped[slot] = away
	}
}

// tell prints the last lines of all instances.
func (v *service) tell() {
	for _, i := range v.now().Instances {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		var lines []string
		for l, err := range v.engine.Logs(ctx, i.Workload, time.Time{}) {
			if err != nil {
				break
			}
			lines = append(lines, l.Text)
		}
		cancel()
		for _, l := range lines[max(0, len(lines)-40):] {
			v.Logf("%s %s: %s", i.Slot, i.Role, l)
		}
	}
}
