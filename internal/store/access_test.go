package store_test

import (
	"net/netip"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func newCollaborator(tx *store.Tx, app cloister.App, u cloister.User, may ...cloister.Permission) cloister.Collaborator {
	return cloister.Collaborator{ID: cloister.NewID(), AppID: app.ID, UserID: u.ID, Email: u.Email, Permissions: may, CreatedAt: tx.Now, UpdatedAt: tx.Now}
}

func newSpaceMember(tx *store.Tx, s cloister.Space, u cloister.User, may ...cloister.Permission) cloister.SpaceMember {
	return cloister.SpaceMember{ID: cloister.NewID(), SpaceID: s.ID, UserID: u.ID, Email: u.Email, Permissions: may, CreatedAt: tx.Now, UpdatedAt: tx.Now}
}

func TestCollaborators(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var ada, zoe cloister.Collaborator
		update(t, s, func(tx *store.Tx) error {
			u := newUser(tx, "zoe@example.com")
			ada, zoe = newCollaborator(tx, x.app, x.user, "view"), newCollaborator(tx, x.app, u, "deploy", "view")
			if err := tx.InsertUser(u); err != nil {
				return err
			}
			if err := tx.InsertCollaborator(zoe); err != nil {
				return err
			}
			return tx.InsertCollaborator(ada)
		})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Collaborator, error) { return tx.Collaborator(x.app.ID, zoe.UserID) }), zoe)
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Collaborator, error) { return tx.Collaborators(x.app.ID) }), []cloister.Collaborator{ada, zoe})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Collaborator, error) { return tx.TeamCollaborators(x.team.ID) }), []cloister.Collaborator{ada, zoe})
		same(t, read(t, s, func(tx *store.Tx) (map[string]bool, error) { return tx.Joined(zoe.UserID) }), map[string]bool{x.app.ID: true})
		same(t, read(t, s, func(tx *store.Tx) (map[string]bool, error) { return tx.Joined("nobody") }), map[string]bool{})
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertCollaborator(newCollaborator(tx, x.app, x.user)) })

		zoe.Permissions, zoe.UpdatedAt = []cloister.Permission{"operate", "view"}, p.clock.Now()
		update(t, s, func(tx *store.Tx) error { return tx.SetPermissions(zoe, zoe.Permissions) })
		same(t, read(t, s, func(tx *store.Tx) (cloister.Collaborator, error) { return tx.Collaborator(x.app.ID, zoe.UserID) }).Permissions, zoe.Permissions)
		update(t, s, func(tx *store.Tx) error { return tx.DeleteCollaborator(ada.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteCollaborator(ada.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.SetPermissions(ada, nil) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Collaborator(x.app.ID, ada.UserID); return err })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteApp(x.app.ID) }) // they go with the app
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Collaborator, error) { return tx.Collaborators(x.app.ID) }), []cloister.Collaborator(nil))
	})
}

func TestSpaceMembers(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var m cloister.SpaceMember
		update(t, s, func(tx *store.Tx) error {
			m = newSpaceMember(tx, x.space, x.user, "create_apps")
			if err := tx.PutSpaceMember(newSpaceMember(tx, x.space, x.user, "create_apps")); err != nil {
				return err
			}
			return tx.PutSpaceMember(m) // in place of the first
		})
		same(t, read(t, s, func(tx *store.Tx) (cloister.SpaceMember, error) { return tx.SpaceMember(x.space.ID, x.user.ID) }), m)
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.SpaceMember, error) { return tx.SpaceMembers(x.space.ID) }), []cloister.SpaceMember{m})
		update(t, s, func(tx *store.Tx) error { return tx.PutSpaceMember(newSpaceMember(tx, x.space, x.user)) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.SpaceMember(x.space.ID, x.user.ID); return err })
	})
}

