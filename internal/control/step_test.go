package control

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
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

// A plant is a house with a whole control on the fake engine, and an app that wants two web dynos.
type plant struct {
	*house
	fake     *fake.Engine
	router   *paperRouter
	logs     *silence
	receiver *receiver
	space    cloister.Space
	app      cloister.App
	stop     func()
	life     *Control // that runs
	acm      Issuer   // of the next life
	staples  Asker    // likewise
	kinds    map[string]addon.Kind
	shelf    *Shelf
	partners Partners // of the next life
	forget   struct {
		sync.Mutex
		apps []string
		err  error
	}

	mu     sync.Mutex
	behave fake.Behaviour
}

func inPlant(t *testing.T, test func(p *plant)) {
	t.Helper()
	inPlantOf(t, nil, test)
}

// inPlantOf is inPlant with data services of these kinds.
func inPlantOf(t *testing.T, kinds map[string]addon.Kind, test func(p *plant)) {
	t.Helper()
	inHouse(t, func(h *house) {
		p := &plant{house: h, kinds: kinds, router: &paperRouter{}, logs: &silence{drains: map[string][]cloister.Drain{}}, receiver: &receiver{}}
		p.fake = fake.New(fake.Config{Behave: func(engine.Workload) fake.Behaviour {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.behave
		}})
		shelf, err := OpenShelf(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		p.shelf = shelf
		p.update(p.seed)
		p.start()
		defer func() { p.stop() }()
		test(p)
	})
}

// start begins a life of control.
func (p *plant) start() {
	c := New(p.store, p.fake, p.router, p.logs, nil, Config{Owner: "me", Kinds: p.kinds, Partners: p.partners, Shelf: p.shelf, Fetch: func(context.Context, string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("broken")), nil
	}, AppDomain: "apps.localhost", ACM: p.acm, Staples: p.staples, Webhooks: p.receiver, Forget: func(app string) error {
		p.forget.Lock()
		defer p.forget.Unlock()
		p.forget.apps = append(p.forget.apps, app)
		return p.forget.err
	}}, slog.New(slog.DiscardHandler))
	p.life, p.stop = c, p.run(c.Run)
}

