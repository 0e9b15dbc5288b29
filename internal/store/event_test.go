package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestEventsAreAFeedInOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		update(t, s, func(tx *store.Tx) error {
			if err := tx.Event("space", "s1", "create", "cellar"); err != nil {
				return err
			}
			tx.Actor = "ada@example.com"
			return tx.Event("app", "a1", "update", "quiet-garth")
		})
		update(t, s, func(tx *store.Tx) error { return tx.Event("app", "a1", "destroy", "") })
		now := p.clock.Now()
		want := []cloister.Event{
			{Seq: 1, At: now, Kind: "space", ID: "s1", Action: "create", Text: "cellar"},
			{Seq: 2, At: now, Actor: "ada@example.com", Kind: "app", ID: "a1", Action: "update", Text: "quiet-garth"},
			{Seq: 3, At: now, Kind: "app", ID: "a1", Action: "destroy"},
		}
		for _, c := range []struct {
			filter cloister.EventFilter
			n      int
			want   []cloister.Event
		}{
			{cloister.EventFilter{}, 10, want},
			{cloister.EventFilter{After: 1}, 1, want[1:2]},
			{cloister.EventFilter{After: 3}, 10, nil},
			{cloister.EventFilter{Actor: "ada@example.com"}, 10, want[1:2]},
			{cloister.EventFilter{Kind: "app"}, 10, want[1:]},
			{cloister.EventFilter{Kind: "app", Action: "destroy"}, 10, want[2:]},
			{cloister.EventFilter{ID: "s1"}, 10, want[:1]},
			{cloister.EventFilter{Since: now, Until: now.Add(time.Second)}, 10, want},
			{cloister.EventFilter{Since: now.Add(time.Second)}, 10, nil},
			{cloister.EventFilter{Until: now}, 10, nil},
		} {
			got := read(t, s, func(tx *store.Tx) ([]cloister.Event, error) { return tx.Events(c.filter, c.n) })
			for i := range got {
				if len(got[i].Seal) != 64 {
					t.Errorf("the seal of event %d is %q", got[i].Seq, got[i].Seal)
				}
				got[i].Seal = ""
			}
			same(t, got, c.want)
		}
	})
}

func TestEventsOfManyWritersAtOnceHaveNoGapAndNoDouble(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		const writers, each = 6, 15
		together(t, writers, func(i int) error {
			for n := range each {
				if err := s.Update(t.Context(), func(tx *store.Tx) error {
					return tx.Event("app", fmt.Sprint(i), "update", fmt.Sprint(n))
				}); err != nil {
					return err
				}
			}
			return nil
		})
		all := read(t, s, func(tx *store.Tx) ([]cloister.Event, error) { return tx.Events(cloister.EventFilter{}, 1000) })
		same(t, len(all), writers*each)
		next := map[string]int{}
		for i, e := range all {
			same(t, e.Seq, int64(i+1))
			same(t, e.Text, fmt.Sprint(next[e.ID])) // each writer's own are in its order
			next[e.ID]++
		}
	})
}

func TestSettingsAreNamedValues(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		setting := func(tx *store.Tx) (string, error) { return tx.Setting("motto") }
		same(t, read(t, s, setting), "")
		for _, v := range []string{"ora", "ora et labora"} {
			update(t, s, func(tx *store.Tx) error { return tx.SetSetting("motto", v) })
			same(t, read(t, s, setting), v)
		}
	})
}
