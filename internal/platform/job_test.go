package platform_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestAJobIsScheduledAndChangedAndRemoved(t *testing.T) {
	h := runHouse(t)
	ctx := t.Context()
	h.clockwork(ctx, "quiet-garth")
	h.forget(t)
	_, j, err := h.AddJob(ctx, h.deploys, "quiet-garth", platform.JobSpec{Command: "worker --key=hush", Schedule: " Hourly at :20"})
	must(t, err)
	made := h.clock()
	same(t, j, cloister.Job{ID: j.ID, AppID: j.AppID, Command: "worker --key=hush", Size: "Private-S", Schedule: "hourly at :20", Since: made, CreatedAt: made, UpdatedAt: made})
	same(t, h.touched(t), []string{"job " + j.ID})
	same(t, h.said, []string{"Schedule `worker --key=hush` hourly at :20 by user deploys@example.com"})
	h.update(t, func(tx *store.Tx) error {
		ran := j
		ran.HandledAt, ran.LastRun = made.Add(time.Minute), made.Add(time.Minute)
		return tx.PutJobStatus(ran)
	})
	h.advance(time.Hour)
	h.forget(t)

	// What is not changed stays, and due times that nobody has dealt with yet stay due.
	_, got, err := h.ChangeJob(ctx, h.admin, "quiet-garth", j.ID, platform.JobChange{Command: new("worker"), Size: new("private-m")})
	must(t, err)
	want := j
	want.Command, want.Size, want.HandledAt, want.LastRun, want.UpdatedAt = "worker", "Private-M", made.Add(time.Minute), made.Add(time.Minute), h.clock()
	same(t, got, want)
	same(t, h.touched(t), []string{"job " + j.ID})
	_, got, err = h.ChangeJob(ctx, h.admin, "quiet-garth", j.ID, platform.JobChange{Schedule: new("daily at 03:30"), Size: new("")})
	must(t, err)
	want.Schedule, want.Size, want.Since = "daily at 03:30", "Private-S", h.clock()
	same(t, got, want)
	_, all, err := h.Jobs(ctx, h.operates, "quiet-garth")
	must(t, err)
	same(t, all, []cloister.Job{want})

	_, _, err = h.RemoveJob(ctx, h.admin, "quiet-garth", j.ID)
	must(t, err)
	same(t, h.said[len(h.said)-1], "Unschedule `worker` daily at 03:30 by user admin@example.com")
	_, _, err = h.Job(ctx, h.admin, "quiet-garth", j.ID)
	wantKind(t, err, cloister.NotFound)
	var trail []string
	for _, e := range h.events(t) {
		if e.Kind == "scheduled_job" {
			trail = append(trail, e.Action+" "+e.Text+" "+string(e.Changes))
		}
	}
	same(t, trail, []string{
		`create quiet-garth {"command":[null,"[secret]"],"schedule":[null,"hourly at :20"],"size":[null,"Private-S"]}`,
		`update quiet-garth {"command":["[secret]","[secret]"],"size":["Private-S","Private-M"]}`,
		`update quiet-garth {"schedule":["hourly at :20","daily at 03:30"],"size":["Private-M","Private-S"]}`,
		`destroy quiet-garth {"command":["[secret]",null],"schedule":["daily at 03:30",null],"size":["Private-S",null]}`})
}

func TestJobsThatCannotBeAreRefused(t *testing.T) {
	h := runHouse(t)
	ctx := t.Context()
	_, j, err := h.addJob(ctx, h.admin, "quiet-garth", tidies)
	must(t, err)
	h.forget(t)
	before := len(h.events(t))
	for says, in := range map[string]platform.JobSpec{
		"A command is required":                    {Command: " ", Schedule: "every 10m"},
		"is no schedule":                           {Command: "worker"},
		"is no time of an hour":                    {Command: "worker", Schedule: "hourly at :25"},
		"Couldn't find that dyno size":             {Command: "worker", Schedule: "every 10m", Size: "huge"},
		"shield sizes are for Shield spaces only.": {Command: "worker", Schedule: "every 10m", Size: "shield-s"},
	} {
		_, _, err := h.addJob(ctx, h.admin, "quiet-garth", in)
		wantKind(t, err, cloister.Invalid)
		_, _, again := h.ChangeJob(ctx, h.admin, "quiet-garth", j.ID, platform.JobChange{Command: &in.Command, Size: &in.Size, Schedule: &in.Schedule})
		wantKind(t, again, cloister.Invalid)
		if !strings.Contains(err.Error(), says) || again.Error() != err.Error() {
			t.Errorf("%v, %v; want that it says %s", err, again, says)
		}
	}
	same(t, []int{len(h.events(t)) - before, len(h.said)}, []int{0, 0})
	must(t, h.newApp(t, "cellar", "calm-gate"))
	h.forget(t)
	before = len(h.events(t))
	for _, id := range []string{j.ID, cloister.NewID()} { // of another app's, or of nobody's
		_, _, err := h.Job(ctx, h.admin, "calm-gate", id)
		wantKind(t, err, cloister.NotFound)
		_, _, err = h.ChangeJob(ctx, h.admin, "calm-gate", id, platform.JobChange{Command: new("worker")})
		wantKind(t, err, cloister.NotFound)
		_, _, err = h.RemoveJob(ctx, h.admin, "calm-gate", id)
		wantKind(t, err, cloister.NotFound)
		_, _, err = h.RunJob(ctx, h.admin, "calm-gate", id)
		wantKind(t, err, cloister.NotFound)
	}
	_, all, err := h.Jobs(ctx, h.admin, "quiet-garth")
	must(t, err)
	same(t, all, []cloister.Job{j})
	same(t, []int{len(h.events(t)), len(h.said)}, []int{before, 0})
}

