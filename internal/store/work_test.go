package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func touch(t *testing.T, s *store.Store, kind string, ids ...string) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		for _, id := range ids {
			if err := tx.Touch(kind, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func claim(t *testing.T, s *store.Store, owner string, n int) (out []store.Work) {
	t.Helper()
	update(t, s, func(tx *store.Tx) (err error) {
		out, err = tx.ClaimWork(owner, n, time.Minute, "")
		return err
	})
	return out
}

func work(t *testing.T, s *store.Store, kind, id string) (w store.Work, ok bool) {
	t.Helper()
	view(t, s, func(tx *store.Tx) (err error) {
		w, ok, err = tx.WorkFor(kind, id)
		return err
	})
	return w, ok
}

func ids(work []store.Work) (out []string) {
	for _, w := range work {
		out = append(out, w.ID)
	}
	return out
}

func TestWorkOfAKindIsLeftOut(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		touch(t, s, "app", "a")
		p.clock.advance(time.Second)
		touch(t, s, "space", "b")
		var got []store.Work
		update(t, s, func(tx *store.Tx) (err error) {
			got, err = tx.ClaimWork("me", 10, time.Minute, "app")
			return err
		})
		same(t, ids(got), []string{"b"})
		same(t, ids(claim(t, s, "me", 10)), []string{"a"})
	})
}

func TestTouchesOfOneObjectFold(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		touch(t, s, "app", "a")
		first := p.clock.Now()
		p.clock.advance(time.Second)
		touch(t, s, "app", "a", "a")
		touch(t, s, "space", "a") // the same id, another kind
		same(t, read(t, s, (*store.Tx).Work), []store.Work{
			{Kind: "app", ID: "a", Rev: 3, DueAt: first}, // it keeps its place
			{Kind: "space", ID: "a", Rev: 1, DueAt: p.clock.Now()},
		})
		// While somebody looks at it, a touch asks for another look, and that one queues anew.
		claim(t, s, "me", 1)
		p.clock.advance(time.Second)
		touch(t, s, "app", "a")
		same(t, read(t, s, (*store.Tx).Work)[1], store.Work{Kind: "app", ID: "a", Rev: 4, DueAt: p.clock.Now(), Owner: "me"})
	})
}

func TestWorkIsClaimedOnceAndTheLongestDueFirst(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		for _, id := range []string{"z", "m", "a"} {
			touch(t, s, "app", id)
			p.clock.advance(time.Second)
		}
		touch(t, s, "app", "b")
		same(t, ids(claim(t, s, "one", 3)), []string{"z", "m", "a"})
		same(t, ids(claim(t, s, "two", 3)), []string{"b"})
		same(t, ids(claim(t, s, "three", 3)), []string(nil))
	})
}

func TestALeaseThatIsOverIsClaimedBySomebodyElse(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		touch(t, s, "app", "a")
		slow := claim(t, s, "slow", 1)[0]
		p.clock.advance(time.Minute - time.Microsecond)
		same(t, ids(claim(t, s, "next", 1)), []string(nil))
		p.clock.advance(time.Microsecond)
		taken := claim(t, s, "next", 1)
		same(t, ids(taken), []string{"a"})

		// The slow one comes back: what it has to say no longer counts, and the lease of the next one holds.
		update(t, s, func(tx *store.Tx) error { return tx.FinishWork(slow, 0) })
		update(t, s, func(tx *store.Tx) error { return tx.FinishWork(slow, time.Hour) })
		update(t, s, func(tx *store.Tx) error { return tx.FailWork(slow, "too late", -1) })
		w, ok := work(t, s, "app", "a")
		if !ok {
			t.Fatal("the work is gone while somebody does it")
		}
		same(t, w, taken[0])
		same(t, ids(claim(t, s, "third", 1)), []string(nil))
		update(t, s, func(tx *store.Tx) error { return tx.FinishWork(taken[0], 0) })
		same(t, read(t, s, (*store.Tx).Work), []store.Work(nil))
	})
}

