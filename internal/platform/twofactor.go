package platform

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

const (
	period        = 30 // seconds that a code is shown
	recoveryCodes = 10
)

// A TwoFactorOffer is what an authenticator app has to be told.
type TwoFactorOffer struct {
	Secret cloister.Secret // base32
	URL    cloister.Secret // "otpauth://totp/…", as a QR code has it
}

// StartTwoFactor gives the actor a secret for their authenticator app. It counts once a code of it is confirmed.
func (p *Platform) StartTwoFactor(ctx context.Context, a cloister.Actor) (out TwoFactorOffer, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		f, err := tx.SecondFactor(a.User.ID)
		if err == nil && f.On {
			return cloister.Errorf(cloister.Invalid, "Two-factor authentication is on already. Turn it off first, to begin anew.")
		}
		if err != nil && cloister.KindOf(err) != cloister.NotFound {
			return err
		}
		key, err := totp.Generate(totp.GenerateOpts{Issuer: "Cloister", AccountName: a.User.Email, Period: period})
		if err != nil {
			return fmt.Errorf("make a secret: %w", err)
		}
		out = TwoFactorOffer{Secret: cloister.Secret(key.Secret()), URL: cloister.Secret(key.URL())}
		return tx.PutSecondFactor(cloister.SecondFactor{UserID: a.User.ID, Secret: out.Secret})
	})
	return out, err
}

// ConfirmTwoFactor turns the second factor on, by a code that shows that the actor's app has the secret. It returns the
// recovery codes, which can not be read again.
func (p *Platform) ConfirmTwoFactor(ctx context.Context, a cloister.Actor, code cloister.Secret) (recovery []cloister.Secret, err error) {
	var refused error
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		f, err := tx.SecondFactor(a.User.ID)
		if cloister.KindOf(err) == cloister.NotFound || f.On {
			return cloister.Errorf(cloister.Invalid, "There is no two-factor authentication to confirm. Begin to turn it on first.")
		}
		if err != nil {
			return err
		}
		if refused = check(&f, code, tx.Now); refused != nil {
			return tx.PutSecondFactor(f)
		}
		recovery, f.Recovery = nil, nil
		for range recoveryCodes {
			c := newRecoveryCode()
			recovery, f.Recovery = append(recovery, c), append(f.Recovery, bare(c).Hash())
		}
		f.On = true
		if err := tx.PutSecondFactor(f); err != nil {
			return err
		}
		return tx.Changed("user", a.User.ID, "update", "two-factor authentication of "+a.User.Email+" is on", map[string]bool{"two_factor": false}, map[string]bool{"two_factor": true})
	})
	if err == nil && refused != nil {
		return nil, refused
	}
	return recovery, err
}

// EndTwoFactor turns the actor's second factor off, by a code: a token alone is not enough.
func (p *Platform) EndTwoFactor(ctx context.Context, a cloister.Actor, code cloister.Secret) error {
	var refused error
	err := p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, useAccount, object{resource: "account", user: a.User.ID}); err != nil {
			return err
		}
		f, err := tx.SecondFactor(a.User.ID)
		if cloister.KindOf(err) == cloister.NotFound || err == nil && !f.On {
			return cloister.Errorf(cloister.Invalid, "Two-factor authentication is off.")
		}
		if err != nil {
			return err
		}
		if refused = check(&f, code, tx.Now); refused != nil {
			return tx.PutSecondFactor(f)
		}
		return dropFactor(tx, a.User)
	})
	if err == nil {
		return refused
	}
	return err
}

// ResetTwoFactor takes a person's second factor away, for one who has lost it with all recovery codes. Operators only.
func (p *Platform) ResetTwoFactor(ctx context.Context, a cloister.Actor, email string) (u cloister.User, err error) {
	err = p.update(ctx, a, func(tx *store.Tx) error {
		if err := p.can(tx, a, administer, object{}); err != nil {
			return err
		}
		if u, err = tx.User(strings.ToLower(email)); err != nil {
			return err
		}
		return dropFactor(tx, u)
	})
	if err == nil {
		u.TwoFactor = false
	}
	return u, err
}

func dropFactor(tx *store.Tx, u cloister.User) error {
	if err := tx.DeleteSecondFactor(u.ID); err != nil {
		return err
	}
	return tx.Changed("user", u.ID, "update", "two-factor authentication of "+u.Email+" is off", map[string]bool{"two_factor": true}, map[string]bool{"two_factor": false})
}

// secondFactor lets a person pass who has shown their password, if they need no second factor or show it.
func (p *Platform) secondFactor(ctx context.Context, a cloister.Actor, code cloister.Secret) error {
	u := a.User
	if !u.TwoFactor {
		return nil
	}
	if code == "" {
		return cloister.Errorf(cloister.TwoFactor, "Two-factor authentication is required: a code of your authenticator app, or a recovery code.")
	}
	var refused error
	err := p.update(ctx, a, func(tx *store.Tx) error {
		f, err := tx.SecondFactor(u.ID)
		if err != nil {
			return err
		}
		if refused = check(&f, code, tx.Now); refused != nil && f.Failures == 1 {
			if err := tx.Event("user", u.ID, "refuse", "a wrong two-factor code for "+u.Email); err != nil {
				return err
			}
		}
		return tx.PutSecondFactor(f)
	})
	if err == nil {
		return refused
	}
	return err
}

// check is nil if a code works now, which it does once. It takes down in f what became of it.
func check(f *cloister.SecondFactor, code cloister.Secret, now time.Time) error {
	if opens := f.Opens(); now.Before(opens) {
		return cloister.Errorf(cloister.RateLimit, "Too many wrong two-factor codes. Wait %d seconds and try again.", int(opens.Sub(now).Seconds())+1)
	}
	text := bare(code)
	step := now.Unix() / period
	for s := step - 1; s <= step+1; s++ { // clocks differ, and typing takes time
		want, err := hotp.GenerateCode(f.Secret.Reveal(), uint64(s))
		if err != nil {
			return fmt.Errorf("compute a two-factor code: %w", err)
		}
		if s > f.Used && subtle.ConstantTimeCompare([]byte(want), []byte(text.Reveal())) == 1 {
			f.Used, f.Failures, f.FailedAt = s, 0, time.Time{}
			return nil
		}
	}
	if i := slices.Index(f.Recovery, text.Hash()); i >= 0 {
		f.Recovery = slices.Delete(slices.Clone(f.Recovery), i, i+1)
		f.Failures, f.FailedAt = 0, time.Time{}
		return nil
	}
	f.Failures, f.FailedAt = f.Failures+1, now
	return cloister.Errorf(cloister.TwoFactor, "This two-factor code is wrong, or was used already. Wait for the next one.")
}

// bare is a code however it was typed.
func bare(code cloister.Secret) cloister.Secret {
	return cloister.Secret(strings.NewReplacer(" ", "", "-", "", "\t", "").Replace(strings.ToLower(code.Reveal())))
}

// newRecoveryCode is 50 random bits that a person can type: "abcde-23456".
func newRecoveryCode() cloister.Secret {
	b := make([]byte, 7)
	rand.Read(b) // never fails
	text := strings.ToLower(base32.StdEncoding.EncodeToString(b))
	return cloister.Secret(text[:5] + "-" + text[5:10])
}
