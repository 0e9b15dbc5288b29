package control

import (
	"errors"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestTheLogFollowsTheDrainsOfAnApp(t *testing.T) {
	inPlant(t, func(p *plant) {
		after(time.Second)
		d := cloister.Drain{ID: cloister.NewID(), AppID: p.app.ID, URL: "https://logs.example.com", Token: cloister.NewDrainToken()}
		change := func(fn func(*store.Tx) error) {
			t.Helper()
			p.update(func(tx *store.Tx) error { return errors.Join(fn(tx), tx.Touch("app", p.app.ID)) })
		}
		change(func(tx *store.Tx) error { d.CreatedAt, d.UpdatedAt = tx.Now, tx.Now; return tx.InsertDrain(d) })
		after(time.Second)
		if got := p.logs.of(p.app.ID); len(got) != 1 || got[0].Token != d.Token || got[0].URL != d.URL {
			t.Errorf("the log knows of %+v", got)
		}
		p.stop()
		p.logs.drains = map[string][]cloister.Drain{}
		p.start() // knows nothing
		after(time.Second)
		if got := p.logs.of(p.app.ID); len(got) != 1 {
			t.Errorf("after a restart the log knows of %+v", got)
		}
		p.logs.breaks(errors.New("no space left on device"))
		change(func(tx *store.Tx) error { return tx.DeleteDrain(d.ID) })
		up := len(p.dynos())
		after(time.Minute)
		if n := len(p.dynos()); up == 0 || n != up { // the app does not depend on its drains
			t.Errorf("%d dynos, and %d when drains could not be set", up, n)
		}
		p.logs.breaks(nil)
		after(2 * time.Minute)
		if got := p.logs.of(p.app.ID); len(got) != 0 {
			t.Errorf("without drains the log knows of %+v", got)
		}
	})
}

func TestTheDrainOfASpaceTakesTheLogsOfItsApps(t *testing.T) {
	inPlant(t, func(p *plant) {
		own := cloister.Drain{ID: cloister.NewID(), AppID: p.app.ID, URL: "https://own.example.com", Token: cloister.NewDrainToken()}
		of := cloister.Drain{ID: cloister.NewID(), SpaceID: p.space.ID, URL: "https://logs.example.com", Token: cloister.NewDrainToken()}
		p.update(func(tx *store.Tx) error {
			own.CreatedAt, own.UpdatedAt, of.CreatedAt = tx.Now, tx.Now, tx.Now
			return errors.Join(tx.InsertDrain(own), tx.PutSpaceDrain(of), tx.Touch("app", p.app.ID))
		})
		after(time.Second)
		if got := p.logs.of(p.app.ID); len(got) != 1 || got[0].Token != of.Token || got[0].AppID != p.app.ID {
			t.Errorf("the log knows of %+v", got)
		}
	})
}
