package platform

import (
	"log/slog"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// BenchmarkCan measures the check alone, with what it reads, inside of a transaction: of a member by their role, and of a
// collaborator by a permission.
func BenchmarkCan(b *testing.B) {
	s, err := store.Open(b.Context(), store.Config{DSN: b.TempDir() + "/bench.db", Key: make([]byte, 32)})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	p := New(s, Config{}, slog.New(slog.DiscardHandler))
	member, other := cloister.User{ID: cloister.NewID(), Email: "a@example.com"}, cloister.User{ID: cloister.NewID(), Email: "b@example.com"}
	team := cloister.Team{ID: cloister.NewID(), Name: "acme"}
	space := cloister.Space{ID: cloister.NewID(), Name: "cellar", TeamID: team.ID, CIDR: cloister.DefaultCIDR, DataCIDR: cloister.DefaultDataCIDR, State: cloister.Allocated}
	app := cloister.App{ID: cloister.NewID(), Name: "app", TeamID: team.ID, SpaceID: space.ID}
	if err := s.Update(b.Context(), func(tx *store.Tx) error {
		member.CreatedAt, member.UpdatedAt, other.CreatedAt, other.UpdatedAt = tx.Now, tx.Now, tx.Now, tx.Now
		team.CreatedAt, team.UpdatedAt, space.CreatedAt, space.UpdatedAt, app.CreatedAt, app.UpdatedAt = tx.Now, tx.Now, tx.Now, tx.Now, tx.Now, tx.Now
		for _, err := range []error{tx.InsertUser(member), tx.InsertUser(other), tx.InsertTeam(team), tx.InsertSpace(space), tx.InsertApp(app),
			tx.InsertMember(cloister.Member{ID: cloister.NewID(), TeamID: team.ID, UserID: member.ID, Role: cloister.MemberRole, CreatedAt: tx.Now, UpdatedAt: tx.Now}),
			tx.InsertCollaborator(cloister.Collaborator{ID: cloister.NewID(), AppID: app.ID, UserID: other.ID, Permissions: []cloister.Permission{cloister.DeployPermission}, CreatedAt: tx.Now, UpdatedAt: tx.Now})} {
			if err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	for name, x := range map[string]struct {
		who  cloister.User
		verb verb
	}{"member": {member, viewApp}, "collaborator": {other, deployApp}} {
		b.Run(name, func(b *testing.B) {
			if err := s.View(b.Context(), func(tx *store.Tx) error {
				for range b.N {
					if err := p.can(tx, cloister.Actor{User: x.who}, x.verb, object{resource: "app", team: team.ID, app: &app}); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
		})
	}
}
