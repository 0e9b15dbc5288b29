package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A vendor provides add-ons, as well as it is told to. It tells calls apart by the add-on's id.
type vendor struct {
	mu      sync.Mutex
	made    map[string]string // plan by id
	calls   []string
	pending bool  // it says later that it is through
	lost    bool  // it does what it is called for, and its answer is lost
	refuses error // what it answers instead
	grants  []cloister.Secret
}

func (v *vendor) call(what string, a cloister.Addon, do func()) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls = append(v.calls, what)
	if v.refuses != nil {
		return v.refuses
	}
	do()
	if v.lost {
		return errors.New("the connection was cut")
	}
	return nil
}

func (v *vendor) Provision(_ context.Context, _ cloister.AddonService, a cloister.Addon, plan string, grant cloister.Secret, _ time.Time) (Provided, error) {
	err := v.call("provision", a, func() { v.made[a.ID], v.grants = plan, append(v.grants, grant) })
	if err != nil {
		return Provided{}, err
	}
	out := Provided{ID: "v-" + a.ID, Message: "welcome", Pending: v.pending}
	if !v.pending {
		out.Config = map[string]cloister.Secret{"ACME_URL": cloister.Secret("acme://" + plan)}
	}
	return out, nil
}

func (v *vendor) ChangePlan(_ context.Context, _ cloister.AddonService, a cloister.Addon, plan string) (Provided, error) {
	err := v.call("plan "+plan, a, func() { v.made[a.ID] = plan })
	if err != nil {
		return Provided{}, err
	}
	return Provided{Message: "changed", Config: map[string]cloister.Secret{"ACME_URL": cloister.Secret("acme://" + plan)}}, nil
}

func (v *vendor) Deprovision(_ context.Context, _ cloister.AddonService, a cloister.Addon) (bool, error) {
	err := v.call("deprovision", a, func() { delete(v.made, a.ID) })
	return v.pending, err
}

func (v *vendor) set(fn func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fn()
}

func (v *vendor) said() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return fmt.Sprintf("%s; %d made", strings.Join(v.calls, ", "), len(v.made))
}

// withVendor runs a test with a provider, an add-on of which the plant's app is to get, and the plans small and large.
func withVendor(t *testing.T, test func(p *plant, v *vendor, id string)) {
	t.Helper()
	v := &vendor{made: map[string]string{}}
	inPlant(t, func(p *plant) {
		p.stop()
		p.partners = v
		p.start()
		after(time.Second)
		id := cloister.NewID()
		p.update(func(tx *store.Tx) error {
			s := cloister.AddonService{ID: cloister.NewID(), Name: "acme", Kind: "partner", Prefix: "ACME", CreatedAt: tx.Now, UpdatedAt: tx.Now}
			small := cloister.Plan{ID: cloister.NewID(), ServiceID: s.ID, Name: "small", CreatedAt: tx.Now}
			large := cloister.Plan{ID: cloister.NewID(), ServiceID: s.ID, Name: "large", CreatedAt: tx.Now}
			return errors.Join(tx.InsertService(s), tx.PutPlan(small), tx.PutPlan(large),
				tx.InsertAddon(cloister.Addon{ID: id, Name: "acme-1", ServiceID: s.ID, PlanID: small.ID, AppID: p.app.ID, State: cloister.Provisioning, Secrets: map[string]cloister.Secret{}, CreatedAt: tx.Now, UpdatedAt: tx.Now}),
				tx.InsertAttachment(cloister.Attachment{ID: cloister.NewID(), AddonID: id, AppID: p.app.ID, Name: "ACME", CreatedAt: tx.Now, UpdatedAt: tx.Now}))
		})
		test(p, v, id)
	})
}

// want has an add-on be of another plan.
func (p *plant) wantPlan(id, name string) {
	p.update(func(tx *store.Tx) error {
		a, err := tx.Addon(id)
		if err != nil {
			return err
		}
		plan, err := tx.Plan(a.ServiceID, name)
		a.PlanID, a.Changing = plan.ID, true
		return errors.Join(err, tx.UpdateAddon(a))
	})
}

func (p *plant) planOf(id string) (name string) {
	p.look(func(tx *store.Tx) error {
		a, err := tx.Addon(id)
		if err != nil {
			return err
		}
		plan, err := tx.Plan(a.ServiceID, a.PlanID)
		name = plan.Name
		return err
	})
	return name
}

func (p *plant) end(id string) {
	p.update(func(tx *store.Tx) error {
		a, err := tx.Addon(id)
		a.State = cloister.Deprovisioning
		return errors.Join(err, tx.UpdateAddon(a))
	})
}

func (p *plant) isGone(id string) {
	p.t.Helper()
	p.look(func(tx *store.Tx) error {
		if a, err := tx.Addon(id); cloister.KindOf(err) != cloister.NotFound {
			p.t.Errorf("it is still %s: %v", a.State, err)
		}
		return nil
	})
}

