package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func TestScheduledJobs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	app := h.app("cellar", "hello")
	h.deploy(app)
	h.vault(app)
	const path = "/apps/hello/scheduled-jobs"
	var j, got heroku.ScheduledJob
	a := h.call("POST", path, `{"command":"tidy","schedule":"Hourly at :20"}`).want(t, 201, &j)
	want := heroku.ScheduledJob{ID: j.ID, App: j.App, Command: "tidy", Size: "Private-S", Schedule: "hourly at :20", NextRun: j.NextRun, CreatedAt: j.CreatedAt, UpdatedAt: j.CreatedAt}
	if wait := j.NextRun.Sub(j.CreatedAt.Time); j != want || j.App.Name != "hello" || wait <= 0 || wait > time.Hour || j.NextRun.Minute() != 20 || !strings.Contains(string(a.body), `"last_run":null`) {
		t.Errorf("made %+v: %s", j, a.body)
	}
	h.call("PATCH", path+"/"+j.ID, `{"schedule":"0 9 * * mon","size":"private-m"}`).want(t, 200, &got)
	if want.Schedule, want.Size, want.NextRun, want.UpdatedAt = "0 9 * * mon", "Private-M", got.NextRun, got.UpdatedAt; got != want || got.NextRun.Weekday() != time.Monday {
		t.Errorf("changed to %+v", got)
	}
	h.call("GET", path+"/"+j.ID, nil).want(t, 200, &j)
	var all []heroku.ScheduledJob
	h.call("GET", path, nil).want(t, 200, &all)
	if len(all) != 1 || all[0] != got || j != got {
		t.Errorf("listed are %+v, shown is %+v", all, j)
	}
	var d heroku.Dyno
	h.call("POST", path+"/"+j.ID+"/actions/run", nil).want(t, 201, &d)
	if d.Type != "scheduler" || d.Command != "tidy" || d.Size != "Private-M" || d.AttachURL != nil {
		t.Errorf("run as %+v", d)
	}
	h.call("DELETE", path+"/"+j.ID, nil).want(t, 200, &j)
	h.call("GET", path+"/"+j.ID, nil).refused(t, 404, "not_found", "Couldn't find that scheduled job.")
	h.call("POST", path, `{"schedule":"every 10m"}`).refused(t, 422, "invalid_params", "A command is required. Try `bash`.")
	h.call("POST", path, `{"command":"tidy"}`).refused(t, 422, "invalid_params",
		`"" is no schedule. Use every 10m, hourly at :20, daily at 03:30, or a cron expression of five fields: */5 * * * *.`)
}