func TestAnAppHasAHundredScheduledJobs(t *testing.T) {
	h := runHouse(t)
	add := func() error { _, _, err := h.addJob(t.Context(), h.admin, "quiet-garth", tidies); return err }
	for range 100 {
		must(t, add())
	}
	err := add()
	wantKind(t, err, cloister.Invalid)
	if want := "App quiet-garth has 100 scheduled jobs, and would have 101; the limit is 100. Remove one, or ask an operator"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
	limits, err := h.Limits(t.Context(), h.viewer, "cellar")
	must(t, err)
	for _, l := range limits {
		if l.Name == cloister.LimitJobs {
			same(t, []int{l.Use, l.Value}, []int{100, 100})
		}
	}
}

func TestAJobIsRunNowAsAOneOffDyno(t *testing.T) {
	h := runHouse(t)
	ctx := t.Context()
	_, j, err := h.addJob(ctx, h.admin, "quiet-garth", platform.JobSpec{Command: "worker -v", Size: "private-m", Schedule: "every 10m"})
	must(t, err)
	h.forget(t)
	_, r, err := h.RunJob(ctx, h.admin, "quiet-garth", j.ID)
	must(t, err)
	r.Env = map[string]cloister.Secret{}
	same(t, h.runs(t, "quiet-garth"), []cloister.Run{r})
	same(t, []any{r.Type, r.Number >= 1000, r.Command, r.Size, r.Version, r.Attached, r.ExpiresAt}, []any{"scheduler", true, "bin/worker -v", "Private-M", 2, false, h.clock().Add(24 * time.Hour)})
	same(t, h.touched(t), []string{"run " + r.ID})
	same(t, h.said, []string{"Starting process with command `bin/worker -v` by user admin@example.com"})
	same(t, h.last(t).Action, "run")
	for range 4 {
		_, _, err = h.RunJob(ctx, h.admin, "quiet-garth", j.ID)
		must(t, err)
	}
	_, _, err = h.RunJob(ctx, h.admin, "quiet-garth", j.ID)
	wantKind(t, err, cloister.Invalid)
	_, got, err := h.Job(ctx, h.admin, "quiet-garth", j.ID)
	must(t, err)
	same(t, got, j)

	must(t, h.newApp(t, "cellar", "bare-gate"))
	_, bare, err := h.addJob(ctx, h.admin, "bare-gate", tidies)
	must(t, err)
	_, _, err = h.RunJob(ctx, h.admin, "bare-gate", bare.ID)
	wantKind(t, err, cloister.Invalid)
}

func TestADestroyedAppsJobsAreLookedAtForTheLastTime(t *testing.T) {
	h := runHouse(t)
	_, j, err := h.addJob(t.Context(), h.admin, "quiet-garth", tidies)
	must(t, err)
	h.forget(t)
	_, err = h.DestroyApp(t.Context(), h.admin, "quiet-garth")
	must(t, err)
	if !slices.Contains(h.touched(t), "job "+j.ID) {
		t.Errorf("touched are %v", h.touched(t))
	}
}

func TestJobsComeWithTheScheduler(t *testing.T) {
	h := runHouse(t)
	ctx := t.Context()
	_, _, err := h.AddJob(ctx, h.admin, "quiet-garth", tidies)
	wantKind(t, err, cloister.Unsupported)
	h.clockwork(ctx, "quiet-garth")
	_, _, err = h.AddJob(ctx, h.admin, "quiet-garth", tidies)
	must(t, err)
	all, err := h.AppAddons(ctx, h.admin, "quiet-garth")
	must(t, err)
	_, err = h.DestroyAddon(ctx, h.admin, "quiet-garth", all[0].Name, false)
	must(t, err)
	_, _, err = h.AddJob(ctx, h.admin, "quiet-garth", tidies)
	wantKind(t, err, cloister.Invalid)
}
