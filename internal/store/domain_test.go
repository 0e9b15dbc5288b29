package store_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestDomainsAndTheirCertificates(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var e cloister.Endpoint
		var a, b cloister.Domain
		update(t, s, func(tx *store.Tx) error {
			e = cloister.Endpoint{ID: cloister.NewID(), AppID: x.app.ID, Name: "quiet-garth-12345", Label: "main", Chain: "chain\r\n", Served: "served", Key: "hush", CreatedAt: tx.Now, UpdatedAt: tx.Now}
			if err := tx.InsertEndpoint(e); err != nil {
				return err
			}
			a = cloister.Domain{ID: cloister.NewID(), AppID: x.app.ID, Hostname: "a.example.com", EndpointID: e.ID, EndpointName: e.Name, CreatedAt: tx.Now, UpdatedAt: tx.Now}
			b = cloister.Domain{ID: cloister.NewID(), AppID: x.app.ID, Hostname: "*.b.example.com", CreatedAt: tx.Now, UpdatedAt: tx.Now}
			if err := tx.InsertDomain(a, "example.com"); err != nil {
				return err
			}
			return tx.InsertDomain(b, "example.com")
		})
		domains := func() []cloister.Domain {
			return read(t, s, func(tx *store.Tx) ([]cloister.Domain, error) { return tx.Domains(x.app.ID) })
		}
		same(t, domains(), []cloister.Domain{b, a})
		same(t, read(t, s, (*store.Tx).AllDomains), []cloister.Domain{b, a})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Domain, error) { return tx.DomainsBelow("example.com") }), []cloister.Domain{b, a})
		same(t, len(read(t, s, func(tx *store.Tx) ([]cloister.Domain, error) { return tx.DomainsBelow("example.org") })), 0)
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Endpoint, error) { return tx.Endpoints(x.app.ID) }), []cloister.Endpoint{e})
		same(t, read(t, s, (*store.Tx).AllEndpoints), []cloister.Endpoint{e})
		wantKind(t, s, cloister.Conflict, func(tx *store.Tx) error {
			return tx.InsertDomain(cloister.Domain{ID: cloister.NewID(), AppID: x.app.ID, Hostname: "a.example.com", CreatedAt: tx.Now, UpdatedAt: tx.Now}, "example.com")
		})

		next := b
		next.Ready, next.EndpointID, next.EndpointName, next.ACMStatus, next.ACMReason, next.ACMTries, next.ACMNext = true, e.ID, e.Name, "failing", "No answer.", 3, p.clock.Now().Add(time.Hour)
		other := e
		other.Label, other.Chain, other.Served, other.Key = "", "other chain", "other served", "another"
		update(t, s, func(tx *store.Tx) error {
			next.UpdatedAt, other.UpdatedAt = tx.Now, tx.Now
			if err := tx.UpdateDomain(b, next); err != nil {
				return err
			}
			return tx.UpdateEndpoint(e, other)
		})
		same(t, domains(), []cloister.Domain{next, a})
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Endpoint, error) { return tx.Endpoints(x.app.ID) }), []cloister.Endpoint{other})

		said := other
		said.Staple, said.StapleNext = cloister.Staple{Text: []byte("good"), Until: p.clock.Now().Add(time.Hour), Revoked: true}, p.clock.Now().Add(time.Minute)
		update(t, s, func(tx *store.Tx) error { return tx.UpdateStaple(said) })
		same(t, read(t, s, func(tx *store.Tx) ([]cloister.Endpoint, error) { return tx.Endpoints(x.app.ID) }), []cloister.Endpoint{said})
		relabelled := said
		relabelled.Label = "same"
		update(t, s, func(tx *store.Tx) error { relabelled.UpdatedAt = tx.Now; return tx.UpdateEndpoint(said, relabelled) })
		same(t, read(t, s, (*store.Tx).AllEndpoints), []cloister.Endpoint{relabelled}) // the certificate is the same
		update(t, s, func(tx *store.Tx) error {
			other.UpdatedAt = tx.Now
			other.Served = "third"
			return tx.UpdateEndpoint(relabelled, other)
		})
		same(t, read(t, s, (*store.Tx).AllEndpoints), []cloister.Endpoint{other})
		update(t, s, func(tx *store.Tx) error { return tx.DeleteEndpoint(other) })
		for _, d := range domains() {
			same(t, d.EndpointID+d.EndpointName, "")
		}
		update(t, s, func(tx *store.Tx) error { return tx.DeleteDomain(a) })
		same(t, len(domains()), 1)
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteDomain(a) })
		wantKind(t, s, cloister.NotFound, func(tx *store.Tx) error { return tx.DeleteEndpoint(other) })
		update(t, s, func(tx *store.Tx) error { return tx.DeleteApp(x.app.ID) })
		same(t, len(read(t, s, (*store.Tx).AllDomains)), 0)
	})
}
