package web

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// A manor is a site with the space cellar, the app hello that has one of everything, and people who may do some of it.
type manor struct {
	*site
	people map[string]*browser
	params map[string]string // what stands for {…} in a path
	build  cloister.Build
}

func newManor(t testing.TB) *manor {
	t.Helper()
	m := &manor{site: newSite(t), people: map[string]*browser{}}
	m.people["anonymous"] = m.browser()
	m.people["admin"] = m.session(m.ada)
	m.update(func(tx *store.Tx) error {
		return tx.PutStack(cloister.Stack{Name: "debian-12", RunImage: "sha256:a", BuildImage: "sha256:b", Default: true, CreatedAt: tx.Now})
	})
	for _, name := range []string{"stranger", "viewer", "member", "creates", "views", "deploys", "operates", "manages"} {
		m.people[name] = m.session(m.person(name + "@example.com"))
	}
	ctx := t.Context()
	for name, role := range map[string]cloister.Role{"viewer": cloister.Viewer, "member": cloister.MemberRole, "creates": cloister.MemberRole} {
		_, err := m.platform.AddMember(ctx, m.ada, "acme", name+"@example.com", role)
		check(t, err)
	}
	_, err := m.platform.CreateSpace(ctx, m.ada, platform.SpaceSpec{Name: "cellar", Team: "acme"})
	check(t, err)
	for name, cidr := range map[string]string{"garden": "10.9.0.0/16", "meadow": "10.10.0.0/16"} {
		_, err = m.platform.CreateSpace(ctx, m.ada, platform.SpaceSpec{Name: name, Team: "acme", CIDR: cidr})
		check(t, err)
	}
	peering, err := m.platform.RequestPeering(ctx, m.ada, "garden", "cellar")
	check(t, err)
	_, _, err = m.platform.SetSpaceMember(ctx, m.ada, "cellar", "creates@example.com", []string{"create_apps"})
	check(t, err)
	_, err = m.platform.CreateApp(ctx, m.ada, platform.AppSpec{Name: "hello", Space: "cellar"})
	check(t, err)
	m.deploy("hello")
	for _, may := range []string{"view", "deploy", "operate", "manage"} {
		_, _, err := m.platform.AddCollaborator(ctx, m.ada, "hello", may+"s@example.com", []string{may})
		check(t, err)
	}
	value := cloister.Secret("hush hush")
	_, err = m.platform.SetConfig(ctx, m.ada, "hello", map[string]*cloister.Secret{"PASSWORD": &value})
	check(t, err)
	_, _, err = m.platform.AddDomain(ctx, m.ada, "hello", "www.example.com", "")
	check(t, err)
	m.furnish()
	m.params = map[string]string{"team": "acme", "space": "cellar", "app": "hello", "type": "web", "build": m.build.ID, "peering": peering.ID, "user": "member@example.com"}
	return m
}

func (x *site) update(fn func(*store.Tx) error) {
	x.t.Helper()
	check(x.t, x.store.Update(x.t.Context(), fn))
}

// person makes a user. Not by CreateUser: hashing a password takes a tenth of a second.
func (x *site) person(email string) cloister.Actor {
	u := cloister.User{ID: cloister.NewID(), Email: email}
	x.update(func(tx *store.Tx) error {
		u.CreatedAt, u.UpdatedAt = tx.Now, tx.Now
		return tx.InsertUser(u)
	})
	return cloister.Actor{User: u}
}

