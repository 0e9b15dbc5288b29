package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A diary notes when steps began.
type diary struct {
	mu sync.Mutex
	at []time.Time
}

func (d *diary) note() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = append(d.at, time.Now())
	return len(d.at)
}

func (d *diary) times() []time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]time.Time(nil), d.at...)
}

func TestStepsOfOneObjectTakeTurnsAndSlotsAreKept(t *testing.T) {
	inHouse(t, func(h *house) {
		var mu sync.Mutex
		now, runs := map[string]int{}, map[string]int{}
		most := 0
		step := func(_ context.Context, id string) (time.Duration, error) {
			mu.Lock()
			now[id]++
			runs[id]++
			all := 0
			for _, n := range now {
				all += n
				if n > 1 {
					t.Errorf("%d steps of %s at once", n, id)
				}
			}
			most = max(most, all)
			mu.Unlock()
			time.Sleep(3 * time.Second)
			mu.Lock()
			now[id]--
			mu.Unlock()
			return 0, nil
		}
		stop := h.loop("me", map[string]Step{"thing": step})
		for range 20 {
			for i := range 10 {
				h.touch("thing", fmt.Sprint(i))
			}
			after(time.Second)
		}
		after(time.Minute)
		stop()
		if most != 4 {
			t.Errorf("at most %d steps ran at once, of 4 slots", most)
		}
		for i := range 10 {
			if id := fmt.Sprint(i); runs[id] < 2 || runs[id] > 8 || h.work("thing", id) != nil {
				t.Errorf("%s: %d steps in 20 seconds of 3 each, left: %+v", id, runs[id], h.work("thing", id))
			}
		}
	})
}

func TestOneKindDoesNotKeepOthersWaiting(t *testing.T) {
	inHouse(t, func(h *house) {
		var mu sync.Mutex
		waited := map[string]time.Duration{}
		began := time.Now()
		step := func(kind string) Step {
			return func(context.Context, string) (time.Duration, error) {
				mu.Lock()
				waited[kind] = max(waited[kind], time.Since(began))
				mu.Unlock()
				time.Sleep(time.Second)
				return 0, nil
			}
		}
		stop := h.loop("me", map[string]Step{"many": step("many"), "few": step("few")})
		for i := range 100 {
			h.touch("many", fmt.Sprint(i))
		}
		after(time.Millisecond)
		h.touch("few", "a")
		after(time.Minute)
		stop()
		if waited["few"] > 2*time.Second || waited["many"] < 24*time.Second {
			t.Errorf("they waited %v", waited)
		}
	})
}

func TestTouchDuringAStepCausesAnother(t *testing.T) {
	inHouse(t, func(h *house) {
		var d diary
		step := func(context.Context, string) (time.Duration, error) {
			d.note()
			time.Sleep(10 * time.Second)
			return 0, nil
		}
		defer h.loop("me", map[string]Step{"thing": step})()
		h.touch("thing", "a")
		after(5 * time.Second)
		for range 3 {
			h.touch("thing", "a")
		}
		after(time.Minute)
		if n := len(d.times()); n != 2 {
			t.Errorf("%d steps, want one and another for what was touched meanwhile", n)
		}
		if w := h.work("thing", "a"); w != nil {
			t.Errorf("work is left: %+v", w)
		}
	})
}

func TestStepIsLookedAtAgainWhenItAsks(t *testing.T) {
	inHouse(t, func(h *house) {
		var d diary
		step := func(context.Context, string) (time.Duration, error) {
			if d.note() < 4 {
				return 7 * time.Second, nil
			}
			return 0, nil
		}
		defer h.loop("me", map[string]Step{"thing": step})()
		h.touch("thing", "a")
		after(time.Minute)
		at := d.times()
		if len(at) != 4 {
			t.Fatalf("%d looks, want 4", len(at))
		}
		for i := 1; i < len(at); i++ {
			if gap := at[i].Sub(at[i-1]); gap < 7*time.Second || gap > 8*time.Second {
				t.Errorf("look %d came after %s", i, gap)
			}
		}
	})
}

func TestErrorsAreTriedAgainLaterAndLater(t *testing.T) {
	inHouse(t, func(h *house) {
		var d diary
		var well atomic.Bool
		step := func(context.Context, string) (time.Duration, error) {
			d.note()
			if well.Load() {
				return 0, nil
			}
			return 0, errors.New("the engine is away")
		}
		defer h.loop("me", map[string]Step{"thing": step})()
		h.touch("thing", "a")
		after(8 * time.Minute)
		at := d.times()
		if len(at) < 12 || len(at) > 20 {
			t.Fatalf("%d tries in eight minutes", len(at))
		}
		for i := 1; i < len(at); i++ {
			want := min(firstBackoff<<(i-1), lastBackoff)
			if gap := at[i].Sub(at[i-1]); gap < want || gap > want+want/4+pollEvery {
				t.Errorf("try %d came after %s, want about %s", i, gap, want)
			}
		}
		w := h.work("thing", "a")
		if w == nil || w.Attempts != len(at) || w.LastError != "the engine is away" || w.Owner != "" {
			t.Fatalf("after %d tries the work is %+v", len(at), w)
		}
		// Whoever touches it does not wait, nor is the next error punished for those before.
		h.touch("thing", "a")
		after(time.Second)
		if n := len(d.times()); n < len(at)+2 {
			t.Errorf("within a second of a touch: %d tries", n-len(at))
		}
		well.Store(true)
		after(2 * time.Second)
		if w := h.work("thing", "a"); w != nil {
			t.Errorf("after success the work is %+v", w)
		}
	})
}

