package platform_test

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestAnInstallationIsSetUpOnce(t *testing.T) {
	s, err := store.Open(t.Context(), store.Config{DSN: ":memory:", Key: make([]byte, 32)})
	must(t, err)
	defer s.Close()
	p := platform.New(s, platform.Config{}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	for _, bad := range []platform.Setup{
		{Email: "ada", Password: "long enough", Team: "acme"},
		{Email: "ada@example.com", Password: "short", Team: "acme"},
		{Email: "ada@example.com", Password: "long enough", Team: "apps"},
	} {
		_, err := p.SetUp(t.Context(), bad)
		wantKind(t, err, cloister.Invalid)
	}
	ada, err := p.SetUp(t.Context(), platform.Setup{Email: " Ada@Example.com", Password: "long enough", Team: "acme"})
	must(t, err)
	same(t, []any{ada.User.Email, ada.User.Operator}, []any{"ada@example.com", true})
	team, err := p.Team(t.Context(), ada, "ACME")
	must(t, err)
	same(t, team.Role, cloister.Admin)

	_, err = p.SetUp(t.Context(), platform.Setup{Email: "eve@example.com", Password: "long enough", Team: "evil"})
	wantKind(t, err, cloister.Forbidden)

	back, err := p.SignIn(t.Context(), "192.0.2.1", "ADA@example.com", "long enough", "")
	must(t, err)
	same(t, back.User, ada.User)
}

func TestSigningInTellsNothingAboutWhoIsKnown(t *testing.T) {
	h := newHouse(t)
	_, err := h.CreateUser(t.Context(), h.operator, "Bob@example.com", "bob's password")
	must(t, err)
	_, err = h.CreateUser(t.Context(), h.operator, "bob@example.com", "bob's password")
	wantKind(t, err, cloister.Invalid)
	bob, err := h.SignIn(t.Context(), "192.0.2.1", "bob@example.com", "bob's password", "")
	must(t, err)
	if !strings.HasPrefix(bob.User.PasswordHash, "$argon2id$v=19$m=65536,t=3,p=2$") || strings.Contains(bob.User.PasswordHash, "bob") {
		t.Errorf("the password is kept as %s", bob.User.PasswordHash)
	}
	_, wrong := h.SignIn(t.Context(), "192.0.2.1", "bob@example.com", "not his password", "")
	_, unknown := h.SignIn(t.Context(), "192.0.2.1", "rob@example.com", "bob's password", "")
	_, without := h.SignIn(t.Context(), "192.0.2.1", "admin@example.com", "", "") // has no password: signs in with tokens only
	wantKind(t, wrong, cloister.Unauthorized)
	same(t, []error{unknown, without}, []error{wrong, wrong})
}

func TestATokenWorksUntilItExpires(t *testing.T) {
	h := newHouse(t)
	x, token, err := h.CreateAuthorization(t.Context(), h.viewer, "laptop", nil, time.Hour)
	must(t, err)
	same(t, []any{x.Description, x.Scope, x.ExpiresAt, x.Hint}, []any{"laptop", []cloister.Scope{"global"}, h.clock().Add(time.Hour), token.Reveal()[60:]})
	h.advance(time.Hour - time.Microsecond)
	a, err := h.Authenticate(t.Context(), "", token)
	must(t, err)
	same(t, a, cloister.Actor{User: h.viewer.User, Authorization: x.ID, Scope: x.Scope})
	self, err := h.Authorization(t.Context(), a, "~")
	must(t, err)
	same(t, self, x)
	list, err := h.Authorizations(t.Context(), a)
	must(t, err)
	same(t, list, []cloister.Authorization{x})

	h.advance(time.Microsecond)
	_, err = h.Authenticate(t.Context(), "", token)
	wantKind(t, err, cloister.Unauthorized)
	list, err = h.Authorizations(t.Context(), h.viewer)
	must(t, err)
	same(t, len(list), 0)
}

func TestATokenIsRotatedAndRevoked(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	x, first, err := h.CreateAuthorization(ctx, h.viewer, "", nil, 0)
	must(t, err)
	_, second, err := h.RotateAuthorization(ctx, h.viewer, x.ID)
	must(t, err)
	_, err = h.Authenticate(ctx, "", first)
	wantKind(t, err, cloister.Unauthorized)
	h.advance(100 * 365 * 24 * time.Hour) // no lifetime: for ever
	_, err = h.Authenticate(ctx, "", second)
	must(t, err)
	x, err = h.DescribeAuthorization(ctx, h.viewer, x.ID, "kitchen")
	must(t, err)
	same(t, []string{x.Description, x.Hint}, []string{"kitchen", second.Reveal()[60:]})

	_, err = h.RevokeAuthorization(ctx, h.viewer, x.ID)
	must(t, err)
	same(t, h.last(t), cloister.Event{Actor: "viewer@example.com", Kind: "authorization", ID: x.ID, Action: "destroy", Text: "kitchen"})
	_, err = h.Authenticate(ctx, "", second)
	wantKind(t, err, cloister.Unauthorized)
	_, err = h.RevokeAuthorization(ctx, h.viewer, x.ID)
	wantKind(t, err, cloister.NotFound)
}

func TestTokensOfOthersLookMissing(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	x, token, err := h.CreateAuthorization(ctx, h.viewer, "", nil, 0)
	must(t, err)
	for _, a := range []cloister.Actor{h.admin, h.operator, h.stranger} {
		_, err := h.Authorization(ctx, a, x.ID)
		wantKind(t, err, cloister.NotFound)
		_, err = h.DescribeAuthorization(ctx, a, x.ID, "mine")
		wantKind(t, err, cloister.NotFound)
		_, _, err = h.RotateAuthorization(ctx, a, x.ID)
		wantKind(t, err, cloister.NotFound)
		_, err = h.RevokeAuthorization(ctx, a, x.ID)
		wantKind(t, err, cloister.NotFound)
	}
	_, err = h.RevokeAuthorization(ctx, h.nobody, x.ID)
	wantKind(t, err, cloister.Unauthorized)
	_, err = h.Authenticate(ctx, "", token)
	must(t, err)
}

func TestOnlyTheHashOfATokenIsKept(t *testing.T) {
	h := newHouse(t)
	x, token, err := h.CreateAuthorization(t.Context(), h.viewer, "", nil, 0)
	must(t, err)
	same(t, len(token), 64)
	var kept cloister.Authorization
	must(t, h.store.View(t.Context(), func(tx *store.Tx) (err error) {
		kept, err = tx.Authorization(x.ID)
		return err
	}))
	if kept.Hash == token.Reveal() || len(kept.Hash) != 64 || len(kept.Hint) != 4 {
		t.Errorf("kept: %+v", kept)
	}
	for _, e := range h.events(t) {
		if strings.Contains(e.Text, token.Reveal()) {
			t.Errorf("the token is in event %d", e.Seq)
		}
	}
	// The hash of a token is no token.
	_, err = h.Authenticate(t.Context(), "", cloister.Secret(kept.Hash))
	wantKind(t, err, cloister.Unauthorized)
	_, err = h.Authenticate(t.Context(), "", "")
	wantKind(t, err, cloister.Unauthorized)
}

func TestScopesThatAreNotThereAreRefused(t *testing.T) {
	h := newHouse(t)
	_, _, err := h.CreateAuthorization(t.Context(), h.viewer, "", []string{"read", "everything"}, 0)
	wantKind(t, err, cloister.Invalid)
}
