package cloister

import "time"

// SchedulerType is the process type of the one-off dynos of scheduled jobs: they are called scheduler.1234.
const SchedulerType = "scheduler"

// A Job is a command that an app runs by a schedule, each time in a one-off dyno of its own. Platform writes the spec, which
// is all but the status; that is control's.
type Job struct {
	ID        string
	AppID     string
	Command   string // as for a one-off dyno: its first word may be the name of a process type
	Size      string
	Schedule  Schedule
	Since     time.Time // spec: from when the schedule counts
	HandledAt time.Time // status: when its last due time was dealt with, by a run or by saying why there is none; zero: never
	LastRun   time.Time // status: when it last ran by its schedule; zero: never
	CreatedAt time.Time
	UpdatedAt time.Time
}

// NextRun is when the job is due: in the past, if nobody has dealt with that yet.
func (j Job) NextRun() time.Time {
	if j.HandledAt.After(j.Since) {
		return j.Schedule.Next(j.HandledAt)
	}
	return j.Schedule.Next(j.Since)
}
