package control

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// domainPatience is how soon a new domain is looked at again that a router does not know yet.
const domainPatience = 100 * time.Millisecond

// announce records of an app's new domains that all routers know them, once they work by a table. Until then it tells when to look
// again.
func (c *Control) announce(ctx context.Context, domains []cloister.Domain, table int64) (again time.Duration, err error) {
	unready := func(d cloister.Domain) bool { return !d.Ready }
	i := slices.IndexFunc(domains, unready)
	if i < 0 {
		return 0, nil
	}
	if !c.router.Drained(netip.AddrPort{}, table) {
		return domainPatience, nil
	}
	return 0, c.store.Update(ctx, func(tx *store.Tx) error {
		now, err := tx.Domains(domains[i].AppID)
		for _, was := range now {
			known := slices.ContainsFunc(domains, func(d cloister.Domain) bool { return d.ID == was.ID })
			if d := was; known && !was.Ready {
				d.Ready = true
				err = errors.Join(err, tx.UpdateDomain(was, d))
			}
		}
		return err
	})
}
