package control_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// refuse has the engine start no dyno from now on, or all of them again for nil.
func (s *stage) refuse(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = why
}

func (s *stage) why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusal
}

// heardOf are the lines of the platform about a dyno, and empties them all.
func (s *stage) heardOf(proc string) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.said {
		if text, ok := strings.CutPrefix(l, proc+": "); ok {
			out = append(out, text)
		}
	}
	s.said = nil
	return out
}

// web makes the app have one web dyno, and returns its rows after a time.
func (s *stage) web(after time.Duration) (out []cloister.Dyno) {
	s.t.Helper()
	s.update(func(tx *store.Tx) error {
		if err := tx.PutProcessType(cloister.ProcessType{ID: cloister.NewID(), AppID: s.app.ID, Type: "web", Command: "serve", Quantity: 1,
			Size: "Private-S", CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
			return err
		}
		return tx.Touch("app", s.app.ID)
	})
	time.Sleep(after)
	synctest.Wait()
	s.check(s.store.View(s.t.Context(), func(tx *store.Tx) (err error) { out, err = tx.Dynos(s.app.ID); return err }))
	return out
}

const r17 = "Error R17 (Checksum error) -> Checksum does match expected value. Expected: SHA256:aa Actual: SHA256:bb"

func TestADamagedSlugCrashesItsDynosByThePolicyOfCrashes(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.refuse(cloister.Checksum("aa", "bb"))
		rows := s.web(time.Minute)
		if len(rows) != 1 || rows[0].State != cloister.DynoCrashed || rows[0].Crashes != 1 {
			t.Errorf("after a minute and two tries, there is %+v", rows)
		}
		crash := []string{"Starting process with command `serve`", r17, "State changed from starting to crashed"}
		if got, want := s.heardOf("web.1"), slices.Concat(crash, []string{"State changed from crashed to starting"}, crash); !slices.Equal(got, want) {
			t.Errorf("said %q\nwant %q", got, want)
		}
		s.refuse(nil)
		if rows = s.web(8 * time.Minute); rows[0].State != cloister.DynoCrashed {
			t.Errorf("before its pause is over: %+v", rows)
		}
		if rows = s.web(2 * time.Minute); len(rows) != 1 || rows[0].State != cloister.DynoUp {
			t.Errorf("after its pause, with a sound slug: %+v", rows)
		}
	})
}

func TestADamagedSlugEndsAOneOffDyno(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.refuse(cloister.Checksum("aa", "bb"))
		s.run("true", false)
		s.settle(time.Minute)
		if got, want := s.heardOf("run.1234"), []string{"Starting process with command `true`", r17, "State changed from starting to crashed"}; !slices.Equal(got, want) {
			t.Errorf("said %q\nwant %q", got, want)
		}
	})
}

func TestADynoThatCannotBeStartedIsToldOfOnceAndTriedAgain(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.refuse(errors.New("a secret of ours"))
		s.web(5 * time.Minute)
		if got, want := s.heardOf("web.1"), []string{"Starting process with command `serve`", "Error R99 (Platform error) -> The dyno could not be started yet: Internal server error."}; !slices.Equal(got, want) {
			t.Errorf("said %q\nwant %q", got, want)
		}
		s.refuse(nil)
		if rows := s.web(time.Minute); len(rows) != 1 || rows[0].State != cloister.DynoUp {
			t.Errorf("when it can be started, there is %+v", rows)
		}
		s.refuse(errors.New("again"))
		s.run("true", false)
		time.Sleep(time.Minute)
		if got := s.heardOf("run.1234"); len(got) != 2 || !strings.HasPrefix(got[1], "Error R99") {
			t.Errorf("of a one-off dyno it is said %q", got)
		}
	})
}

func TestAnEngineThatIsAwayForAMomentIsNobodysTrouble(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.refuse(cloister.Errorf(cloister.Unavailable, "It does not answer."))
		s.web(50 * time.Second)
		if got := s.heardOf("web.1"); len(got) != 1 {
			t.Errorf("within a minute it is said %q", got)
		}
		s.web(time.Minute)
		if got, want := s.heardOf("web.1"), []string{"Error R99 (Platform error) -> The dyno could not be started yet: It does not answer."}; !slices.Equal(got, want) {
			t.Errorf("later it is said %q\nwant %q", got, want)
		}
	})
}