func TestFinishedWorkIsGoneUnlessItWasTouchedMeanwhile(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		touch(t, s, "app", "a", "b")
		for _, w := range claim(t, s, "me", 2) {
			if w.ID == "b" {
				touch(t, s, "app", "b")
				same(t, ids(claim(t, s, "you", 2)), []string(nil)) // never two for one object
			}
			update(t, s, func(tx *store.Tx) error { return tx.FinishWork(w, 0) })
		}
		same(t, read(t, s, (*store.Tx).Work), []store.Work{{Kind: "app", ID: "b", Rev: 2, DueAt: p.clock.Now()}})
		same(t, ids(claim(t, s, "you", 2)), []string{"b"})
	})
}

func TestWorkThatWantsAnotherLookIsDueLater(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		touch(t, s, "app", "a", "b")
		for _, w := range claim(t, s, "me", 2) {
			if w.ID == "b" {
				touch(t, s, "app", "b")
			}
			update(t, s, func(tx *store.Tx) error { return tx.FinishWork(w, time.Hour) })
		}
		same(t, ids(claim(t, s, "me", 2)), []string{"b"}) // touched: at once
		p.clock.advance(time.Hour)
		same(t, ids(claim(t, s, "me", 1)), []string{"b"}) // its lease is over, and it has been due for longer
		same(t, ids(claim(t, s, "me", 1)), []string{"a"})
	})
}

func TestFailedWorkWaitsAndRemembersWhy(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		touch(t, s, "app", "a")
		for i := 1; i <= 2; i++ {
			w := claim(t, s, "me", 1)[0]
			update(t, s, func(tx *store.Tx) error { return tx.FailWork(w, "engine is away", time.Second) })
			got, _ := work(t, s, "app", "a")
			same(t, got, store.Work{Kind: "app", ID: "a", Rev: 1, DueAt: p.clock.Now().Add(time.Second), Attempts: i, LastError: "engine is away"})
			same(t, ids(claim(t, s, "me", 1)), []string(nil))
			p.clock.advance(time.Second)
		}
		w := claim(t, s, "me", 1)[0]
		update(t, s, func(tx *store.Tx) error { return tx.FinishWork(w, time.Hour) })
		got, _ := work(t, s, "app", "a")
		same(t, got, store.Work{Kind: "app", ID: "a", Rev: 1, DueAt: p.clock.Now().Add(time.Hour)})
	})
}

func TestParkedWorkWaitsForATouch(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		touch(t, s, "app", "a")
		w := claim(t, s, "me", 1)[0]
		update(t, s, func(tx *store.Tx) error { return tx.FailWork(w, "no such stack", -1) })
		p.clock.advance(1000 * 24 * time.Hour)
		same(t, ids(claim(t, s, "me", 1)), []string(nil))
		touch(t, s, "app", "a")
		same(t, ids(claim(t, s, "me", 1)), []string{"a"})
	})
}

func TestFailedWorkThatWasTouchedMeanwhileIsTriedAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		touch(t, s, "app", "a")
		w := claim(t, s, "me", 1)[0]
		touch(t, s, "app", "a")
		update(t, s, func(tx *store.Tx) error { return tx.FailWork(w, "no such stack", -1) })
		same(t, ids(claim(t, s, "me", 1)), []string{"a"})
	})
}

func TestNextWorkIsTheEarliestThatNobodyHas(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		next := func() (due time.Time, ok bool) {
			view(t, s, func(tx *store.Tx) (err error) {
				due, ok, err = tx.NextWork()
				return err
			})
			return due, ok
		}
		if _, ok := next(); ok {
			t.Fatal("an empty queue has next work")
		}
		touch(t, s, "app", "a")
		start := p.clock.Now()
		p.clock.advance(time.Second)
		touch(t, s, "app", "b")
		due, ok := next()
		same(t, []any{due, ok}, []any{start, true})
		w := claim(t, s, "me", 1)[0]
		due, ok = next()
		same(t, []any{due, ok}, []any{p.clock.Now(), true})
		update(t, s, func(tx *store.Tx) error { return tx.FinishWork(w, time.Millisecond) })
		claim(t, s, "me", 1)
		due, ok = next()
		same(t, []any{due, ok}, []any{p.clock.Now().Add(time.Millisecond), true})
	})
}

