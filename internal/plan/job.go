package plan

import (
	"time"

	"github.com/cloister-dev/cloister"
)

// JobState is all that the next step of a scheduled job is planned from. While it is not due, the job is enough.
type JobState struct {
	Job     cloister.Job
	App     cloister.App
	Release cloister.Release // the current one
	Slug    cloister.Slug    // of the release, if that has code
	Full    string           // why the space of the app can have no other one-off dyno; "": it can
	ID      string           // for that dyno
	Number  int              // for it
}

// A JobPlan is what to do: write the status of Job if Put, add Run, and say Log.
type JobPlan struct {
	Job   cloister.Job
	Put   bool
	Run   *cloister.Run
	Log   []Line
	Again time.Duration // look again after this; zero: only when touched
}

// Job plans the next step of a scheduled job. If it is due, that is dealt with once, however many due times have passed
// meanwhile: by a one-off dyno, also where an earlier one still runs, or by saying why there is none.
func Job(s JobState, now time.Time) (p JobPlan) {
	p.Job = s.Job
	due := s.Job.NextRun()
	if due.IsZero() {
		return p
	}
	if now.Before(due) {
		p.Again = due.Sub(now)
		return p
	}
	p.Put, p.Job.HandledAt = true, now
	p.Again = p.Job.NextRun().Sub(now)
	why := s.Full
	if s.Release.SlugID == "" {
		why = "App " + s.App.Name + " has no code to run yet. Deploy it first with `git push`."
	}
	if why != "" {
		p.Log = []Line{{At: now, Proc: cloister.SchedulerType, Text: "Skipped `" + s.Job.Command + "`: " + why}}
		return p
	}
	p.Job.LastRun = now
	p.Run = &cloister.Run{Dyno: cloister.Dyno{ID: s.ID, AppID: s.App.ID, SpaceID: s.App.SpaceID, Type: cloister.SchedulerType, Number: s.Number,
		ReleaseID: s.Release.ID, Version: s.Release.Version, Size: s.Job.Size, Command: cloister.ExpandCommand(s.Job.Command, s.Slug.ProcessTypes),
		State: cloister.DynoStarting, CreatedAt: now, UpdatedAt: now}, ExpiresAt: now.Add(cloister.MaxTimeToLive)}
	return p
}
