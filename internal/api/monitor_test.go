package api_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/store"
)

// The bodies are those that the official CLI sends (ps:autoscale:enable and disable).
func TestAutoscalingIsAMonitor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.deploy(h.app("cellar", "hello"))
	const path = "/apps/hello/formation/web/monitors"
	var all []heroku.Monitor
	if h.call("GET", path, nil).want(t, 200, &all); all == nil || len(all) != 0 {
		t.Errorf("at first there are %v", all)
	}
	var m heroku.Monitor
	h.call("POST", path, `{"action_type":"scale","is_active":true,"notification_channels":[],"notification_period":1440,"op":"GREATER_OR_EQUAL","period":1,"max_quantity":4,"min_quantity":2,"name":"LATENCY_SCALE","value":500}`).want(t, 201, &m)
	if m.ID == "" || m.ActionType != "scale" || !m.IsActive || m.MinQuantity != 2 || m.MaxQuantity != 4 || m.Value != 500 {
		t.Errorf("made %+v", m)
	}
	h.call("PATCH", path+"/"+m.ID, `{"is_active":false,"op":"GREATER_OR_EQUAL","period":1}`).want(t, 200, &m)
	if h.call("GET", path, nil).want(t, 200, &all); len(all) != 1 || all[0].IsActive || all[0].Value != 500 {
		t.Errorf("after it was switched off: %+v", all)
	}
	for body, want := range map[string]int{
		`{"action_type":"alert","value":1}`: 501,
		`{"action_type":"scale","min_quantity":1,"max_quantity":2,"notification_channels":["app"]}`: 501,
		`{"action_type":"scale","min_quantity":3,"max_quantity":2}`:                                 422,
		`{"action_type":"scale","min_quantity":"many","max_quantity":2}`:                            422,
	} {
		h.call("POST", path, body).want(t, want, nil)
	}
	h.call("PATCH", path+"/"+cloister.NewID(), `{"is_active":false}`).want(t, 404, nil)
	h.call("GET", "/apps/hello/formation/clock/monitors", nil).want(t, 404, nil)
}

func TestErrorsAreCountedForEachHour(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	app := h.app("cellar", "hello")
	h.deploy(app)
	hour := time.Now().UTC().Truncate(time.Hour)
	if err := h.store.Update(t.Context(), func(tx *store.Tx) error {
		a, err := tx.App("hello")
		if err != nil {
			return err
		}
		for _, c := range []cloister.ErrorCount{{AppID: a.ID, Code: "H12", Hour: hour.Add(-time.Hour), Count: 2}, {AppID: a.ID, Code: "H12", Hour: hour, Count: 3}, {AppID: a.ID, Type: "web", Code: "R15", Hour: hour, Count: 1}} {
			if err := tx.AddErrorCount(c); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	span := func(from, until time.Time) string {
		return fmt.Sprintf("?start_time=%s&end_time=%s&step=1h&process_type=web", from.Format(time.RFC3339Nano), until.Format(time.RFC3339Nano))
	}
	day := span(hour.Add(-23*time.Hour+time.Minute), hour.Add(time.Minute))
	var got heroku.Errors
	h.call("GET", "/apps/hello/router-metrics/errors"+day, nil).want(t, 200, &got)
	if h12 := got.Data["H12"]; len(got.Data) != 1 || len(h12) != 24 || h12[22] != 2 || h12[23] != 3 {
		t.Errorf("of the router: %v", got.Data)
	}
	got.Data = nil
	h.call("GET", "/apps/hello/formation/web/metrics/errors"+day, nil).want(t, 200, &got)
	if r15 := got.Data["R15"]; len(got.Data) != 1 || len(r15) != 24 || r15[23] != 1 {
		t.Errorf("of dynos: %v", got.Data)
	}
	h.call("GET", "/apps/hello/formation/clock/metrics/errors"+day, nil).want(t, 404, nil)
	h.call("GET", "/apps/hello/router-metrics/errors", nil).want(t, 422, nil)
	h.call("GET", "/apps/hello/router-metrics/errors"+span(hour.Add(-1000*time.Hour), hour), nil).want(t, 422, nil)
	h.call("GET", "/apps/hello/router-metrics/errors"+span(hour, hour.Add(-time.Hour)), nil).want(t, 422, nil)
}
