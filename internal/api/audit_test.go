package api_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func TestTheAuditTrailTellsWhoDidWhatFromWhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	h.call("PATCH", "/apps/hello/config-vars", `{"KEY":"sesame"}`).want(t, 200, nil)
	h.call("PATCH", "/apps/hello", `{"maintenance":true}`).want(t, 200, nil)
	var all, one []heroku.Event
	res := h.call("GET", "/audit", nil)
	res.want(t, 200, &all)
	if strings.Contains(string(res.body), "sesame") {
		t.Errorf("the trail has the value of a config var: %s", res.body)
	}
	last := all[len(all)-1]
	if last.Seq != int64(len(all)) || last.Type != "app" || last.Action != "update" || last.Text != "hello" || last.Actor.Email != email ||
		last.Actor.Address != "127.0.0.1" || last.RequestID == "" || string(last.Changes) != `{"maintenance":[false,true]}` || len(last.Seal) != 64 {
		t.Errorf("the last event is %+v", last)
	}
	if e := all[len(all)-2]; e.Type != "release" || string(e.Changes) != `{"config.KEY":[null,"[secret]"],"version":[1,2]}` {
		t.Errorf("the one before is %+v", e)
	}
	for query, want := range map[string]int{"?max=1": 1, "?type=space": 1, "?type=app&action=update": 1, "?id=" + last.ID: 2, "?actor=nobody": 0,
		"?since=2999-01-01T00:00:00Z": 0, "?until=2000-01-01T00:00:00Z": 0, "?after=" + "1": len(all) - 1} {
		if h.call("GET", "/audit"+query, nil).want(t, 200, &one); len(one) != want {
			t.Errorf("%s picks %d events, want %d", query, len(one), want)
		}
	}
	for query, message := range map[string]string{
		"?max=0":        "Between 1 and 1000 events can be had at once. Ask for those after the last one next.",
		"?max=1001":     `max must be a whole number between 0 and 1000, not "1001".`,
		"?wait=1000":    `wait must be a whole number between 0 and 60, not "1000".`,
		"?after=x":      `after must be a whole number between 0 and 4611686018427387904, not "x".`,
		"?since=monday": `since must be a time such as 2026-01-31T12:00:00Z, not "monday".`,
	} {
		h.call("GET", "/audit"+query, nil).refused(t, 422, "invalid_params", message)
	}
	var found heroku.Audit
	h.call("POST", "/audit/actions/verify", nil).want(t, 200, &found)
	if found.Broken != 0 || int64(found.Events) != last.Seq || found.Seal != last.Seal {
		t.Errorf("verify says %+v", found)
	}
}

func TestWhoWaitsForAnEventGetsIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var all []heroku.Event
	h.call("GET", "/audit", nil).want(t, 200, &all)
	got := make(chan []heroku.Event)
	go func() {
		var next []heroku.Event
		h.call("GET", "/audit?wait=60&after="+strconv.Itoa(len(all)), nil).want(t, 200, &next)
		got <- next
	}()
	h.space("cellar")
	select {
	case next := <-got:
		if len(next) != 1 || next[0].Text != "cellar" {
			t.Errorf("got %+v", next)
		}
	case <-time.After(30 * time.Second):
		t.Error("nothing came")
	}
}
