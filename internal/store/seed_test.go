package store_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// seeds is one of each noun that others refer to.
type seeds struct {
	user  cloister.User
	team  cloister.Team
	space cloister.Space
	app   cloister.App
}

// seed fills a store with a user, their team, a space of the team and an app in the space.
func seed(t *testing.T, s *store.Store) (x seeds) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		x = seeds{user: newUser(tx, "ada@example.com"), team: newTeam(tx, "acme")}
		x.space = newSpace(tx, "cellar", x.team.ID, "192.0.2.1", "192.0.2.2")
		x.app = newApp(tx, "quiet-garth", x.space)
		if err := tx.InsertUser(x.user); err != nil {
			return err
		}
		if err := tx.InsertTeam(x.team); err != nil {
			return err
		}
		if err := tx.InsertSpace(x.space); err != nil {
			return err
		}
		return tx.InsertApp(x.app)
	})
	return x
}

func newUser(tx *store.Tx, email string) cloister.User {
	return cloister.User{ID: cloister.NewID(), Email: email, Name: "Ada", PasswordHash: "$argon2id$…", Operator: true,
		CreatedAt: tx.Now, UpdatedAt: tx.Now}
}

func newTeam(tx *store.Tx, name string) cloister.Team {
	return cloister.Team{ID: cloister.NewID(), Name: name, CreatedAt: tx.Now, UpdatedAt: tx.Now}
}

func newSpace(tx *store.Tx, name, team string, outbound ...string) cloister.Space {
	s := cloister.Space{ID: cloister.NewID(), Name: name, TeamID: team, Region: "virginia", Shield: true,
		CIDR: cloister.DefaultCIDR, DataCIDR: cloister.DefaultDataCIDR, State: cloister.Allocating,
		CreatedAt: tx.Now, UpdatedAt: tx.Now}
	for _, a := range outbound {
		s.Outbound = append(s.Outbound, netip.MustParseAddr(a))
	}
	return s
}

func newApp(tx *store.Tx, name string, s cloister.Space) cloister.App {
	return cloister.App{ID: cloister.NewID(), Name: name, SpaceID: s.ID, TeamID: s.TeamID, Stack: "debian-12",
		BuildStack: "debian-13", Label: "0123456789ab", Maintenance: true, InternalRouting: true, Locked: true,
		Buildpacks: []cloister.Buildpack{{Name: "heroku/go", URL: "heroku/go"}}, Detected: "Go",
		Config: map[string]cloister.Secret{"COLOUR": "übergrün", "EMPTY": ""}, RepoSize: 5 << 30, SlugSize: 6 << 30,
		ReleasedAt: tx.Now, CreatedAt: tx.Now, UpdatedAt: tx.Now}
}

func newSlug(tx *store.Tx, app cloister.App, n int) cloister.Slug {
	return cloister.Slug{ID: cloister.NewID(), AppID: app.ID, Checksum: "SHA256:00", Commit: fmt.Sprint("c0ffee", n),
		CommitText: "Brew", Stack: "debian-12", Detected: "Go", ProcessTypes: map[string]string{"web": "bin/web", "worker": "bin/work"},
		Size: 7 << 30, Image: fmt.Sprint("sha256:", n), CreatedAt: tx.Now, UpdatedAt: tx.Now}
}