func TestAProviderMakesChangesAndEndsAnAddon(t *testing.T) {
	withVendor(t, func(p *plant, v *vendor, id string) {
		after(time.Second)
		vars, releases := p.config()
		if a := p.addon(id); a.State != cloister.Provisioned || a.ProviderID != "v-"+id || a.Message != "welcome" || vars["ACME_URL"] != "acme://small" || releases[0] != "@ref:acme-1 completed provisioning, setting ACME_URL." {
			t.Errorf("made it is %+v, after %q", a, releases[0])
		}
		p.wantPlan(id, "large")
		after(time.Second)
		if vars, _ := p.config(); p.addon(id).Changing || vars["ACME_URL"] != "acme://large" {
			t.Error("its plan has not changed")
		}
		v.set(func() { v.refuses = cloister.Errorf(cloister.Invalid, "There is too much in it.") })
		p.wantPlan(id, "small")
		after(time.Second)
		if a := p.addon(id); a.Changing || p.planOf(id) != "large" || a.Message != "There is too much in it." {
			t.Errorf("refused, its plan is %s: %+v", p.planOf(id), a)
		}
		v.set(func() { v.refuses = errors.New("503") })
		p.end(id)
		after(time.Minute)
		if a := p.addon(id); a.State != cloister.Deprovisioning {
			t.Errorf("while its provider is away it is %s", a.State)
		}
		v.set(func() { v.refuses = nil })
		after(2 * time.Minute)
		p.isGone(id)
		if !strings.HasSuffix(v.said(), "; 0 made") {
			t.Errorf("in the end: %s", v.said())
		}
	})
}

func TestAnAnswerThatIsLostMakesNothingTwice(t *testing.T) {
	withVendor(t, func(p *plant, v *vendor, id string) {
		v.set(func() { v.lost = true })
		after(5 * time.Second)
		if a := p.addon(id); a.State != cloister.Provisioning {
			t.Fatalf("without an answer it is %s", a.State)
		}
		p.stop()
		p.start()
		v.set(func() { v.lost = false })
		after(2 * time.Minute)
		if a := p.addon(id); a.State != cloister.Provisioned || !strings.HasSuffix(v.said(), "; 1 made") {
			t.Errorf("it is %s: %s", a.State, v.said())
		}
		var good int
		p.look(func(tx *store.Tx) error {
			for _, g := range v.grants {
				if _, err := tx.AddonToken(cloister.AddonGrant, g.Hash()); err == nil {
					good++
				}
			}
			return nil
		})
		if good == 0 {
			t.Error("the grant of the call that came through is good for nothing")
		}
	})
}

func TestAnAddonThatCannotBeMadeSaysWhyAndGoes(t *testing.T) {
	withVendor(t, func(p *plant, v *vendor, id string) {
		v.set(func() { v.refuses = cloister.Errorf(cloister.Invalid, "We are full.") })
		after(time.Second)
		if a := p.addon(id); a.State != cloister.Deprovisioned || a.Message != "We are full." {
			t.Errorf("it is %+v", a)
		}
		p.look(func(tx *store.Tx) error {
			left, err := tx.Attachments(p.app.ID)
			if len(left) > 0 {
				t.Errorf("it is still attached: %+v", left)
			}
			return err
		})
		if !strings.Contains(strings.Join(p.logs.lines(""), "\n"), "acme-1 could not be provisioned: We are full.") {
			t.Error("the app's log does not say why")
		}
		after(failedStays + time.Minute)
		p.isGone(id)
	})
}

func TestAProviderThatNeverTellsIsGivenUp(t *testing.T) {
	withVendor(t, func(p *plant, v *vendor, id string) {
		v.set(func() { v.pending = true })
		after(time.Second)
		if a := p.addon(id); a.State != cloister.Provisioning || a.ProviderID == "" {
			t.Fatalf("while its provider makes it, it is %+v", a)
		}
		p.update(func(tx *store.Tx) error { // as the provider does
			a, err := tx.Addon(id)
			a.State = cloister.Provisioned
			return errors.Join(err, tx.UpdateAddon(a))
		})
		after(time.Second)
		if a := p.addon(id); a.State != cloister.Provisioned || strings.Count(v.said(), "provision") != 1 {
			t.Errorf("told, it is %s: %s", a.State, v.said())
		}
		p.end(id)
		after(time.Second)
		if a := p.addon(id); a.State != cloister.Deprovisioning {
			t.Errorf("while its provider ends it, it is %s", a.State)
		}
		v.set(func() { v.pending = false })
		after(2 * time.Minute)
		p.isGone(id)
	})
}

// What its provider told meanwhile is not taken back by the answer to the call.
func TestACallbackBeforeTheAnswerCounts(t *testing.T) {
	withVendor(t, func(p *plant, v *vendor, id string) {
		v.set(func() { v.refuses = errors.New("not yet") })
		after(time.Second)
		p.update(func(tx *store.Tx) error {
			a, err := tx.Addon(id)
			a.State = cloister.Provisioned
			return errors.Join(err, tx.PutAddonConfig(id, "", map[string]cloister.Secret{"ACME_URL": "acme://told"}), tx.UpdateAddon(a))
		})
		v.set(func() { v.refuses, v.pending = nil, true })
		after(2 * time.Minute)
		if a := p.addon(id); a.State != cloister.Provisioned {
			t.Errorf("it is %s", a.State)
		}
	})
}