func TestInvalidIsParkedUntilSomebodyTouchesIt(t *testing.T) {
	inHouse(t, func(h *house) {
		var d diary
		step := func(context.Context, string) (time.Duration, error) {
			d.note()
			return 0, fmt.Errorf("start: %w", cloister.Errorf(cloister.Invalid, "There is no such image."))
		}
		defer h.loop("me", map[string]Step{"thing": step})()
		h.touch("thing", "a")
		h.touch("stranger", "b")
		after(3 * time.Hour)
		if n := len(d.times()); n != 1 {
			t.Errorf("%d tries of what will not get better", n)
		}
		if w := h.work("thing", "a"); w == nil || w.LastError != "start: There is no such image." {
			t.Errorf("it is told as %+v", w)
		}
		if w := h.work("stranger", "b"); w == nil || !strings.Contains(w.LastError, `kind "stranger"`) || w.Attempts != 1 {
			t.Errorf("work of an unknown kind is %+v", w)
		}
		h.touch("thing", "a")
		after(time.Second)
		if n := len(d.times()); n != 2 {
			t.Errorf("%d tries after a touch", n)
		}
	})
}

func TestPanicIsAnErrorOfItsObjectAlone(t *testing.T) {
	inHouse(t, func(h *house) {
		var good diary
		defer h.loop("me", map[string]Step{
			"bad":  func(context.Context, string) (time.Duration, error) { panic("boom") },
			"good": func(context.Context, string) (time.Duration, error) { good.note(); return 0, nil },
		})()
		for i := range 8 { // more than there are slots
			h.touch("bad", fmt.Sprint(i))
		}
		h.touch("good", "a")
		after(time.Second)
		if len(good.times()) != 1 {
			t.Error("the loop does not go on after a panic")
		}
		if w := h.work("bad", "0"); w == nil || !strings.HasPrefix(w.LastError, "panic: boom\n") || !strings.Contains(w.LastError, "loop_test.go") {
			t.Errorf("the panic is told as %+v", w)
		}
	})
}

func TestStepThatTakesTooLongIsCutOff(t *testing.T) {
	inHouse(t, func(h *house) {
		var d diary
		step := func(ctx context.Context, _ string) (time.Duration, error) {
			d.note()
			<-ctx.Done()
			return 0, fmt.Errorf("wait for containerd: %w", ctx.Err())
		}
		defer h.loop("me", map[string]Step{"slow": step})()
		h.touch("slow", "a")
		after(stepTimeout - time.Second)
		if w := h.work("slow", "a"); w == nil || w.Owner != "me" || w.LastError != "" {
			t.Errorf("in its last second it is %+v", w)
		}
		after(1100 * time.Millisecond)
		if w := h.work("slow", "a"); w == nil || w.LastError != "a step of slow took longer than 1m0s: wait for containerd: context deadline exceeded" {
			t.Errorf("it is told as %+v", w)
		}
		after(time.Second)
		if n := len(d.times()); n != 2 {
			t.Errorf("%d tries", n)
		}
	})
}

func TestStepThatOutlivesItsLeaseRunsAlone(t *testing.T) {
	inHouse(t, func(h *house) {
		var now, steps atomic.Int32
		step := func(context.Context, string) (time.Duration, error) {
			if now.Add(1) > 1 {
				t.Error("two steps of one object at once")
			}
			steps.Add(1)
			time.Sleep(lease + time.Minute) // deaf to its context
			now.Add(-1)
			return 0, nil
		}
		defer h.loop("me", map[string]Step{"deaf": step})()
		h.touch("deaf", "a")
		after(2*lease + time.Minute)
		if n := steps.Load(); n != 1 {
			t.Errorf("%d steps", n)
		}
	})
}

func TestLeaseOfSomebodyElseIsRespectedUntilItEnds(t *testing.T) {
	inHouse(t, func(h *house) {
		for _, id := range []string{"mine", "theirs"} {
			h.touch("thing", id)
			owner := map[string]string{"mine": "me", "theirs": "another"}[id]
			h.update(func(tx *store.Tx) error {
				w, err := tx.ClaimWork(owner, 1, lease, "")
				if err == nil && (len(w) != 1 || w[0].ID != id) {
					err = fmt.Errorf("claimed %+v", w)
				}
				return err
			})
		}
		var mu sync.Mutex
		began := map[string]time.Duration{}
		start := time.Now()
		step := func(_ context.Context, id string) (time.Duration, error) {
			mu.Lock()
			defer mu.Unlock()
			began[id] = time.Since(start)
			return 0, nil
		}
		defer h.loop("me", map[string]Step{"thing": step})()
		after(10 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if d, ok := began["mine"]; !ok || d > time.Second {
			t.Errorf("what an earlier life of ours had leased began after %s, %v", d, ok)
		}
		if d, ok := began["theirs"]; !ok || d < lease || d > lease+2*pollAlone {
			t.Errorf("what another has leased until %s began after %s, %v", lease, d, ok)
		}
	})
}

func TestEndGivesLeasesBackAndBlamesNobody(t *testing.T) {
	inHouse(t, func(h *house) {
		step := func(ctx context.Context, id string) (time.Duration, error) {
			if id == "quick" {
				time.Sleep(time.Second)
				return 0, nil
			}
			<-ctx.Done()
			time.Sleep(time.Second) // it puts things in order
			return 0, ctx.Err()
		}
		stop := h.loop("me", map[string]Step{"thing": step})
		h.touch("thing", "slow")
		after(10 * time.Second)
		h.touch("thing", "quick")
		after(500 * time.Millisecond)
		stop()
		if w := h.work("thing", "slow"); w == nil || w.Owner != "" || w.Attempts != 0 || w.LastError != "" {
			t.Errorf("what was cut short is %+v", w)
		}
		if w := h.work("thing", "quick"); w != nil {
			t.Errorf("what ended in time is %+v", w)
		}
	})
}