func TestWhoLosesTheirTeamLosesWhatTheyHadThere(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var zoe cloister.User
		var abbey cloister.Team
		var place cloister.Member
		give := func() {
			update(t, s, func(tx *store.Tx) error {
				for _, u := range []cloister.User{x.user, zoe} {
					if err := tx.InsertCollaborator(newCollaborator(tx, x.app, u, "view")); err != nil {
						return err
					}
					if err := tx.PutSpaceMember(newSpaceMember(tx, x.space, u, "create_apps")); err != nil {
						return err
					}
				}
				return nil
			})
		}
		left := func() (out []string) {
			for _, c := range read(t, s, func(tx *store.Tx) ([]cloister.Collaborator, error) { return tx.Collaborators(x.app.ID) }) {
				out = append(out, "app "+c.Email)
			}
			for _, m := range read(t, s, func(tx *store.Tx) ([]cloister.SpaceMember, error) { return tx.SpaceMembers(x.space.ID) }) {
				out = append(out, "space "+m.Email)
			}
			return out
		}
		update(t, s, func(tx *store.Tx) error {
			zoe, abbey = newUser(tx, "zoe@example.com"), newTeam(tx, "abbey")
			place = cloister.Member{ID: cloister.NewID(), TeamID: abbey.ID, UserID: zoe.ID, Email: zoe.Email, Role: cloister.Viewer, CreatedAt: tx.Now, UpdatedAt: tx.Now}
			for _, insert := range []func() error{
				func() error { return tx.InsertUser(zoe) }, func() error { return tx.InsertTeam(abbey) }, func() error { return tx.InsertMember(place) },
			} {
				if err := insert(); err != nil {
					return err
				}
			}
			return nil
		})
		give()
		update(t, s, func(tx *store.Tx) error { return tx.Bar(x.team.ID, x.user.ID) })
		same(t, left(), []string{"app zoe@example.com", "space zoe@example.com"})
		update(t, s, func(tx *store.Tx) error { return tx.Bar(x.team.ID, zoe.ID) })
		give()
		update(t, s, func(tx *store.Tx) error { return tx.TransferSpace(x.space.ID, abbey.ID) }) // zoe is there already
		same(t, left(), []string{"app zoe@example.com", "space zoe@example.com"})
		same(t, read(t, s, func(tx *store.Tx) (cloister.App, error) { return tx.App(x.app.ID) }).TeamID, abbey.ID)
		same(t, read(t, s, func(tx *store.Tx) (cloister.Space, error) { return tx.Space(x.space.ID) }).TeamID, abbey.ID)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.TransferSpace("gone", abbey.ID) })

		update(t, s, func(tx *store.Tx) error { return tx.SetRole(place.ID, cloister.Admin) })
		same(t, read(t, s, func(tx *store.Tx) (cloister.Member, error) { return tx.Member(abbey.ID, zoe.ID) }).Role, cloister.Admin)
		update(t, s, func(tx *store.Tx) error { return tx.DeleteMember(place.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteMember(place.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.SetRole(place.ID, cloister.Admin) })
		update(t, s, func(tx *store.Tx) error { return tx.RenameTeam(abbey.ID, "priory") })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.RenameTeam(abbey.ID, x.team.Name) })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.DeleteTeam(abbey.ID) })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteTeam(x.team.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteTeam(x.team.ID) })
	})
}

func TestAppsThatAUserSees(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s) // its app is locked
		people := map[string]cloister.User{}
		update(t, s, func(tx *store.Tx) error {
			open := newApp(tx, "open-garth", x.space)
			open.Locked = false
			if err := tx.InsertApp(open); err != nil {
				return err
			}
			for name, role := range map[string]cloister.Role{"abbot": cloister.Admin, "monk": cloister.MemberRole, "guest": "", "nobody": ""} {
				u := newUser(tx, name+"@example.com")
				people[name] = u
				if err := tx.InsertUser(u); err != nil {
					return err
				}
				if role != "" {
					if err := tx.InsertMember(cloister.Member{ID: cloister.NewID(), TeamID: x.team.ID, UserID: u.ID, Role: role, CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
						return err
					}
				}
			}
			return tx.InsertCollaborator(newCollaborator(tx, x.app, people["guest"], "view"))
		})
		for name, want := range map[string]int{"abbot": 2, "monk": 1, "guest": 1, "nobody": 0} {
			apps := read(t, s, func(tx *store.Tx) ([]cloister.App, error) { return tx.Apps(store.AppFilter{User: people[name].ID}) })
			if len(apps) != want {
				t.Errorf("%s sees %d apps, want %d", name, len(apps), want)
			}
		}
	})
}

func TestAStandingIsAllThatDecides(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		standing := func(team, app, space, user string) store.Standing {
			return read(t, s, func(tx *store.Tx) (store.Standing, error) { return tx.Standing(team, app, space, user) })
		}
		same(t, standing("", "", "", x.user.ID), store.Standing{})
		same(t, standing(x.team.ID, "", "", x.user.ID), store.Standing{Team: cloister.Team{ID: x.team.ID, Name: x.team.Name}})
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Standing("none", "", "", x.user.ID); return err })

		ranges := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
		update(t, s, func(tx *store.Tx) error {
			if err := tx.InsertMember(cloister.Member{ID: cloister.NewID(), TeamID: x.team.ID, UserID: x.user.ID, Role: cloister.Viewer, CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
				return err
			}
			if err := tx.InsertCollaborator(cloister.Collaborator{ID: cloister.NewID(), AppID: x.app.ID, UserID: x.user.ID, Permissions: []cloister.Permission{cloister.DeployPermission}, CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
				return err
			}
			if err := tx.PutSpaceMember(cloister.SpaceMember{ID: cloister.NewID(), SpaceID: x.space.ID, UserID: x.user.ID, Permissions: []cloister.Permission{cloister.CreateApps}, CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
				return err
			}
			if err := tx.SetTeamTrusted(x.team.ID, ranges); err != nil {
				return err
			}
			return tx.SuspendTeam(x.team.ID, tx.Now)
		})
		team := cloister.Team{ID: x.team.ID, Name: x.team.Name, SuspendedAt: p.clock.Now(), Trusted: ranges}
		same(t, standing(x.team.ID, x.app.ID, "", x.user.ID), store.Standing{Role: cloister.Viewer, Permissions: []cloister.Permission{cloister.DeployPermission}, Team: team})
		same(t, standing(x.team.ID, "", x.space.ID, x.user.ID), store.Standing{Role: cloister.Viewer, Permissions: []cloister.Permission{cloister.CreateApps}, Team: team})
		same(t, standing(x.team.ID, "", "", x.user.ID), store.Standing{Role: cloister.Viewer, Team: team})
	})
}
