package platform

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// ingress picks addresses for a new space.
func (p *Platform) ingress(tx *store.Tx) ([]netip.Addr, error) {
	if len(p.config.IngressPool) == 0 {
		return nil, nil
	}
	used, err := tx.IngressInUse()
	if err != nil {
		return nil, err
	}
	return cloister.PickIngress(p.config.IngressPool, used)
}

// GiveIngress gives the spaces that are there already ingress addresses of the families that they have none of. It
// is for the start of a server: an operator may have added a pool, or enlarged it. What a space has it keeps.
func GiveIngress(ctx context.Context, s *store.Store, pool []netip.Prefix) error {
	if len(pool) == 0 {
		return nil
	}
	var spaces []cloister.Space
	if err := s.View(ctx, func(tx *store.Tx) (err error) {
		spaces, err = tx.Spaces()
		return err
	}); err != nil {
		return err
	}
	for _, space := range spaces {
		if err := s.Update(ctx, func(tx *store.Tx) error { return giveIngress(tx, space.ID, pool) }); err != nil {
			return fmt.Errorf("give space %s an ingress address: %w", space.ID, err)
		}
	}
	return nil
}

func giveIngress(tx *store.Tx, id string, pool []netip.Prefix) error {
	s, err := tx.Space(id)
	if cloister.KindOf(err) == cloister.NotFound || s.State == cloister.Deleting {
		return nil
	} else if err != nil {
		return err
	}
	has := map[bool]bool{} // by: is it IPv4
	for _, a := range s.Ingress {
		has[a.Is4()] = true
	}
	var want []netip.Prefix
	for _, p := range pool {
		if !has[p.Addr().Is4()] {
			want = append(want, p)
		}
	}
	if len(want) == 0 {
		return nil
	}
	used, err := tx.IngressInUse()
	if err != nil {
		return err
	}
	more, err := cloister.PickIngress(want, used)
	if err != nil {
		return err
	}
	if err := tx.SetIngress(id, append(s.Ingress, more...)); err != nil {
		return err
	}
	return tx.Touch("space", id)
}
