package plan_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/plan"
)

// aJob is a job that counts from noon, of an app with code.
func aJob(s cloister.Schedule) plan.JobState {
	return plan.JobState{Job: cloister.Job{ID: "j", AppID: "a", Command: "tidy --all", Size: "Private-M", Schedule: s, Since: noon},
		App: cloister.App{ID: "a", SpaceID: "s", Name: "hello"}, Release: cloister.Release{ID: "r", Version: 7, SlugID: "g"},
		Slug: cloister.Slug{ID: "g", ProcessTypes: map[string]string{"tidy": "bin/tidy"}}, ID: "d", Number: 1234}
}

func TestAJobRunsWhenItIsDue(t *testing.T) {
	t.Parallel()
	s := aJob("hourly at :20")
	if got, want := plan.Job(s, noon.Add(5*time.Minute)), (plan.JobPlan{Job: s.Job, Again: 15 * time.Minute}); !reflect.DeepEqual(got, want) {
		t.Errorf("before it is due: %+v, want %+v", got, want)
	}
	at := noon.Add(20*time.Minute + time.Millisecond)
	want := plan.JobPlan{Job: s.Job, Put: true, Again: time.Hour - time.Millisecond, Run: &cloister.Run{Dyno: cloister.Dyno{ID: "d", AppID: "a", SpaceID: "s",
		Type: "scheduler", Number: 1234, ReleaseID: "r", Version: 7, Size: "Private-M", Command: "bin/tidy --all", State: cloister.DynoStarting,
		CreatedAt: at, UpdatedAt: at}, ExpiresAt: at.Add(24 * time.Hour)}}
	want.Job.HandledAt, want.Job.LastRun = at, at
	got := plan.Job(s, at)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("when it is due: %+v with %+v, want %+v with %+v", got, got.Run, want, want.Run)
	}
	s.Job = got.Job
	if again := plan.Job(s, at); again.Put || again.Run != nil || again.Again != want.Again {
		t.Errorf("the same moment again: %+v", again)
	}
}

func TestAJobThatCannotRunSaysWhyAndWaitsForItsNextTime(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		change func(*plan.JobState)
		says   string
	}{
		"no code":                {func(s *plan.JobState) { s.Release.SlugID = "" }, "App hello has no code to run yet. Deploy it first with `git push`."},
		"a full space":           {func(s *plan.JobState) { s.Full = "It is full." }, "It is full."},
		"no code, and no place ": {func(s *plan.JobState) { s.Release.SlugID, s.Full = "", "It is full." }, "App hello has no code to run yet. Deploy it first with `git push`."},
	} {
		s := aJob("every 10m")
		s.Job.LastRun = noon
		x.change(&s)
		at := noon.Add(10 * time.Minute)
		want := plan.JobPlan{Job: s.Job, Put: true, Again: 10 * time.Minute, Log: []plan.Line{{At: at, Proc: "scheduler", Text: "Skipped `tidy --all`: " + x.says}}}
		want.Job.HandledAt = at
		if got := plan.Job(s, at); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestWhatIsNoScheduleIsNeverDue(t *testing.T) {
	t.Parallel()
	s := aJob("now and then")
	if got := plan.Job(s, noon); !reflect.DeepEqual(got, plan.JobPlan{Job: s.Job}) {
		t.Errorf("got %+v", got)
	}
}

// However late and irregularly a job is looked at, and whatever its owner does to its schedule, each of its due times is dealt
// with by the first look behind it, and every look deals with all of those at once.
func TestAJobRunsOnceForAllThatWasMissed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		schedules := []cloister.Schedule{"every 1m", "every 7m", "every 1d", "hourly at :20", "daily at 03:30", "*/15 9-17 * * 1-5", "0 0 31 * *"}
		s := aJob(rapid.SampledFrom(schedules).Draw(t, "schedule"))
		now, counted := noon, noon // up to when due times were dealt with
		for range rapid.IntRange(1, 40).Draw(t, "looks") {
			if rapid.IntRange(0, 9).Draw(t, "change") == 0 {
				s.Job.Schedule, s.Job.Since = rapid.SampledFrom(schedules).Draw(t, "another"), now
				counted = now
			}
			wait := time.Duration(rapid.Int64Range(0, int64(3*time.Hour)).Draw(t, "wait"))
			p := plan.Job(s, now)
			if rapid.Bool().Draw(t, "in time") {
				wait = p.Again
			}
			now = now.Add(wait)
			p = plan.Job(s, now)
			missed := !s.Job.Schedule.Next(counted).After(now)
			if (p.Run != nil) != missed || p.Put != missed {
				t.Fatalf("at %s, dealt with up to %s: %+v", now, counted, p)
			}
			if p.Again <= 0 || !now.Add(p.Again).Equal(s.Job.Schedule.Next(now)) && missed {
				t.Fatalf("at %s it looks again after %s", now, p.Again)
			}
			if missed {
				counted = now
			}
			s.Job = p.Job
		}
	})
}
