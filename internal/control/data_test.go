package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/fake"
	"github.com/cloister-dev/cloister/internal/store"
)

// A vault is a kind of data service with two instances, of which "0" is the primary unless told otherwise. It remembers the
// passwords that it was last told of.
type vault struct {
	mu        sync.Mutex
	primary   string
	passwords []string
	unwell    bool
	refuses   error
	data      string
}

func (v *vault) Check(cloister.Plan, map[string]string) error { return nil }

func (v *vault) Begin(addon.Spec, time.Time) (map[string]cloister.Secret, error) {
	return map[string]cloister.Secret{"authority": "key"}, nil
}

func (v *vault) Instances(s addon.Spec) []addon.Instance {
	size := engine.Size{Memory: s.Plan.Shape.Memory, CPU: s.Plan.Shape.CPU}
	return []addon.Instance{{Slot: "0", Image: "vault-1", Size: size, Disk: 1 << 20, Serve: true}, {Slot: "1", Image: "vault-1", Size: size, Disk: 1 << 20, Serve: true}}
}

func (v *vault) Run(s addon.Spec, slot string) addon.Run {
	return addon.Run{Command: []string{"keep", slot}, Env: map[string]string{"KEY": s.Addon.Secrets["authority"].Reveal()}}
}

func (v *vault) Look(_ context.Context, _ addon.Spec, slot string, _ addon.Exec) (addon.Health, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.unwell {
		return addon.Health{}, errors.New("unwell")
	}
	if slot == v.primary {
		return addon.Health{Ready: true, Role: "primary"}, nil
	}
	return addon.Health{Ready: true, Role: "standby"}, nil
}

func (v *vault) Apply(_ context.Context, s addon.Spec, _ addon.Exec) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.refuses != nil {
		return v.refuses
	}
	v.passwords = nil
	for _, c := range s.Credentials {
		for _, p := range []cloister.Secret{c.Password, c.Old} {
			if p != "" && c.State != cloister.CredentialRevoking {
				v.passwords = append(v.passwords, c.Name+" "+p.Reveal())
			}
		}
	}
	return nil
}

func (v *vault) CheckSetting(string, string) error                         { return nil }
func (v *vault) Settings(addon.Spec) []addon.Setting                       { return nil }
func (v *vault) Info(context.Context, addon.Spec, addon.Exec) []addon.Fact { return nil }
func (v *vault) Deeds() map[string]addon.Deed                              { return nil }
func (v *vault) Port() int                                                 { return 7000 }
func (v *vault) Config(s addon.Spec) (out map[string]map[string]cloister.Secret) {
	out = map[string]map[string]cloister.Secret{}
	for _, c := range s.Credentials {
		out[c.Namespace()] = map[string]cloister.Secret{"VAULT_URL": cloister.Secret("vault://" + c.Password.Reveal() + "@" + s.Addon.LocalName())}
	}
	return out
}

// Backup writes what is in the vault, a second later.
func (v *vault) Backup(ctx context.Context, _ addon.Spec, _ addon.Exec, w io.Writer) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Second):
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.refuses != nil {
		return v.refuses
	}
	_, err := io.WriteString(w, v.data)
	return err
}

// Restore reads it in again. What is no data of a vault is refused.
func (v *vault) Restore(_ context.Context, _ addon.Spec, _ addon.Exec, r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(text), "data") {
		return cloister.Errorf(cloister.Invalid, "It is broken.")
	}
	v.set(func() { v.data = string(text) })
	return nil
}

func (v *vault) set(fn func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fn()
}

func (v *vault) knows() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.passwords)
}

