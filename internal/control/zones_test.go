package control

import (
	"slices"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine/fake"
	"github.com/cloister-dev/cloister/internal/store"
)

// zonesOf are the zones that the router sends requests of the app to.
func (p *plant) zonesOf() (out []string) {
	for _, a := range p.router.routes().Apps {
		for _, d := range a.Dynos {
			out = append(out, d.Zone)
		}
	}
	return out
}

func (p *plant) declare(zone string, failed time.Time) {
	p.t.Helper()
	p.update(func(tx *store.Tx) error {
		if err := tx.DeclareZone(zone, failed, "ada@example.com"); err != nil {
			return err
		}
		return tx.TouchAll()
	})
}

func TestTheRouterLeavesAZoneThatIsDeclaredFailedAtOnce(t *testing.T) {
	inPlant(t, func(p *plant) {
		after(time.Minute)
		had := p.zonesOf()
		if len(had) != 2 || had[0] == had[1] {
			t.Fatalf("dynos are in %v", had)
		}
		p.obey(fake.Behaviour{Listen: 20 * time.Second}) // their successors are slow
		p.declare(had[0], time.Now())
		after(0)
		if now := p.zonesOf(); len(now) != 1 || now[0] != had[1] {
			t.Errorf("requests go to %v, with %s lost", now, had[0])
		}
		after(2 * time.Second)
		for _, s := range p.fake.Everything() {
			if s.Zone == had[0] {
				t.Errorf("%s still runs in the lost zone", s.ID)
			}
		}
		after(time.Minute)
		if now := p.zonesOf(); len(now) != 2 || now[0] == had[0] || now[1] == had[0] {
			t.Errorf("requests go to %v, with %s lost", now, had[0])
		}
	})
}

func TestTheRouterHearsOfADeclaredZoneWhileTheEngineIsAway(t *testing.T) {
	inPlant(t, func(p *plant) {
		after(time.Minute)
		had := p.zonesOf()
		p.fake.Break(cloister.Errorf(cloister.Unavailable, "The engine is away."))
		after(2 * time.Second)
		p.declare(had[0], time.Now())
		after(time.Second)
		if now := p.zonesOf(); len(now) != 1 || now[0] != had[1] {
			t.Errorf("requests go to %v, with %s lost", now, had[0])
		}
		p.stop()
		p.start()
		after(time.Second)
		if now := p.zonesOf(); len(now) != 1 || now[0] != had[1] {
			t.Errorf("after a restart requests go to %v, with %s lost", now, had[0])
		}
		p.declare(had[0], time.Time{})
		after(time.Second)
		if now := p.zonesOf(); !slices.Equal(now, had) {
			t.Errorf("requests go to %v, when %v work again", now, had)
		}
	})
}

func TestZonesAreRecordedAsTheyAreSeen(t *testing.T) {
	inPlant(t, func(p *plant) {
		zones := func() (out []cloister.Zone) {
			p.update(func(tx *store.Tx) (err error) { out, err = tx.Zones(); return err })
			return out
		}
		p.update(func(tx *store.Tx) error { return tx.ObserveZone("gone", true) })
		after(2 * time.Second)
		if all := zones(); len(all) != 3 || !all[0].Healthy {
			t.Fatalf("zones %+v", all)
		}
		p.declare("b", time.Now())
		p.fake.FailZone("a")
		after(2 * time.Second)
		if all := zones(); all[0].Healthy || !all[1].Healthy || all[1].FailedAt.IsZero() || !all[2].Works() {
			t.Errorf("zones %+v", all)
		}
		p.fake.HealZone("a")
		after(2 * time.Second)
		if all := zones(); !all[0].Works() {
			t.Errorf("zones %+v", all)
		}
	})
}

func TestTheRouterLeavesAZoneThatIsSeenToFailAtOnce(t *testing.T) {
	inPlant(t, func(p *plant) {
		after(time.Minute + 300*time.Millisecond) // between two looks
		had := p.zonesOf()
		p.obey(fake.Behaviour{Listen: 20 * time.Second}) // their successors are slow
		p.fake.FailZone(had[0])
		after(0)
		if now := p.zonesOf(); len(now) != 1 || now[0] != had[1] {
			t.Errorf("requests go to %v, with %s lost", now, had[0])
		}
		after(time.Minute)
		p.fake.LoseEvents(true)
		p.fake.HealZone(had[0])
		p.fake.FailZone(had[1])
		after(time.Second) // nobody hints at it, so that it has to be seen
		if now := p.zonesOf(); slices.Contains(now, had[1]) {
			t.Errorf("requests go to %v, with %s lost", now, had[1])
		}
	})
}
