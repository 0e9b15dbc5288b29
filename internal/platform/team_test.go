package platform_test

import (
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestAnOperatorMakesATeamAndIsItsAdmin(t *testing.T) {
	h := newHouse(t)
	team, err := h.CreateTeam(t.Context(), h.operator, "abbey")
	must(t, err)
	same(t, team.Role, cloister.Admin)
	for _, bad := range []string{"abbey", "apps", "invitations", "Abbey", "a", ""} {
		_, err := h.CreateTeam(t.Context(), h.operator, bad)
		wantKind(t, err, cloister.Invalid)
	}
}

func TestAMemberIsAddedOnceWithARole(t *testing.T) {
	h := newHouse(t)
	m, err := h.AddMember(t.Context(), h.admin, "acme", "Stranger@example.com", cloister.Viewer)
	must(t, err)
	same(t, []any{m.Email, m.Role}, []any{"stranger@example.com", cloister.Viewer})
	same(t, h.last(t), cloister.Event{Actor: "admin@example.com", Kind: "team_membership", ID: m.ID, Action: "create",
		Text: "stranger@example.com is viewer of acme"})
	_, err = h.App(t.Context(), h.stranger, "quiet-garth") // a stranger no more
	must(t, err)
	members, err := h.Members(t.Context(), h.viewer, "acme")
	must(t, err)
	same(t, len(members), 5)

	for _, bad := range []struct {
		email string
		role  cloister.Role
	}{{"stranger@example.com", cloister.Admin}, {"unknown@example.com", cloister.Viewer}, {"operator@example.com", "abbot"}, {"operator@example.com", cloister.CollaboratorRole}} {
		_, err := h.AddMember(t.Context(), h.admin, "acme", bad.email, bad.role)
		wantKind(t, err, cloister.Invalid)
	}
}