// session is the browser of somebody who has signed in. It does not go where it is sent.
func (x *site) session(a cloister.Actor) *browser {
	x.t.Helper()
	b := x.browser()
	_, secret, err := x.platform.StartSession(x.t.Context(), a, "Firefox")
	check(x.t, err)
	at, err := url.Parse(x.url)
	check(x.t, err)
	b.client.Jar.SetCookies(at, []*http.Cookie{{Name: cookie, Value: secret.Reveal(), Path: "/"}})
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

// deploy has a build of an app succeed, whose release has the process types web and worker.
func (m *manor) deploy(app string) {
	m.t.Helper()
	ctx := m.t.Context()
	info, err := m.platform.App(ctx, m.ada, app)
	check(m.t, err)
	slug := cloister.Slug{ID: cloister.NewID(), AppID: info.ID, Commit: "0123456789abcdef", Stack: "debian-12", Image: "sha256:c", Detected: "Go", ProcessTypes: map[string]string{"web": "serve", "worker": "work"}}
	m.build = cloister.Build{ID: cloister.NewID(), AppID: info.ID, UserID: m.ada.User.ID, UserEmail: email, Status: cloister.BuildSucceeded, Version: slug.Commit, Stack: "debian-12", SlugID: slug.ID}
	m.update(func(tx *store.Tx) error {
		slug.CreatedAt, slug.UpdatedAt, m.build.CreatedAt, m.build.UpdatedAt = tx.Now, tx.Now, tx.Now, tx.Now
		if err := tx.InsertSlug(slug); err != nil {
			return err
		}
		return tx.InsertBuild(m.build)
	})
	_, _, err = m.platform.ReleaseSlug(ctx, m.ada, app, slug.ID, "")
	check(m.t, err)
}

// furnish gives hello a dyno that runs, one that has crashed, and an add-on.
func (m *manor) furnish() {
	m.t.Helper()
	ctx := m.t.Context()
	_, _, err := m.platform.PutService(ctx, m.ada, platform.ServiceSpec{Service: cloister.AddonService{Name: "vault", HumanName: "Vault", Kind: "partner", Prefix: "VAULT", First: "VAULT", Shared: true, Many: true,
		Provider: cloister.Provider{Slug: "vault", URL: "https://example.com/resources", Password: "hush hush", Vars: []string{"VAULT_URL"}}},
		Plans: []cloister.Plan{{Name: "small", HumanName: "Small", Default: true, Inside: true}}})
	check(m.t, err)
	x, _, err := m.platform.CreateAddon(ctx, m.ada, "hello", platform.AddonSpec{Plan: "vault", Name: "vault-1"})
	check(m.t, err)
	m.update(func(tx *store.Tx) error {
		for i, state := range []cloister.DynoState{cloister.DynoUp, cloister.DynoCrashed} {
			if err := tx.PutDyno(cloister.Dyno{ID: cloister.NewID(), AppID: x.AppID, SpaceID: x.SpaceID, Type: "web", Number: i + 1, Version: 2, Size: "Private-S", Command: "serve", Zone: "a", State: state, Exit: 7, CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
				return err
			}
		}
		return nil
	})
}

// fill is a path with what stands for each {…} in it.
func (m *manor) fill(path string) string {
	if strings.Contains(path, "{app}") {
		path = strings.Replace(path, "{user}", "views@example.com", 1) // a collaborator
	}
	return inPath.ReplaceAllStringFunc(path, func(p string) string {
		v, ok := m.params[strings.Trim(p, "{}")]
		if !ok {
			m.t.Errorf("%s: nothing stands for %s", path, p)
		}
		return v
	})
}

var inPath = regexp.MustCompile(`\{[^}]+\}`)

// happened counts what was done, without what was refused.
func (m *manor) happened() (n int) {
	m.t.Helper()
	check(m.t, m.store.View(m.t.Context(), func(tx *store.Tx) error {
		all, err := tx.Events(cloister.EventFilter{}, 1000)
		for _, e := range all {
			if e.Action != "refuse" {
				n++
			}
		}
		return err
	}))
	return n
}

// said are logs in which each app has said the same.
type said struct{}

func (said) Lines(ctx context.Context, _ string, ask LineFilter, _ int, follow bool, after int64) iter.Seq2[int64, Line] {
	return func(yield func(int64, Line) bool) {
		all := []Line{{Source: "app", Proc: "web.1", Text: "listening on <port>"}, {Source: "heroku", Proc: "router", Text: "GET /"}, {Source: "app", Proc: "web.1", Text: "bye"}}
		for i, line := range all {
			line.At = time.Date(2026, 3, 29, 1, 2, i, 0, time.UTC)
			if n := int64(i + 1); n > after && (ask.Source == "" || ask.Source == line.Source) && strings.HasPrefix(line.Proc, ask.Dyno) && !yield(n, line) {
				return
			}
		}
		if follow {
			<-ctx.Done()
		}
	}
}

func (said) Output(_ context.Context, _ string, _ bool, w io.Writer) error {
	_, err := io.WriteString(w, "-----> Go app detected\n-----> <done>\n")
	return err
}