func TestReleaseLeasesFreesThoseOfOneOwner(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		touch(t, s, "app", "a")
		claim(t, s, "my earlier life", 1)
		touch(t, s, "app", "b")
		claim(t, s, "somebody else", 1)
		update(t, s, func(tx *store.Tx) error { return tx.ReleaseLeases("my earlier life") })
		same(t, ids(claim(t, s, "me", 9)), []string{"a"})
	})
}

func TestTouchAllTouchesEveryObject(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var pending, done cloister.Build
		update(t, s, func(tx *store.Tx) error {
			pending, done = newBuild(tx, x.app), newBuild(tx, x.app)
			done.Status = cloister.BuildFailed
			if err := tx.InsertBuild(pending); err != nil {
				return err
			}
			return tx.InsertBuild(done)
		})
		run := putRuns(t, s, x.app, 1234)[0]
		update(t, s, (*store.Tx).TouchAll)
		got := map[string]string{}
		for _, w := range read(t, s, (*store.Tx).Work) {
			got[w.Kind] += w.ID
		}
		same(t, got, map[string]string{"app": x.app.ID, "space": x.space.ID, "build": pending.ID, "run": run.ID})
	})
}

func TestTouchAppsTouchesTheAppsOfASpaceOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		x := seed(t, s)
		var other cloister.App
		update(t, s, func(tx *store.Tx) error {
			space := newSpace(tx, "attic", x.team.ID)
			other = newApp(tx, "dry-roof", space)
			return errors.Join(tx.InsertSpace(space), tx.InsertApp(other))
		})
		touch(t, s, "app", x.app.ID)
		first := p.clock.Now()
		p.clock.advance(time.Second)
		update(t, s, func(tx *store.Tx) error { return tx.TouchApps(x.space.ID) })
		same(t, read(t, s, (*store.Tx).Work), []store.Work{{Kind: "app", ID: x.app.ID, Rev: 2, DueAt: first}})
	})
}

func TestAnyErrorTextCanBeKept(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		touch(t, s, "app", "a")
		w := claim(t, s, "me", 1)[0]
		update(t, s, func(tx *store.Tx) error { return tx.FailWork(w, "said \xff\x00!", time.Second) })
		got, _ := work(t, s, "app", "a")
		same(t, got.LastError, "said \uFFFD\uFFFD!")
	})
}

func TestUpdatesThatTouchWorkWakeTheLoop(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		s := p.open(t)
		woken := func() bool {
			select {
			case <-s.Woken():
				return true
			default:
				return false
			}
		}
		update(t, s, func(tx *store.Tx) error { return tx.SetSetting("a", "b") })
		s.Update(t.Context(), func(tx *store.Tx) error { tx.Touch("app", "a"); return fmt.Errorf("changed my mind") })
		same(t, woken(), false)
		touch(t, s, "app", "a")
		touch(t, s, "app", "b")
		same(t, []bool{woken(), woken()}, []bool{true, false})
	})
}

func TestEightClaimersClaimEveryRowExactlyOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		const rows, claimers = 500, 8
		s := p.open(t)
		update(t, s, func(tx *store.Tx) error {
			for i := range rows {
				if err := tx.Touch("app", fmt.Sprintf("app-%03d", i)); err != nil {
					return err
				}
			}
			return nil
		})
		var mu sync.Mutex
		times := map[string]int{}
		began := time.Now()
		together(t, claimers, func(i int) error {
			s := s
			if p.shared() && i%2 == 1 {
				s = p.open(t) // half of them are servers of their own
			}
			for owner := fmt.Sprint("claimer ", i); ; {
				var got []store.Work
				err := s.Update(t.Context(), func(tx *store.Tx) (err error) {
					got, err = tx.ClaimWork(owner, 10, time.Minute, "")
					return err
				})
				if err != nil || len(got) == 0 {
					return err
				}
				mu.Lock()
				for _, w := range got {
					times[w.ID]++
				}
				mu.Unlock()
				for _, w := range got {
					if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.FinishWork(w, 0) }); err != nil {
						return err
					}
				}
			}
		})
		t.Logf("%d claimers did %d rows in %v", claimers, rows, time.Since(began).Round(time.Millisecond))
		same(t, len(times), rows)
		for id, n := range times {
			if n != 1 {
				t.Errorf("%s was claimed %d times", id, n)
			}
		}
		same(t, read(t, s, (*store.Tx).Work), []store.Work(nil))
	})
}
