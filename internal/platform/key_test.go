package platform_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// publicKey is another line of a public key file each time.
func publicKey() string {
	b := make([]byte, 32)
	rand.Read(b)
	return "ssh-ed25519 " + base64.StdEncoding.EncodeToString(append([]byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00 "), b...)) + " ada@laptop"
}

// key is a key of an actor's, whatever they may do themselves.
func (h *house) key(ctx context.Context, a cloister.Actor) (k cloister.Key) {
	k, _ = cloister.ParseKey(publicKey())
	h.store.Update(ctx, func(tx *store.Tx) error {
		k.ID, k.UserID, k.CreatedAt = cloister.NewID(), a.User.ID, tx.Now
		return tx.InsertKey(k)
	})
	return k
}

func TestAKeyIsItsOwners(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	line := publicKey()
	k, err := h.AddKey(ctx, h.deploys, line)
	must(t, err)
	same(t, []string{k.Comment, k.Email, h.last(t).Kind, h.last(t).Action}, []string{"ada@laptop", "deploys@example.com", "key", "create"})
	_, err = h.AddKey(ctx, h.stranger, line)
	wantError(t, err, cloister.Invalid, "This key is in use already")
	for _, ref := range []string{k.ID, k.Fingerprint} {
		_, err = h.Key(ctx, h.deploys, ref)
		must(t, err)
		_, err = h.RemoveKey(ctx, h.admin, ref) // an admin has no part in it
		wantError(t, err, cloister.NotFound, "Couldn't find that key.")
	}

	a, err := h.OwnerOf(ctx, k.Public)
	must(t, err)
	same(t, a.User.ID, h.deploys.User.ID)
	_, err = h.Config(ctx, a, "quiet-garth") // all that they may do
	must(t, err)
	_, err = h.OwnerOf(ctx, "ssh-ed25519 AAAA")
	wantError(t, err, cloister.Unauthorized, "Nobody has this key.")
	_, err = h.SuspendUser(ctx, h.operator, "deploys@example.com")
	must(t, err)
	_, err = h.OwnerOf(ctx, k.Public)
	wantError(t, err, cloister.Suspended, "This account is suspended")
	_, err = h.RestoreUser(ctx, h.operator, "deploys@example.com")
	must(t, err)
	_, err = h.RemoveKey(ctx, h.deploys, k.Fingerprint)
	must(t, err)
	_, err = h.OwnerOf(ctx, k.Public)
	wantError(t, err, cloister.Unauthorized, "Nobody has this key.")
}

func TestKeysAreNotWithoutLimit(t *testing.T) {
	h := newHouse(t)
	for range 100 {
		_, err := h.AddKey(t.Context(), h.stranger, publicKey())
		must(t, err)
	}
	_, err := h.AddKey(t.Context(), h.stranger, publicKey())
	wantError(t, err, cloister.Invalid, "You have 100 keys, which is the limit.")
}
