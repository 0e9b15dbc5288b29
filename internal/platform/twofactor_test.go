package platform_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// code is what an authenticator app shows now.
func (h *house) code(offer platform.TwoFactorOffer) cloister.Secret {
	code, _ := totp.GenerateCode(offer.Secret.Reveal(), h.clock())
	return cloister.Secret(code)
}

// robert is a person with a password and a second factor.
func (h *house) robert(t *testing.T) (a cloister.Actor, app platform.TwoFactorOffer, recovery []cloister.Secret) {
	t.Helper()
	u, err := h.CreateUser(t.Context(), h.operator, "bob@example.com", "bob's password")
	must(t, err)
	a.User = u
	app, err = h.StartTwoFactor(t.Context(), a)
	must(t, err)
	if !strings.HasPrefix(app.URL.Reveal(), "otpauth://totp/Cloister:bob@example.com?") || !strings.Contains(app.URL.Reveal(), "secret="+app.Secret.Reveal()) {
		t.Errorf("the app is told %s", app.URL.Reveal())
	}
	recovery, err = h.ConfirmTwoFactor(t.Context(), a, h.code(app))
	must(t, err)
	same(t, h.last(t), cloister.Event{Actor: "bob@example.com", Kind: "user", ID: u.ID, Action: "update", Text: "two-factor authentication of bob@example.com is on"})
	h.advance(time.Minute)
	return a, app, recovery
}

func TestWhoHasASecondFactorNeedsItToSignIn(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, app, recovery := h.robert(t)
	signIn := func(password, code cloister.Secret) error {
		_, err := h.SignIn(ctx, "192.0.2.1", "bob@example.com", password, code)
		return err
	}
	wantKind(t, signIn("bob's password", ""), cloister.TwoFactor)
	wantKind(t, signIn("not his password", ""), cloister.Unauthorized) // the second is asked for after the first
	wantKind(t, signIn("not his password", h.code(app)), cloister.Unauthorized)
	wantKind(t, signIn("bob's password", "000000"), cloister.TwoFactor)
	same(t, h.last(t), cloister.Event{Actor: "bob@example.com", From: "192.0.2.1", Kind: "user", ID: h.last(t).ID, Action: "refuse", Text: "a wrong two-factor code for bob@example.com"})
	typed := h.code(app)
	must(t, signIn("bob's password", typed[:3]+" "+typed[3:]))
	wantKind(t, signIn("bob's password", typed), cloister.TwoFactor) // each works once
	h.advance(30 * time.Second)
	must(t, signIn("bob's password", h.code(app)))
	wantKind(t, signIn("bob's password", typed), cloister.TwoFactor)

	same(t, len(recovery), 10)
	must(t, signIn("bob's password", recovery[3]))
	wantKind(t, signIn("bob's password", recovery[3]), cloister.TwoFactor)
	must(t, signIn("bob's password", cloister.Secret(strings.ToUpper(strings.ReplaceAll(recovery[4].Reveal(), "-", " ")))))
	a, err := h.SignIn(ctx, "192.0.2.1", "bob@example.com", "bob's password", recovery[5])
	must(t, err)
	same(t, a.User.TwoFactor, true)
}

func TestAClockThatIsOffByAPeriodWorks(t *testing.T) {
	h := newHouse(t)
	_, app, _ := h.robert(t)
	for off, want := range map[time.Duration]cloister.Kind{-90 * time.Second: cloister.TwoFactor, 90 * time.Second: cloister.TwoFactor, 30 * time.Second: ""} {
		code, err := totp.GenerateCode(app.Secret.Reveal(), h.clock().Add(off))
		must(t, err)
		_, err = h.SignIn(t.Context(), "192.0.2.1", "bob@example.com", "bob's password", cloister.Secret(code))
		if cloister.KindOf(err) != want {
			t.Errorf("a code that is off by %s: %v, want kind %q", off, err, want)
		}
	}
}

func TestWrongCodesAreSlowedDownMoreAndMore(t *testing.T) {
	h := newHouse(t)
	_, app, recovery := h.robert(t)
	try := func(code cloister.Secret) error {
		_, err := h.SignIn(t.Context(), "192.0.2.1", "bob@example.com", "bob's password", code)
		return err
	}
	for range 5 {
		wantKind(t, try("000000"), cloister.TwoFactor)
	}
	for wait := 2 * time.Second; wait < 30*time.Minute; wait *= 2 {
		wait := min(wait, 15*time.Minute)
		wantKind(t, try(h.code(app)), cloister.RateLimit) // not even the right one
		wantKind(t, try(recovery[0]), cloister.RateLimit)
		h.advance(wait - time.Second)
		wantKind(t, try(h.code(app)), cloister.RateLimit)
		h.advance(time.Second)
		wantKind(t, try("000000"), cloister.TwoFactor)
	}
	h.advance(15 * time.Minute)
	must(t, try(h.code(app)))
	h.advance(time.Minute)
	wantKind(t, try("000000"), cloister.TwoFactor) // forgiven
	must(t, try(h.code(app)))
}

func TestASecondFactorIsTurnedOffByACodeOrAnOperator(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	a, app, recovery := h.robert(t)
	_, err := h.StartTwoFactor(ctx, a)
	wantKind(t, err, cloister.Invalid)
	_, err = h.ConfirmTwoFactor(ctx, a, h.code(app))
	wantKind(t, err, cloister.Invalid)
	wantKind(t, h.EndTwoFactor(ctx, a, ""), cloister.TwoFactor)
	wantKind(t, h.EndTwoFactor(ctx, a, "000000"), cloister.TwoFactor)
	must(t, h.EndTwoFactor(ctx, a, recovery[0]))
	wantKind(t, h.EndTwoFactor(ctx, a, recovery[1]), cloister.Invalid)
	_, err = h.SignIn(ctx, "192.0.2.1", "bob@example.com", "bob's password", "")
	must(t, err)

	app, err = h.StartTwoFactor(ctx, a)
	must(t, err)
	_, err = h.SignIn(ctx, "192.0.2.1", "bob@example.com", "bob's password", "") // what is not confirmed locks nobody out
	must(t, err)
	_, err = h.ConfirmTwoFactor(ctx, a, "000000")
	wantKind(t, err, cloister.TwoFactor)
	_, err = h.ConfirmTwoFactor(ctx, a, h.code(app))
	must(t, err)
	_, err = h.ResetTwoFactor(ctx, h.admin, "bob@example.com")
	wantKind(t, err, cloister.Forbidden)
	u, err := h.ResetTwoFactor(ctx, h.operator, "Bob@example.com")
	must(t, err)
	same(t, u.TwoFactor, false)
	same(t, h.last(t).Text, "two-factor authentication of bob@example.com is off")
	_, err = h.SignIn(ctx, "192.0.2.1", "bob@example.com", "bob's password", "")
	must(t, err)
	_, err = h.ResetTwoFactor(ctx, h.operator, "bob@example.com")
	wantKind(t, err, cloister.NotFound)
}
