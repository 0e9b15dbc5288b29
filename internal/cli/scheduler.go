package cli

import (
	"context"
	"fmt"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type scheduler struct {
	appFlag
	JSON bool `help:"Print JSON."`
}

// Run lists what an app runs by a schedule.
func (c *scheduler) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	all, err := h.ScheduledJobs(ctx, app)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.Term.JSON(heroku.List[heroku.ScheduledJob](all))
	}
	if len(all) == 0 {
		s.Term.Line("%s has no scheduled jobs\nUse `cloister scheduler:add` to add one.", s.Term.Cyan(app))
		return nil
	}
	var rows [][]string
	for _, j := range all {
		rows = append(rows, []string{j.ID, j.Command, j.Size, j.Schedule, first(j.LastRun.Text(), "never"), j.NextRun.Text()})
	}
	s.Term.Table([]string{"Job ID", "Command", "Size", "Schedule", "Last Run", "Next Run"}, rows)
	return nil
}

// jobFlags are when a scheduled job runs, and on what.
type jobFlags struct {
	Every  string `xor:"schedule" placeholder:"INTERVAL" help:"At fixed intervals: 10m, 2h, 1d."`
	Hourly *int   `xor:"schedule" placeholder:"MINUTE" help:"Each hour at 0, 10, 20, 30, 40 or 50 minutes past."`
	Daily  string `xor:"schedule" placeholder:"HH:MM" help:"Each day at a full or a half hour of UTC."`
	Cron   string `xor:"schedule" placeholder:"EXPRESSION" help:"By a cron expression, in UTC: '*/5 9-17 * * 1-5'."`
	Size   string `short:"s" placeholder:"SIZE" help:"The dyno's size."`
}

// opts are those that were given, with the schedule in the words of the API.
func (f jobFlags) opts() (in heroku.ScheduledJobOpts) {
	switch {
	case f.Every != "":
		in.Schedule = heroku.Pointer("every " + f.Every)
	case f.Hourly != nil:
		in.Schedule = heroku.Pointer(fmt.Sprintf("hourly at :%02d", *f.Hourly))
	case f.Daily != "":
		in.Schedule = heroku.Pointer("daily at " + f.Daily)
	case f.Cron != "":
		in.Schedule = &f.Cron
	}
	if f.Size != "" {
		in.Size = &f.Size
	}
	return in
}

type schedulerAdd struct {
	appFlag
	jobFlags
	Command []string `arg:"" help:"The command; in quotation marks, if it has flags."`
}

// Run has an app run a command by a schedule.
func (c *schedulerAdd) Run(ctx context.Context, s *Session) error {
	in := c.opts()
	if in.Schedule == nil {
		return complain("Say when it is to run: --every 10m, --hourly 20, --daily 03:30 or --cron '*/5 * * * *'.")
	}
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	in.Command = heroku.Pointer(commandLine(c.Command))
	return s.during("Scheduling "+*in.Command+" on "+s.Term.Cyan(app), func() (string, error) {
		j, err := h.AddScheduledJob(ctx, app, in)
		return upcoming(j), err
	})
}

// upcoming is when a job runs, for people.
func upcoming(j heroku.ScheduledJob) string {
	return j.Schedule + ", next at " + j.NextRun.Text()
}

type schedulerUpdate struct {
	appFlag
	jobFlags
	ID      string `arg:"" help:"The id of the job."`
	Command string `short:"c" placeholder:"COMMAND" help:"The command."`
}

// Run changes a scheduled job.
func (c *schedulerUpdate) Run(ctx context.Context, s *Session) error {
	in := c.opts()
	if c.Command != "" {
		in.Command = &c.Command
	}
	if in == (heroku.ScheduledJobOpts{}) {
		return complain("Say what is to change: --command, --size, --every, --hourly, --daily or --cron.")
	}
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Updating scheduled job "+c.ID+" of "+s.Term.Cyan(app), func() (string, error) {
		j, err := h.ChangeScheduledJob(ctx, app, c.ID, in)
		return upcoming(j), err
	})
}

type schedulerRemove struct {
	appFlag
	ID string `arg:"" help:"The id of the job."`
}

// Run ends a scheduled job.
func (c *schedulerRemove) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	return s.during("Removing scheduled job "+c.ID+" from "+s.Term.Cyan(app), func() (string, error) {
		_, err := h.RemoveScheduledJob(ctx, app, c.ID)
		return "", err
	})
}

type schedulerRun struct {
	appFlag
	ID string `arg:"" help:"The id of the job."`
}

// Run runs a scheduled job now, and leaves it alone.
func (c *schedulerRun) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	var d heroku.Dyno
	if err := s.during("Running scheduled job "+c.ID+" on "+s.Term.Cyan(app), func() (_ string, err error) {
		d, err = h.RunScheduledJob(ctx, app, c.ID)
		return d.Name, err
	}); err != nil {
		return err
	}
	s.Term.Line("Run cloister logs --app %s --dyno %s to view the output.", app, d.Name)
	return nil
}
