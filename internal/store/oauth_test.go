package store_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestOAuthClients(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var c cloister.OAuthClient
		var a cloister.Authorization
		g := cloister.Grant{Hash: "code", UserID: x.user.ID, Scope: []cloister.Scope{"read", "identity"}, ExpiresAt: p.clock.Now().Add(time.Minute)}
		update(t, s, func(tx *store.Tx) error {
			c = cloister.OAuthClient{ID: cloister.NewID(), UserID: x.user.ID, Name: "Amazing", RedirectURI: "https://app.example/cb", Secret: "hush", CreatedAt: tx.Now, UpdatedAt: tx.Now}
			g.ClientID = c.ID
			a = cloister.Authorization{ID: cloister.NewID(), UserID: x.user.ID, Scope: g.Scope, Hash: "access", Hint: "cess", RefreshHash: "refresh",
				Client: cloister.ClientRef{ID: c.ID, Name: c.Name, RedirectURI: c.RedirectURI}, ExpiresAt: tx.Now.Add(time.Hour), CreatedAt: tx.Now, UpdatedAt: tx.Now}
			if err := tx.InsertOAuthClient(c, "h1"); err != nil {
				return err
			}
			if err := tx.InsertGrant(g); err != nil {
				return err
			}
			return tx.InsertAuthorization(a)
		})
		same(t, read(t, s, func(tx *store.Tx) (cloister.OAuthClient, error) { return tx.OAuthClient(c.ID) }), c)
		same(t, read(t, s, func(tx *store.Tx) (cloister.OAuthClient, error) { return tx.OAuthClientBySecret("h1") }), c)
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.OAuthClient, error) { return tx.OAuthClients(x.user.ID) }), []cloister.OAuthClient{c})
		same(t, read(t, s, func(tx *store.Tx) (cloister.Authorization, error) { return tx.AuthorizationByRefresh(c.ID, "refresh") }), a)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.AuthorizationByRefresh("other", "refresh"); return err })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.TakeGrant("other", "code"); return err })
		var taken cloister.Grant
		update(t, s, func(tx *store.Tx) (err error) { taken, err = tx.TakeGrant(c.ID, "code"); return err })
		same(t, taken, g)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.TakeGrant(c.ID, "code"); return err })

		c.Name, c.RedirectURI, c.Secret, c.UpdatedAt = "Other", "https://other.example/", "more", p.clock.Now()
		update(t, s, func(tx *store.Tx) error { return tx.UpdateOAuthClient(c, "h2") })
		same(t, read(t, s, func(tx *store.Tx) (cloister.OAuthClient, error) { return tx.OAuthClientBySecret("h2") }), c)
		update(t, s, func(tx *store.Tx) error { return tx.DeleteOAuthClient(c.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteOAuthClient(c.ID) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.UpdateOAuthClient(c, "h3") })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.Authorization(a.ID); return err }) // it goes along
	})
}

func TestGrantsThatAreOverAreForgotten(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		c := cloister.OAuthClient{ID: cloister.NewID(), UserID: x.user.ID, Secret: "s"}
		grant := func(hash string) {
			update(t, s, func(tx *store.Tx) error {
				return tx.InsertGrant(cloister.Grant{Hash: hash, ClientID: c.ID, UserID: x.user.ID, ExpiresAt: tx.Now.Add(time.Minute)})
			})
		}
		update(t, s, func(tx *store.Tx) error {
			c.CreatedAt, c.UpdatedAt = tx.Now, tx.Now
			return tx.InsertOAuthClient(c, "h")
		})
		grant("first")
		p.clock.advance(time.Hour)
		grant("second")
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { _, err := tx.TakeGrant(c.ID, "first"); return err })
	})
}