// inVault runs a test with a vault attached to the plant's app, which is there unless early.
func inVault(t *testing.T, early bool, test func(p *plant, v *vault, id string)) {
	t.Helper()
	v := &vault{primary: "0"}
	inPlantOf(t, map[string]addon.Kind{"vault": v}, func(p *plant) {
		p.obey(fake.Behaviour{Start: time.Second})
		id := cloister.NewID()
		p.update(func(tx *store.Tx) error {
			s := cloister.AddonService{ID: cloister.NewID(), Name: "vault", Kind: "vault", Prefix: "VAULT", CreatedAt: tx.Now, UpdatedAt: tx.Now}
			plan := cloister.Plan{ID: cloister.NewID(), ServiceID: s.ID, Name: "small", Shape: cloister.Shape{Memory: 1 << 20, CPU: 100}, CreatedAt: tx.Now}
			large := cloister.Plan{ID: cloister.NewID(), ServiceID: s.ID, Name: "large", Shape: cloister.Shape{Memory: 2 << 20, CPU: 100}, CreatedAt: tx.Now}
			return errors.Join(tx.InsertService(s), tx.PutPlan(plan), tx.PutPlan(large), tx.PutImage("vault-1", "sha256:v"),
				tx.InsertAddon(cloister.Addon{ID: id, Name: "vault-1", ServiceID: s.ID, PlanID: plan.ID, AppID: p.app.ID, SpaceID: p.space.ID, State: cloister.Provisioning, CreatedAt: tx.Now, UpdatedAt: tx.Now}),
				tx.InsertAttachment(cloister.Attachment{ID: cloister.NewID(), AddonID: id, AppID: p.app.ID, Name: "SAFE", CreatedAt: tx.Now, UpdatedAt: tx.Now}))
		})
		if !early {
			after(10 * time.Second)
			if a := p.addon(id); a.State != cloister.Provisioned {
				t.Fatalf("after ten seconds it is %s", a.State)
			}
		}
		test(p, v, id)
	})
}

func (p *plant) addon(id string) (a cloister.Addon) {
	p.look(func(tx *store.Tx) (err error) { a, err = tx.Addon(id); return err })
	return a
}

func (p *plant) config() (vars map[string]cloister.Secret, releases []string) {
	p.look(func(tx *store.Tx) error {
		app, err := tx.App(p.app.ID)
		if err != nil {
			return err
		}
		vars = app.Config
		all, err := tx.Releases(p.app.ID)
		for _, r := range all {
			releases = append(releases, r.Description)
		}
		return err
	})
	return vars, releases
}

// names are those of the space that lead somewhere, each with how many addresses.
func (p *plant) names() string {
	s, _ := p.fake.Space(p.space.ID)
	var out []string
	for _, n := range s.Names {
		if strings.Contains(n.Name, ".data.localspace.") {
			out = append(out, fmt.Sprintf("%s %d", strings.TrimSuffix(n.Name, ".data.localspace."), len(n.Addresses)))
		}
	}
	return strings.Join(out, ", ")
}

func TestADataServiceIsMadeInsideItsSpace(t *testing.T) {
	inVault(t, false, func(p *plant, v *vault, id string) {
		runs, err := p.fake.List(t.Context(), addonOwner+id)
		if err != nil || len(runs) != 2 || runs[0].Zone == runs[1].Zone {
			t.Fatalf("there are %+v, %v", runs, err)
		}
		for _, r := range runs {
			if r.Space != p.space.ID || !p.space.DataCIDR.Contains(r.Address) {
				t.Errorf("an instance is at %s", r.Address)
			}
		}
		vars, releases := p.config()
		if releases[0] != "@ref:vault-1 completed provisioning, setting SAFE_URL." || !strings.HasPrefix(vars["SAFE_URL"].Reveal(), "vault://p") {
			t.Errorf("after %q the app has %d config vars", releases[0], len(vars))
		}
		if len(v.knows()) != 1 {
			t.Errorf("it knows %d passwords", len(v.knows()))
		}
		if got := p.names(); got != "0.vault-1 1, 1.vault-1 1, vault-1 1" {
			t.Errorf("names are %s", got)
		}
	})
}

func TestItsNameFollowsThePrimary(t *testing.T) {
	inVault(t, false, func(p *plant, v *vault, id string) {
		address := func(name string) string {
			s, _ := p.fake.Space(p.space.ID)
			for _, n := range s.Names {
				if n.Name == name+".data.localspace." {
					return n.Addresses[0].String()
				}
			}
			return ""
		}
		if address("vault-1") != address("0.vault-1") {
			t.Error("it does not lead to the primary")
		}
		v.set(func() { v.primary = "1" })
		after(4 * time.Second)
		if address("vault-1") != address("1.vault-1") {
			t.Error("it does not lead to the new primary")
		}
		v.set(func() { v.unwell = true })
		after(4 * time.Second)
		if got := p.names(); got != "0.vault-1 1, 1.vault-1 1" {
			t.Errorf("while nobody is well the names are %s", got)
		}
	})
}

