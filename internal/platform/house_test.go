package platform_test

import (
	"context"
	"log/slog"
	"net/netip"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// A house is an installation with a team, acme, whose people have one role each, and a space with an app in it.
// Its clock moves only by hand.
type house struct {
	*platform.Platform
	config platform.Config
	store  *store.Store

	operator cloister.Actor // of the installation; a member of no team
	admin    cloister.Actor
	member   cloister.Actor
	viewer   cloister.Actor
	stranger cloister.Actor // a user of another team
	creates  cloister.Actor // a member of the team who may create apps in cellar

	// These are in no team, and have one permission of the app.
	views, deploys, operates, manages cloister.Actor

	nobody cloister.Actor // no credentials

	cellar  cloister.Space   // of acme
	foreign cloister.Space   // of the other team, once there is one
	office  cloister.Network // of the operator's, for the team acme
	clients recent

	mu   sync.Mutex
	now  time.Time
	said []string // platform lines in the app's log
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{now: time.Date(2026, 3, 29, 1, 2, 3, 0, time.UTC)}
	s, err := store.Open(t.Context(), store.Config{DSN: ":memory:", Key: make([]byte, 32), Now: h.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h.store = s
	h.office = cloister.Network{Name: "office", Prefixes: []netip.Prefix{netip.MustParsePrefix("192.168.4.0/22")}, Spaces: []string{"acme"}}
	h.clients = recent{}
	h.config = platform.Config{AppDomain: "apps.example", ACM: true, OutboundPool: netip.MustParsePrefix("192.0.2.0/28"),
		Networks: []cloister.Network{h.office}, Clients: h.clients,
		Log: func(_, text string) { h.said = append(h.said, text) }}
	h.Platform = platform.New(s, h.config, slog.New(slog.DiscardHandler))

	h.update(t, func(tx *store.Tx) error {
		for name, actor := range map[string]*cloister.Actor{"operator": &h.operator, "admin": &h.admin, "member": &h.member,
			"viewer": &h.viewer, "stranger": &h.stranger, "creates": &h.creates, "views": &h.views, "deploys": &h.deploys,
			"operates": &h.operates, "manages": &h.manages} {
			// Not by CreateUser: hashing a password takes a tenth of a second.
			actor.User = cloister.User{ID: cloister.NewID(), Email: name + "@example.com", Operator: name == "operator",
				CreatedAt: tx.Now, UpdatedAt: tx.Now}
			if err := tx.InsertUser(actor.User); err != nil {
				return err
			}
		}
		for team, roles := range map[string]map[cloister.Role]cloister.Actor{
			"acme":  {cloister.Admin: h.admin, cloister.MemberRole: h.member, cloister.Viewer: h.viewer},
			"other": {cloister.Admin: h.stranger},
		} {
			x := cloister.Team{ID: cloister.NewID(), Name: team, CreatedAt: tx.Now, UpdatedAt: tx.Now}
			if err := tx.InsertTeam(x); err != nil {
				return err
			}
			for role, a := range roles {
				if err := tx.InsertMember(cloister.Member{ID: cloister.NewID(), TeamID: x.ID, UserID: a.User.ID, Role: role,
					CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
					return err
				}
			}
		}
		for _, zone := range []string{"a", "b", "c"} {
			if err := tx.ObserveZone(zone, true); err != nil {
				return err
			}
		}
		return tx.PutStack(cloister.Stack{Name: "debian-12", RunImage: "sha256:r", BuildImage: "sha256:b", Default: true, CreatedAt: tx.Now})
	})
	must(t, h.newSpace(t, "cellar"))
	must(t, h.newApp(t, "cellar", "quiet-garth"))
	h.admit(t)
	cellar, err := h.Space(t.Context(), h.admin, "cellar")
	must(t, err)
	h.cellar = cellar.Space
	h.forget(t)
	return h
}

// admit gives people what they may do beside their roles.
func (h *house) admit(t *testing.T) {
	t.Helper()
	for may, a := range map[string]cloister.Actor{"view": h.views, "deploy": h.deploys, "operate": h.operates, "manage": h.manages} {
		_, _, err := h.AddCollaborator(t.Context(), h.admin, "quiet-garth", a.User.Email, []string{may})
		must(t, err)
	}
	_, err := h.AddMember(t.Context(), h.admin, "acme", h.creates.User.Email, cloister.MemberRole)
	must(t, err)
	_, _, err = h.SetSpaceMember(t.Context(), h.admin, "cellar", h.creates.User.Email, []string{"create_apps"})
	must(t, err)
}

// newUser is somebody whom nobody knows yet.
func (h *house) newUser(ctx context.Context) (u cloister.User) {
	h.store.Update(ctx, func(tx *store.Tx) error {
		u = cloister.User{ID: cloister.NewID(), CreatedAt: tx.Now, UpdatedAt: tx.Now}
		u.Email = u.ID + "@example.com"
		return tx.InsertUser(u)
	})
	return u
}

// newTeam is a team without spaces, whose admin an actor is.
func (h *house) newTeam(ctx context.Context, a cloister.Actor) string {
	name := "team-" + cloister.NewID()[:8]
	h.store.Update(ctx, func(tx *store.Tx) error {
		x := cloister.Team{ID: cloister.NewID(), Name: name, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := tx.InsertTeam(x); err != nil {
			return err
		}
		return tx.InsertMember(cloister.Member{ID: cloister.NewID(), TeamID: x.ID, UserID: a.User.ID, Role: cloister.Admin, CreatedAt: tx.Now, UpdatedAt: tx.Now})
	})
	return name
}

// recent is who came to the apps of each space.
type recent map[string][]cloister.Client

func (r recent) Recent(space string) []cloister.Client { return r[space] }

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) update(t *testing.T, fn func(tx *store.Tx) error) {
	t.Helper()
	must(t, h.store.Update(t.Context(), fn))
}

func (h *house) newSpace(t *testing.T, name string) error {
	_, err := h.CreateSpace(t.Context(), h.admin, platform.SpaceSpec{Name: name, Team: "acme"})
	return err
}

// abroad makes a space of the other team, "nave", at 10.9.0.0/16.
func (h *house) abroad(t *testing.T) {
	t.Helper()
	s, err := h.CreateSpace(t.Context(), h.stranger, platform.SpaceSpec{Name: "nave", Team: "other", CIDR: "10.9.0.0/16"})
	must(t, err)
	h.foreign = s.Space
}

func (h *house) newApp(t *testing.T, space, name string) error {
	_, err := h.CreateApp(t.Context(), h.admin, platform.AppSpec{Name: name, Space: space})
	return err
}

// deploy releases a slug with these process types, and returns the slug.
func (h *house) deploy(t *testing.T, app string, types ...string) cloister.Slug {
	t.Helper()
	info, err := h.App(t.Context(), h.admin, app)
	must(t, err)
	slug := cloister.Slug{ID: cloister.NewID(), AppID: info.ID, Commit: "c0ffee0123456789", Stack: "debian-12",
		ProcessTypes: map[string]string{}, Image: "sha256:1"}
	for _, typ := range types {
		slug.ProcessTypes[typ] = "bin/" + typ
	}
	h.update(t, func(tx *store.Tx) error {
		slug.CreatedAt, slug.UpdatedAt = tx.Now, tx.Now
		return tx.InsertSlug(slug)
	})
	_, _, err = h.ReleaseSlug(t.Context(), h.admin, app, slug.ID, "")
	must(t, err)
	return slug
}

// addDyno puts a dyno row as control would.
func (h *house) addDyno(t *testing.T, app, typ string, number int) cloister.Dyno {
	t.Helper()
	info, err := h.App(t.Context(), h.admin, app)
	must(t, err)
	d := cloister.Dyno{ID: cloister.NewID(), AppID: info.ID, SpaceID: info.SpaceID, Type: typ, Number: number, State: cloister.DynoUp,
		CreatedAt: h.clock(), UpdatedAt: h.clock()}
	h.update(t, func(tx *store.Tx) error {
		release, err := tx.CurrentRelease(info.ID)
		if err != nil {
			return err
		}
		d.ReleaseID, d.Version = release.ID, release.Version
		return tx.PutDyno(d)
	})
	return d
}

// forget empties the work queue and what was said, so that a test sees only what it caused.
func (h *house) forget(t *testing.T) {
	t.Helper()
	h.said = nil
	h.update(t, func(tx *store.Tx) error {
		work, err := tx.ClaimWork("test", 1000, time.Minute, "")
		for _, w := range work {
			if err := tx.FinishWork(w, 0); err != nil {
				return err
			}
		}
		return err
	})
}

// touched is the objects that wait to be looked at: "app quiet-garth" by id.
func (h *house) touched(t *testing.T) (out []string) {
	t.Helper()
	must(t, h.store.View(t.Context(), func(tx *store.Tx) error {
		work, err := tx.Work()
		for _, w := range work {
			out = append(out, w.Kind+" "+w.ID)
		}
		return err
	}))
	return out
}

// events is all that happened so far.
func (h *house) events(t *testing.T) (out []cloister.Event) {
	t.Helper()
	must(t, h.store.View(t.Context(), func(tx *store.Tx) (err error) {
		out, err = tx.Events(cloister.EventFilter{}, 10000)
		return err
	}))
	return out
}

// last is the newest event without its number, time and seal, and without what it says beyond its text.
func (h *house) last(t *testing.T) cloister.Event {
	t.Helper()
	all := h.events(t)
	e := all[len(all)-1]
	e.Seq, e.At, e.Seal, e.Changes = 0, time.Time{}, "", nil
	return e
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, want cloister.Kind) {
	t.Helper()
	if cloister.KindOf(err) != want {
		t.Fatalf("got %v (%s), want an error of kind %s", err, cloister.KindOf(err), want)
	}
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

// twoPeople has the installation's operator decide that two must agree to destroy a space.
func (h *house) twoPeople() {
	h.config.TwoPeople = true
	h.Platform = platform.New(h.store, h.config, slog.New(slog.DiscardHandler))
}
