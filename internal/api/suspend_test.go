package api_test

import (
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

func TestAnOperatorKeepsSomebodyOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	bob := h.person("bob@example.com", cloister.Admin)
	var account heroku.Account
	h.call("GET", "/account", nil, as(bob)).want(t, 200, nil)
	h.call("POST", "/users/ada@example.com/actions/suspend", nil, as(bob)).refused(t, 403, "forbidden", "Only an operator of this installation may do that.")
	h.call("POST", "/users/bob@example.com/actions/suspend", nil).want(t, 200, &account)
	if account.SuspendedAt.IsZero() || account.Email != "bob@example.com" {
		t.Errorf("suspended is %+v", account)
	}
	h.call("GET", "/account", nil, as(bob)).refused(t, 403, "suspended",
		"This account is suspended since "+account.SuspendedAt.Text()+". Ask an operator of this installation.")
	h.call("POST", "/users/bob@example.com/actions/restore", nil).want(t, 200, nil)
	h.call("GET", "/account", nil, as(bob)).want(t, 200, &account)
	if !account.SuspendedAt.IsZero() {
		t.Errorf("restored is %+v", account)
	}
}
