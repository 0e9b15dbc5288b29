package api_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestAOneOffDynoIsAttachedToWhereItsRequestCameTo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	app := h.app("cellar", "hello")
	h.deploy(app)
	var d heroku.Dyno
	h.call("POST", "/apps/hello/dynos", `{"command":"bash","attach":true,"env":{"TERM":"xterm","COLUMNS":80,"LINES":25},"size":"private-m"}`).want(t, 201, &d)
	u, err := url.Parse(h.url)
	check(t, err)
	if d.AttachURL == nil || *d.AttachURL != "rendezvous://"+u.Host+"/5ec2e7?eof=eot" {
		t.Errorf("attach_url is %v", d.AttachURL)
	}
	if !regexp.MustCompile(`^run\.[1-9]\d{3}$`).MatchString(d.Name) || d.Size != "Private-M" || d.State != "starting" || d.Command != "bash" || d.Release.Version != 2 {
		t.Errorf("the dyno is %+v", d)
	}
	if len(h.offered) != 1 || !h.offered[0].TTY || h.offered[0].Columns != 80 || h.offered[0].Lines != 25 {
		t.Errorf("offered is %+v", h.offered)
	}
	got := h.call("GET", "/apps/hello/dynos", nil).want(t, 200, nil)
	if !strings.Contains(string(got.body), d.Name) || strings.Contains(string(got.body), "5ec2e7") {
		t.Errorf("the list is %s", got.body)
	}
	h.call("PATCH", "/apps/hello/dynos/"+d.ID, `{"columns":97,"lines":31}`).want(t, 202, nil)
	if h.offered[0].Columns != 97 || h.offered[0].Lines != 31 {
		t.Errorf("its window is %+v", h.offered[0])
	}
	h.call("POST", "/apps/hello/dynos", `{"command":"bash"}`).want(t, 201, &d)
	if d.AttachURL != nil || len(h.offered) != 1 {
		t.Errorf("a detached dyno has the address %v", d.AttachURL)
	}
	h.call("POST", "/apps/hello/dynos/"+d.Name+"/actions/stop", nil).want(t, 202, nil)
}

// Whoever knows or guesses the id of another team's dyno finds nothing: neither at the app it belongs to, nor at an app
// of their own.
func TestAnotherTeamsDynosAreNotFoundByTheirIDs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	app := h.app("cellar", "hello")
	h.deploy(app)
	web := h.run(app, "web", 1)
	var run, inside heroku.Dyno
	h.call("POST", "/apps/hello/dynos", `{"command":"bash","attach":true}`).want(t, 201, &run)
	h.call("POST", "/apps/hello/dynos/web.1", `{"command":"bash"}`).want(t, 201, &inside)

	_, err := h.platform.CreateTeam(t.Context(), h.ada, "other")
	check(t, err)
	eve := h.person("eve@example.com", "")
	_, err = h.platform.AddMember(t.Context(), h.ada, "other", "eve@example.com", cloister.Admin)
	check(t, err)
	_, err = h.platform.CreateSpace(t.Context(), h.ada, platform.SpaceSpec{Name: "den", Team: "other"})
	check(t, err)
	theirs := h.app("den", "theirs")
	h.deploy(theirs)

	for _, id := range []string{web.ID, run.ID, inside.ID, run.Name, web.Name()} {
		for _, name := range []string{"hello", app.ID, "theirs"} {
			for _, x := range []struct{ method, path, body string }{
				{"GET", "", ""}, {"POST", "", `{"command":"bash"}`}, {"PATCH", "", `{"columns":80,"lines":24}`}, {"DELETE", "", ""}, {"POST", "/actions/stop", ""},
			} {
				var body any
				if x.body != "" {
					body = x.body
				}
				if got := h.call(x.method, "/apps/"+name+"/dynos/"+id+x.path, body, as(eve)); got.StatusCode != 404 {
					t.Errorf("%s %s of %s tells a stranger %d: %s", x.method, id, name, got.StatusCode, got.body)
				}
			}
		}
	}
	check(t, h.store.View(t.Context(), func(tx *store.Tx) error {
		r, err := tx.Run(run.ID)
		if r.Stopped {
			t.Error("a stranger stopped it")
		}
		return err
	}))
	if len(h.offered) != 2 || h.offered[0].Columns != 0 {
		t.Errorf("offered is %+v", h.offered)
	}
}
