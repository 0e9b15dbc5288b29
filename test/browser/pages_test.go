package browser

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// furnish makes something to see: two spaces, an app that runs, another that was never deployed, and people.
func (s *server) furnish() (build string) {
	ctx := s.t.Context()
	for _, in := range []platform.SpaceSpec{{Name: "cellar", Team: "acme"}, {Name: "garden", Team: "acme", Region: "tokyo", CIDR: "10.7.0.0/16"}} {
		_, err := s.platform.CreateSpace(ctx, s.ada, in)
		check(s.t, err)
	}
	for _, name := range []string{"quiet-garth", "still-brook"} {
		_, err := s.platform.CreateApp(ctx, s.ada, platform.AppSpec{Name: name, Space: "cellar"})
		check(s.t, err)
	}
	s.deploy("quiet-garth", map[string]string{"web": "bin/serve", "worker": "bin/work --queue default"})
	s.scale("web", 3)
	s.scale("worker", 1)
	for name, value := range map[string]string{"LOG_LEVEL": "info", "SECRET_KEY_BASE": "a3f1c9", "TZ": "Europe/Berlin"} {
		v := cloister.Secret(value)
		_, err := s.platform.SetConfig(ctx, s.ada, "quiet-garth", map[string]*cloister.Secret{name: &v})
		check(s.t, err)
	}
	_, _, err := s.platform.AddDomain(ctx, s.ada, "quiet-garth", "www.example.com", "")
	check(s.t, err)
	_, _, err = s.platform.SetTrusted(ctx, s.ada, "cellar", []string{"192.0.2.0/24", "198.51.100.17/32", "2001:db8::/48"}, nil)
	check(s.t, err)
	s.update(func(tx *store.Tx) error {
		for _, name := range []string{"bob", "cyd"} {
			if err := tx.InsertUser(cloister.User{ID: cloister.NewID(), Email: name + "@example.com", CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
				return err
			}
		}
		return nil
	})
	_, err = s.platform.AddMember(ctx, s.ada, "acme", "bob@example.com", cloister.MemberRole)
	check(s.t, err)
	_, _, err = s.platform.AddCollaborator(ctx, s.ada, "quiet-garth", "cyd@example.com", []string{"deploy"})
	check(s.t, err)
	_, err = s.platform.RequestPeering(ctx, s.ada, "garden", "cellar")
	check(s.t, err)
	_, builds, err := s.platform.Builds(ctx, s.ada, "quiet-garth")
	check(s.t, err)
	return builds[0].ID
}

// TestPagesKeepNobodyOut looks at every main page in light and dark, wide and as on a phone.
func TestPagesKeepNobodyOut(t *testing.T) {
	s := start(t)
	b := s.open()
	build := s.furnish()
	b.goTo("/sign-in")
	b.examine(t, "sign-in")
	b.signIn()
	b.goTo("/dashboard/apps/quiet-garth/resources")
	b.sees("worker.1")
	dir, always := artefacts(t)
	for name, path := range map[string]string{
		"start": "/dashboard", "team": "/dashboard/teams/acme", "team-spaces": "/dashboard/teams/acme/spaces", "team-access": "/dashboard/teams/acme/access",
		"space-new": "/dashboard/teams/acme/spaces/new", "space": "/dashboard/spaces/cellar", "space-network": "/dashboard/spaces/cellar/network?without=192.0.2.0%2F24",
		"space-access": "/dashboard/spaces/cellar/access", "space-settings": "/dashboard/spaces/cellar/settings", "app-new": "/dashboard/spaces/cellar/apps/new",
		"app": "/dashboard/apps/quiet-garth", "app-empty": "/dashboard/apps/still-brook", "app-resources": "/dashboard/apps/quiet-garth/resources", "app-deploy": "/dashboard/apps/quiet-garth/deploy",
		"app-build": "/dashboard/apps/quiet-garth/deploy/builds/" + build, "app-activity": "/dashboard/apps/quiet-garth/activity", "app-logs": "/dashboard/apps/quiet-garth/logs",
		"app-access": "/dashboard/apps/quiet-garth/access", "app-settings": "/dashboard/apps/quiet-garth/settings?reveal=LOG_LEVEL",
	} {
		b.goTo(path)
		for _, look := range []struct {
			scheme string
			width  int64
		}{{"light", 1280}, {"dark", 1280}, {"light", 390}} {
			b.look(look.scheme, look.width)
			where := fmt.Sprintf("%s-%s-%d", name, look.scheme, look.width)
			b.examine(t, where)
			if !run(b, chromedp.Evaluate[bool](`document.querySelector('h1').offsetHeight > 0`)) { // axe finds nothing wrong with nothing
				t.Errorf("%s: nothing is to be seen", where)
			}
			if run(b, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`)) {
				t.Errorf("%s: the page is wider than the window", where)
			}
			if always || t.Failed() {
				b.picture(filepath.Join(dir, where+".png"))
			}
		}
	}
}
