package live

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// TestAppsOfASpaceTalkByName has one app ask another by its names, over and over, while the other is released, scaled
// and restarted. Its program drops what it has when it gets SIGTERM, so an error means that somebody was sent to it.
func TestAppsOfASpaceTalkByName(t *testing.T) {
	s := Start(t)
	w := &world{Server: s, api: &heroku.Client{URL: s.API, Token: s.Token}}
	w.Cloister(t, "spaces:create", "house", "--team", w.Team)
	w.Cloister(t, "spaces:wait", "house")
	for app, n := range map[string]string{"front": "1", "back": "2"} {
		w.Cloister(t, "create", app, "--space", "house", "--no-remote")
		w.push(t, app, "first")
		w.Cloister(t, "ps:scale", "web="+n, "--app", app)
		w.Cloister(t, "ps:wait", "--app", app)
	}
	for name, want := range map[string]string{"HEROKU_DNS_APP_NAME": "front.app.localspace",
		"HEROKU_DNS_FORMATION_NAME": "web.front.app.localspace", "HEROKU_DNS_DYNO_NAME": "1.web.front.app.localspace"} {
		if got := w.get(t, "front", "/env?name="+name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	w.sameTopology(t)

	names := []string{"web.back.app.localspace:5000", "1.web.back.app.localspace:5000", "back.app.localspace:5000"}
	w.get(t, "front", "/talk?to="+strings.Join(names, ","))
	w.Cloister(t, "config:set", "COLOUR=green", "--app", "back")
	w.settled(t, "back", 2, w.version(t, "back"))
	w.Cloister(t, "ps:scale", "web=4", "--app", "back")
	w.settled(t, "back", 4, w.version(t, "back"))
	Eventually(t, 30*time.Second, "the new dynos are asked too", func() bool {
		return strings.Contains(w.get(t, "front", "/heard"), "back v3 web.4")
	})
	w.Cloister(t, "ps:scale", "web=2", "--app", "back")
	w.settled(t, "back", 2, w.version(t, "back"))
	w.Cloister(t, "ps:restart", "--app", "back")
	w.settled(t, "back", 2, w.version(t, "back"))
	var talk struct {
		Sent, Answers map[string]int
		Errors        []string
	}
	if err := json.Unmarshal([]byte(w.get(t, "front", "/quiet")), &talk); err != nil {
		t.Fatal(err)
	}
	t.Logf("sent: %v\nanswers: %v", talk.Sent, talk.Answers)
	for _, e := range talk.Errors {
		t.Errorf("lost: %s", e)
	}
	for _, n := range names {
		if talk.Sent[n] < 100 {
			t.Errorf("%s was asked only %d times: too few to prove anything", n, talk.Sent[n])
		}
	}
	for _, from := range []string{"back v2 web.1", "back v2 web.2", "back v3 web.1", "back v3 web.2", "back v3 web.4"} {
		if talk.Answers[from] == 0 {
			t.Errorf("%s never answered", from)
		}
	}
	w.sameTopology(t)

	// A name that is given up leads nowhere, and the new one to where it led.
	w.Cloister(t, "apps:rename", "rear", "--app", "back")
	Eventually(t, 2*time.Second, "the new name works and the old one does not", func() bool {
		return strings.HasPrefix(w.get(t, "front", "/fetch?url=http://web.rear.app.localspace:5000/"), "back ") &&
			strings.HasPrefix(w.get(t, "front", "/fetch?url=http://web.back.app.localspace:5000/"), "error: ")
	})
	w.Cloister(t, "apps:destroy", "--app", "rear", "--confirm", "rear")
	Eventually(t, 2*time.Second, "no name of a destroyed app is left", func() bool {
		return strings.HasPrefix(w.get(t, "front", "/fetch?url=http://rear.app.localspace:5000/"), "error: ")
	})
	w.sameTopology(t)
}

// sameTopology checks that dynos read what the API says, under both names.
func (w *world) sameTopology(t *testing.T) {
	t.Helper()
	Eventually(t, 10*time.Second, "dynos read the topology that the API has", func() bool {
		want, err := w.api.Topology(t.Context(), "house")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"space-topology.json", "space-topology.v1.json"} {
			var got heroku.Topology
			if err := json.Unmarshal([]byte(w.get(t, "front", "/read?path=/etc/heroku/"+file)), &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				return false
			}
		}
		return len(want.Apps) > 0 && want.Apps[0].Formations[0].Dynos[0].Hostname != ""
	})
}
