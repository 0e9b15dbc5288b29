package control_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// job schedules a command of the stage's app.
func (s *stage) job(command string, schedule cloister.Schedule) (j cloister.Job) {
	s.t.Helper()
	s.update(func(tx *store.Tx) error {
		j = cloister.Job{ID: cloister.NewID(), AppID: s.app.ID, Command: command, Size: "Private-S", Schedule: schedule, Since: tx.Now, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := tx.InsertJob(j); err != nil {
			return err
		}
		return tx.Touch("job", j.ID)
	})
	return j
}

// until lets time pass up to a moment after midnight, at which virtual time begins.
func (s *stage) until(after time.Duration) {
	s.t.Helper()
	time.Sleep(time.Until(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(after)))
	synctest.Wait()
}

// jobRuns are the one-off dynos of scheduled jobs that go on.
func (s *stage) jobRuns() (out []cloister.Run) {
	s.t.Helper()
	s.check(s.store.View(s.t.Context(), func(tx *store.Tx) error {
		all, err := tx.Runs(s.app.ID)
		out = slices.DeleteFunc(all, func(r cloister.Run) bool { return r.Type != cloister.SchedulerType || r.Over() })
		return err
	}))
	slices.SortFunc(out, func(a, b cloister.Run) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return out
}

// began wants the job's runs that go on to have begun at these times after midnight, give or take a second.
func (s *stage) began(want ...time.Duration) {
	s.t.Helper()
	var got []time.Duration
	for _, r := range s.jobRuns() {
		got = append(got, r.CreatedAt.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).Truncate(time.Second))
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("runs began after %v, want %v", got, want)
	}
}

func TestAScheduledJobRunsAsAOneOffDyno(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		j := s.job("tidy", "every 10m")
		s.until(10*time.Minute - time.Second)
		s.began()
		s.until(10*time.Minute + 5*time.Second)
		s.began(10 * time.Minute)
		runs := s.jobRuns()
		if len(runs) != 1 || runs[0].State != cloister.DynoUp || runs[0].ReleaseID != s.release.ID {
			t.Fatalf("runs are %+v", runs)
		}
		name := runs[0].Name()
		s.heard(name+": Starting process with command `tidy`", name+": State changed from starting to up")
		if !strings.HasPrefix(name, "scheduler.") || !s.followed[name] {
			t.Errorf("%s is not in the log: %v", name, s.followed)
		}
		s.check(s.store.View(t.Context(), func(tx *store.Tx) error {
			got, err := tx.Job(j.ID)
			if !got.LastRun.Equal(runs[0].CreatedAt) || got.NextRun() != time.Date(2000, 1, 1, 0, 20, 0, 0, time.UTC) {
				t.Errorf("the job is %+v", got)
			}
			return err
		}))
		s.until(20*time.Minute + 5*time.Second) // the first one still goes
		s.began(10*time.Minute, 20*time.Minute)
		s.update(func(tx *store.Tx) error { return tx.DeleteJob(j.ID) })
		s.until(40 * time.Minute)
		s.began(10*time.Minute, 20*time.Minute)
		s.check(s.store.View(t.Context(), func(tx *store.Tx) error {
			_, ok, err := tx.WorkFor("job", j.ID)
			if ok {
				t.Error("there is work for a job that is no more")
			}
			return err
		}))
	})
}

func TestAJobRunsOnceWhateverEndsInBetween(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.job("tidy", "hourly at :10")
		for _, after := range []time.Duration{-time.Second, 0, time.Millisecond, time.Second} {
			s.until(10*time.Minute + after)
			s.stop()
			s.begin()
		}
		s.until(11 * time.Minute)
		s.began(10 * time.Minute)
		s.stop()
		s.until(5*time.Hour + 30*time.Minute) // what was due five times meanwhile
		s.begin()
		s.until(6 * time.Hour)
		s.began(10*time.Minute, 5*time.Hour+30*time.Minute)
		s.until(6*time.Hour + 11*time.Minute)
		s.began(10*time.Minute, 5*time.Hour+30*time.Minute, 6*time.Hour+10*time.Minute)
	})
}

func TestAJobThatFindsNoPlaceIsSkippedAndSaysSo(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.update(func(tx *store.Tx) error { return tx.SetLimit(s.app.SpaceID, cloister.LimitOneOffs, 1) })
		s.job("tidy", "every 10m")
		s.until(21 * time.Minute)
		s.began(10 * time.Minute)
		s.mu.Lock()
		said := slices.Clone(s.said)
		s.mu.Unlock()
		if n := len(said); n != 3 || !strings.HasPrefix(said[2], "scheduler: Skipped `tidy`: Size Private-S in space cellar has 1 one-off dynos, and would have 2; the limit is 1.") {
			t.Errorf("said %q", said)
		}
		first := s.jobRuns()[0].ID
		s.update(func(tx *store.Tx) error { return tx.StopRun(first) })
		s.until(31 * time.Minute)
		s.began(30 * time.Minute)
	})
}

func TestAJobWithoutCodeIsSkippedAndSaysSo(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.update(func(tx *store.Tx) error {
			bare := cloister.App{ID: cloister.NewID(), Name: "bare", SpaceID: s.app.SpaceID, TeamID: s.app.TeamID, Label: "1", CreatedAt: tx.Now, UpdatedAt: tx.Now}
			if err := tx.InsertApp(bare); err != nil {
				return err
			}
			s.app = bare
			_, err := tx.AddRelease(bare, cloister.Release{Description: "Initial release"}, "Private-S")
			return err
		})
		s.job("tidy", "every 1h")
		s.until(90 * time.Minute)
		s.began()
		s.heard("scheduler: Skipped `tidy`: App bare has no code to run yet. Deploy it first with `git push`.")
	})
}
