package platform

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Every method asks can (TestEveryMethodAsksWhetherTheActorMay), so what can says of every verb holds for all of them.
func TestOfASuspendedTeamOneMayOnlyLook(t *testing.T) {
	s, err := store.Open(t.Context(), store.Config{DSN: ":memory:", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := New(s, Config{}, slog.New(slog.DiscardHandler))
	u, team := cloister.User{ID: cloister.NewID(), Email: "ada@example.com"}, cloister.Team{ID: cloister.NewID(), Name: "acme"}
	if err := s.Update(t.Context(), func(tx *store.Tx) error {
		u.CreatedAt, u.UpdatedAt, team.CreatedAt, team.UpdatedAt = tx.Now, tx.Now, tx.Now, tx.Now
		if err := tx.InsertUser(u); err != nil {
			return err
		}
		if err := tx.InsertTeam(team); err != nil {
			return err
		}
		return tx.InsertMember(cloister.Member{ID: cloister.NewID(), TeamID: team.ID, UserID: u.ID, Role: cloister.Admin, CreatedAt: tx.Now, UpdatedAt: tx.Now})
	}); err != nil {
		t.Fatal(err)
	}
	ask := func(v verb, o object) (kind cloister.Kind) {
		t.Helper()
		if err := s.View(t.Context(), func(tx *store.Tx) error {
			kind = cloister.KindOf(p.can(tx, cloister.Actor{User: u}, v, o))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return kind
	}
	for _, suspended := range []bool{false, true} {
		if err := s.Update(t.Context(), func(tx *store.Tx) error {
			if !suspended {
				return nil
			}
			return tx.SuspendTeam(team.ID, tx.Now)
		}); err != nil {
			t.Fatal(err)
		}
		for _, v := range allowed[cloister.Admin] {
			want := cloister.Kind("")
			if suspended && !slices.Contains(look, v) {
				want = cloister.Suspended
			}
			if got := ask(v, object{resource: "app", team: team.ID, app: &cloister.App{ID: "x", TeamID: team.ID}}); got != want {
				t.Errorf("%s while suspended is %v: %q, want %q", v, suspended, got, want)
			}
		}
		if got := ask(managePipeline, object{resource: "pipeline", pipeline: "x", user: u.ID}); got != "" { // their own is no team's
			t.Errorf("a pipeline of one's own: %q", got)
		}
	}
	for _, v := range look {
		if slices.Contains(scoped[cloister.ReadScope], v) == false {
			t.Errorf("%s is looking, and a token for reading is not good for it", v)
		}
	}
}
