package store_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestTeamsAndTheirMembers(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var abbey cloister.Team
		var zoe cloister.User
		update(t, s, func(tx *store.Tx) error {
			abbey, zoe = newTeam(tx, "abbey"), newUser(tx, "zoe@example.com")
			if err := tx.InsertUser(zoe); err != nil {
				return err
			}
			return tx.InsertTeam(abbey)
		})
		for _, ref := range []string{x.team.ID, x.team.Name} {
			same(t, read(t, s, func(tx *store.Tx) (cloister.Team, error) { return tx.Team(ref) }), x.team)
		}
		same(t, read(t, s, (*store.Tx).Teams), []cloister.Team{abbey, x.team})
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Team("nunnery"); return err })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertTeam(newTeam(tx, "acme")) })

		member := func(team cloister.Team, u cloister.User, r cloister.Role) cloister.Member {
			return cloister.Member{ID: cloister.NewID(), TeamID: team.ID, UserID: u.ID, Email: u.Email, Role: r,
				CreatedAt: p.clock.Now(), UpdatedAt: p.clock.Now()}
		}
		first, second, third := member(x.team, zoe, cloister.Viewer), member(x.team, x.user, cloister.Admin), member(abbey, zoe, cloister.MemberRole)
		update(t, s, func(tx *store.Tx) error {
			for _, m := range []cloister.Member{first, second, third} {
				if err := tx.InsertMember(m); err != nil {
					return err
				}
			}
			return nil
		})
		for other, mates := range map[string]bool{zoe.ID: true, x.user.ID: true, "nobody": false} { // one is one's own mate, too
			same(t, read(t, s, func(tx *store.Tx) (bool, error) { return tx.Mates(x.user.ID, other) }), mates)
		}
		same(t, read(t, s, func(tx *store.Tx) (cloister.Member, error) { return tx.Member(x.team.ID, zoe.ID) }), first)
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Member, error) { return tx.Members(x.team.ID) }), []cloister.Member{second, first})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Team, error) { return tx.TeamsOf(zoe.ID) }), []cloister.Team{abbey, x.team})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Team, error) { return tx.TeamsOf(x.user.ID) }), []cloister.Team{x.team})
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Member(abbey.ID, x.user.ID); return err })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error { return tx.InsertMember(member(x.team, zoe, cloister.Admin)) })
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error {
			return tx.InsertMember(member(cloister.Team{ID: "gone"}, zoe, cloister.Admin))
		})
	})
}

func TestATeamIsSuspendedAndRestored(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		for _, since := range []time.Time{p.clock.Now(), {}} {
			update(t, s, func(tx *store.Tx) error { return tx.SuspendTeam(x.team.ID, since) })
			same(t, read(t, s, func(tx *store.Tx) (cloister.Team, error) { return tx.Team("acme") }).SuspendedAt, since)
		}
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.SuspendTeam("none", time.Time{}) })
	})
}

func TestTeamsThatAreNotUsedFromEverywhere(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		closed := func() []cloister.Team { return read(t, s, (*store.Tx).ClosedTeams) }
		same(t, len(closed()), 0)
		ranges := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
		update(t, s, func(tx *store.Tx) error { return tx.SetTeamTrusted(x.team.ID, ranges) })
		got := closed()
		same(t, len(got), 1)
		same(t, got[0].Trusted, ranges)
		update(t, s, func(tx *store.Tx) error { return tx.SetTeamTrusted(x.team.ID, nil) })
		same(t, len(closed()), 0)
	})
}