func (p *plant) seed(tx *store.Tx) error {
	team := cloister.Team{ID: cloister.NewID(), Name: "acme", CreatedAt: tx.Now, UpdatedAt: tx.Now}
	p.space = cloister.Space{ID: cloister.NewID(), Name: "cellar", TeamID: team.ID, Region: cloister.DefaultRegion,
		CIDR: cloister.DefaultCIDR, DataCIDR: cloister.DefaultDataCIDR, State: cloister.Allocating, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	p.app = cloister.App{ID: cloister.NewID(), Name: "hello", SpaceID: p.space.ID, TeamID: team.ID, Stack: "debian-12",
		Label: cloister.NewLabel(), SlugSize: 1, ReleasedAt: tx.Now, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	slug := cloister.Slug{ID: cloister.NewID(), AppID: p.app.ID, Image: "sha256:a", CreatedAt: tx.Now, UpdatedAt: tx.Now}
	return errors.Join(tx.InsertTeam(team), tx.InsertSpace(p.space),
		tx.InsertRuleset(cloister.Ruleset{ID: cloister.NewID(), SpaceID: p.space.ID, Sources: cloister.Everyone(), CreatedAt: tx.Now}),
		tx.InsertApp(p.app), tx.InsertSlug(slug),
		tx.InsertRelease(cloister.Release{ID: cloister.NewID(), AppID: p.app.ID, Version: 1, SlugID: slug.ID,
			Status: cloister.ReleaseSucceeded, CreatedAt: tx.Now, UpdatedAt: tx.Now}),
		tx.PutProcessType(cloister.ProcessType{ID: cloister.NewID(), AppID: p.app.ID, Type: "web", Command: "serve", Quantity: 2,
			Size: "Private-S", CreatedAt: tx.Now, UpdatedAt: tx.Now}))
}

func (p *plant) obey(b fake.Behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behave = b
}

func (p *plant) spaceNow() (s cloister.Space, rules cloister.Ruleset) {
	p.t.Helper()
	p.look(func(tx *store.Tx) (err error) {
		if s, err = tx.Space(p.space.ID); err != nil {
			return err
		}
		rules, err = tx.Ruleset(p.space.ID)
		return err
	})
	return s, rules
}

func (p *plant) dynos() (out []cloister.Dyno) {
	p.t.Helper()
	p.look(func(tx *store.Tx) (err error) {
		out, err = tx.Dynos(p.app.ID)
		return err
	})
	return out
}

func (p *plant) look(fn func(*store.Tx) error) {
	p.t.Helper()
	if err := p.store.View(p.t.Context(), fn); err != nil {
		p.t.Fatal(err)
	}
}

// wants fails unless n dynos run and are up, in rows, engine and table, and nobody has anything left to do.
func (p *plant) wants(n int, when string) {
	p.t.Helper()
	up := 0
	rows := p.dynos()
	for _, d := range rows {
		if d.State == cloister.DynoUp {
			up++
		}
	}
	running := 0
	for _, s := range p.fake.Everything() {
		if s.Phase == engine.Running {
			running++
		}
	}
	routed := 0
	for _, a := range p.router.routes().Apps {
		routed += len(a.Dynos)
	}
	if len(rows) != n || up != n || running != n || routed != n {
		p.t.Errorf("%s: %d rows, %d up, %d running, %d routed, want %d; app: %+v space: %+v", when, len(rows), up, running, routed, n,
			p.work("app", p.app.ID), p.work("space", p.space.ID))
	}
	if a, s := p.work("app", p.app.ID), p.work("space", p.space.ID); a != nil || s != nil {
		p.t.Errorf("%s there is still work: %+v %+v", when, a, s)
	}
}

func (p *plant) spaceIsGone() {
	p.t.Helper()
	err := p.store.View(p.t.Context(), func(tx *store.Tx) error { _, err := tx.Space(p.space.ID); return err })
	if cloister.KindOf(err) != cloister.NotFound {
		p.t.Errorf("the space is still there: %v", err)
	}
}

var away = cloister.Errorf(cloister.Unavailable, "The container runtime does not answer.")

func TestEngineThatIsAwayIsWaitedFor(t *testing.T) {
	inPlant(t, func(p *plant) {
		p.stop()
		p.fake.Break(away)
		p.start()
		after(5 * time.Minute)
		s, _ := p.spaceNow()
		if s.State != cloister.Allocating || len(p.dynos()) != 0 {
			t.Errorf("without an engine the space is %s and has %d dynos", s.State, len(p.dynos()))
		}
		if w := p.work("space", p.space.ID); w == nil || w.LastError != away.Error() || w.Attempts < 5 {
			t.Errorf("why is not told: %+v", w)
		}
		p.fake.Break(nil)
		after(10 * time.Second) // not a minute: whoever sees the engine come back has everything looked at
		p.wants(2, "ten seconds after the engine is back")
		if s, rules := p.spaceNow(); s.State != cloister.Allocated || !rules.Applied {
			t.Errorf("the space is %s, its rules applied: %v", s.State, rules.Applied)
		}
	})
}

func TestStartThatFailsIsTriedAgainAndStartsNothingTwice(t *testing.T) {
	inPlant(t, func(p *plant) {
		p.stop()
		p.obey(fake.Behaviour{Fail: errors.New("no memory for another container")})
		p.start()
		after(time.Minute)
		if w := p.work("app", p.app.ID); w == nil || !strings.Contains(w.LastError, "no memory") {
			t.Fatalf("the failure is told as %+v", w)
		}
		first := p.dynos()
		if len(first) != 2 || len(p.fake.Everything()) != 0 {
			t.Errorf("what is intended is recorded before it is done: %d rows, and %d run", len(first), len(p.fake.Everything()))
		}
		p.obey(fake.Behaviour{})
		after(2 * time.Minute)
		p.wants(2, "after it became possible")
		for i, d := range p.dynos() {
			if d.ID != first[i].ID {
				t.Errorf("%s was made anew, though it never ran", d.Name())
			}
		}
	})
}

func TestImageThatIsInvalidParksTheAppUntilTheNextRelease(t *testing.T) {
	inPlant(t, func(p *plant) {
		p.stop()
		p.obey(fake.Behaviour{Fail: cloister.Errorf(cloister.Invalid, "The image has no program.")})
		p.start()
		after(time.Minute)
		w := p.work("app", p.app.ID)
		if w == nil || w.LastError != "The image has no program." {
			t.Fatalf("told as %+v", w)
		}
		after(5 * time.Minute) // the look at everything comes every ten
		if later := p.work("app", p.app.ID); later == nil || later.Attempts != w.Attempts {
			t.Errorf("it was tried again: %+v", later)
		}
		p.obey(fake.Behaviour{})
		p.update(func(tx *store.Tx) error {
			slug := cloister.Slug{ID: cloister.NewID(), AppID: p.app.ID, Image: "sha256:b", ProcessTypes: map[string]string{"web": "serve"},
				CreatedAt: tx.Now, UpdatedAt: tx.Now}
			app, err := tx.App(p.app.ID)
			if err == nil {
				err = tx.InsertSlug(slug)
			}
			if err == nil {
				_, err = tx.AddRelease(app, cloister.Release{SlugID: slug.ID}, "Private-S")
			}
			return err
		})
		after(5 * time.Minute)
		p.wants(2, "after a release that works")
		for _, d := range p.dynos() {
			if d.Version != 2 {
				t.Errorf("%s is v%d", d.Name(), d.Version)
			}
		}
	})
}

func TestRulesAreAppliedWhenTheRouterHasThem(t *testing.T) {
	inPlant(t, func(p *plant) {
		after(time.Minute)
		p.router.leave(true)
		narrow := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
		p.update(func(tx *store.Tx) error {
			return errors.Join(tx.InsertRuleset(cloister.Ruleset{ID: cloister.NewID(), SpaceID: p.space.ID, Sources: narrow, CreatedAt: tx.Now}),
				tx.Touch("space", p.space.ID))
		})
		after(time.Minute)
		if _, rules := p.spaceNow(); rules.Applied {
			t.Error("rules are in force, says the space, that no router has")
		}
		if got := p.router.routes().Apps[0].Trusted; len(got) != 1 || got[0] != narrow[0] {
			t.Errorf("the router was told of %v", got)
		}
		p.router.leave(false)
		after(5 * time.Second)
		if _, rules := p.spaceNow(); !rules.Applied {
			t.Error("rules are not in force five seconds after the router has them")
		}
		if w := p.work("space", p.space.ID); w != nil {
			t.Errorf("there is still work: %+v", w)
		}
	})
}

func TestSpaceGoesAfterItsAppsAndWithAllThatIsLeft(t *testing.T) {
	inPlant(t, func(p *plant) {
		after(time.Minute)
		p.wants(2, "before")
		p.fake.Break(away)
		p.update(func(tx *store.Tx) error {
			return errors.Join(tx.DeleteApp(p.app.ID), tx.Touch("app", p.app.ID),
				tx.SetSpaceState(p.space.ID, cloister.Deleting), tx.Touch("space", p.space.ID))
		})
		after(3 * time.Minute)
		if len(p.router.routes().Apps) != 0 {
			t.Error("requests still go to an app that was destroyed, as the engine is away")
		}
		p.forget.Lock()
		if len(p.forget.apps) != 0 {
			t.Error("the app was forgotten while its dynos run")
		}
		p.forget.err = errors.New("the repository is busy")
		p.forget.Unlock()
		p.fake.Break(nil)
		after(2 * time.Minute)
		if left := p.fake.Everything(); len(left) != 0 {
			t.Errorf("dynos are left: %+v", left)
		}
		p.spaceIsGone()
		if w := p.work("app", p.app.ID); w == nil || w.LastError != "the repository is busy" {
			t.Errorf("what could not be removed is %+v", w)
		}
		p.forget.Lock()
		p.forget.err = nil
		p.forget.Unlock()
		after(2 * time.Minute)
		if a, s := p.work("app", p.app.ID), p.work("space", p.space.ID); a != nil || s != nil {
			t.Errorf("there is still work: %+v %+v", a, s)
		}
	})
}

func TestSpaceThatIsDestroyedWhileItIsMadeStaysDestroyed(t *testing.T) {
	inPlant(t, func(p *plant) {
		p.stop()
		p.fake.Break(away)
		p.start()
		after(10 * time.Second)
		p.update(func(tx *store.Tx) error {
			return errors.Join(tx.DeleteApp(p.app.ID), tx.Touch("app", p.app.ID),
				tx.SetSpaceState(p.space.ID, cloister.Deleting), tx.Touch("space", p.space.ID))
		})
		p.fake.Break(nil)
		after(2 * time.Minute)
		p.spaceIsGone()
	})
}