func TestAnOldPasswordIsGoodUntilDynosHaveTheNew(t *testing.T) {
	inVault(t, false, func(p *plant, v *vault, id string) {
		first, _ := p.config()
		rotate := func(forced bool) {
			p.update(func(tx *store.Tx) error {
				a, err := tx.Addon(id)
				if err != nil {
					return err
				}
				all, err := tx.Credentials(id)
				if err != nil {
					return err
				}
				c := all[0]
				c.Old, c.Password, c.State = c.Password, cloister.NewToken(), cloister.CredentialRotating
				if forced {
					c.Old = ""
				}
				a.Changing = true
				return errors.Join(tx.UpdateCredential(c), tx.UpdateAddon(a))
			})
		}
		rotate(false)
		after(time.Second)
		second, releases := p.config()
		if second["SAFE_URL"] == first["SAFE_URL"] || releases[0] != "Update SAFE by vault" || len(v.knows()) != 2 {
			t.Errorf("after %q it knows %d passwords", releases[0], len(v.knows()))
		}
		after(oldPassword)
		if a := p.addon(id); a.Changing || len(v.knows()) != 1 {
			t.Errorf("two minutes later it knows %d passwords, changing %v", len(v.knows()), a.Changing)
		}
		if _, now := p.config(); len(now) != len(releases) {
			t.Errorf("the end of a password made a release: %q", now[0])
		}
		rotate(true)
		after(time.Second)
		if a := p.addon(id); a.Changing || len(v.knows()) != 1 {
			t.Errorf("forced it knows %d passwords, changing %v", len(v.knows()), a.Changing)
		}
	})
}

func TestAChangeThatFailsIsTriedUntilItIsDone(t *testing.T) {
	inVault(t, false, func(p *plant, v *vault, id string) {
		v.set(func() { v.refuses = errors.New("the disk is full") })
		p.update(func(tx *store.Tx) error {
			a, err := tx.Addon(id)
			a.Changing = true
			return errors.Join(err, tx.UpdateAddon(a), tx.InsertCredential(cloister.Credential{AddonID: id, Name: "reader", User: "reader", Password: "r",
				State: cloister.CredentialWaiting, CreatedAt: tx.Now, UpdatedAt: tx.Now}))
		})
		after(time.Minute)
		if w := p.work("addon", id); w == nil || w.LastError != "the disk is full" || !p.addon(id).Changing {
			t.Errorf("its work is %+v", w)
		}
		v.set(func() { v.refuses = nil })
		after(2 * time.Minute)
		var all []cloister.Credential
		p.look(func(tx *store.Tx) (err error) { all, err = tx.Credentials(id); return err })
		if p.addon(id).Changing || len(all) != 2 || all[1].State != cloister.CredentialActive {
			t.Errorf("then there are %+v", all)
		}
	})
}

func TestAnAddonOutlivesControlAndItsInstances(t *testing.T) {
	inVault(t, true, func(p *plant, v *vault, id string) {
		for range 12 { // wherever it is cut, it goes on
			after(400 * time.Millisecond)
			p.stop()
			p.start()
		}
		after(10 * time.Second)
		if a := p.addon(id); a.State != cloister.Provisioned {
			t.Fatalf("it is %s", a.State)
		}
		runs, _ := p.fake.List(t.Context(), addonOwner+id)
		if len(runs) != 2 {
			t.Fatalf("there are %d", len(runs))
		}
		p.fake.Crash(runs[0].ID, 1)
		p.fake.Lose(runs[1].ID)
		after(10 * time.Second)
		now, _ := p.fake.List(t.Context(), addonOwner+id)
		if len(now) != 2 || now[0].Phase != engine.Running || now[1].Phase != engine.Running || p.names() != "0.vault-1 1, 1.vault-1 1, vault-1 1" {
			t.Errorf("there are %+v, by the names %s", now, p.names())
		}
	})
}

func TestWhatIsDestroyedLeavesNothing(t *testing.T) {
	inVault(t, false, func(p *plant, v *vault, id string) {
		p.update(func(tx *store.Tx) error { return tx.DeleteApp(p.app.ID) })
		p.update(func(tx *store.Tx) error {
			return errors.Join(tx.SetSpaceState(p.space.ID, cloister.Deleting), tx.Touch("space", p.space.ID))
		})
		after(time.Minute)
		runs, _ := p.fake.List(t.Context(), "")
		if len(runs) != 0 {
			t.Errorf("there are %+v", runs)
		}
		p.spaceIsGone()
		p.look(func(tx *store.Tx) error {
			all, err := tx.Addons(store.AddonFilter{})
			if len(all) > 0 {
				t.Errorf("there is %s still", all[0].Name)
			}
			return err
		})
	})
}
