package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// Clients take the first release of a list in descending order for the latest.
func TestReleasesComeInTheRangeAndOrderAskedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	for i := range 4 { // v2 to v5
		h.call("PATCH", "/apps/hello/config-vars", map[string]string{"N": fmt.Sprint(i)}).want(t, 200, nil)
	}
	for wanted, x := range map[string]struct {
		status   int
		versions []int
		span     string
		next     string
	}{
		"":                                {200, []int{1, 2, 3, 4, 5}, "", ""},
		"version ..; order=desc,max=1":    {206, []int{5}, "version 5..5; max=1, order=desc", "version ]5..; max=1, order=desc"},
		"version ..; max=15, order=desc":  {200, []int{5, 4, 3, 2, 1}, "version 5..1; max=15, order=desc", ""},
		"version ..; order=desc":          {200, []int{5, 4, 3, 2, 1}, "version 5..1; max=1000, order=desc", ""},
		"version ]5..; max=3, order=desc": {206, []int{4, 3, 2}, "version 4..2; max=3, order=desc", "version ]2..; max=3, order=desc"},
		"version ]2..; max=3, order=desc": {200, []int{1}, "version 1..1; max=3, order=desc", ""},
		"version 2..4;":                   {200, []int{2, 3, 4}, "version 2..4; max=1000", ""},
		"version 2..4; order=desc":        {200, []int{4, 3, 2}, "version 4..2; max=1000, order=desc", ""},
		"version ]2..4[":                  {200, []int{3}, "version 3..3; max=1000", ""},
		"version 2..4; max=2":             {206, []int{2, 3}, "version 2..3; max=2", "version ]3..4; max=2"},
		"version 9..":                     {200, []int{}, "", ""},
		"; max=2":                         {206, []int{1, 2}, "version 1..2; max=2", "version ]2..; max=2"},
		"version ..; max=5000":            {200, []int{1, 2, 3, 4, 5}, "version 1..5; max=1000", ""},
	} {
		t.Run(wanted, func(t *testing.T) {
			var got []heroku.Release
			res := h.call("GET", "/apps/hello/releases", nil, header("Range", wanted)).want(t, x.status, &got)
			versions := []int{}
			for _, r := range got {
				versions = append(versions, r.Version)
			}
			if !slices.Equal(versions, x.versions) {
				t.Errorf("got %v, want %v", versions, x.versions)
			}
			if s, n := res.Header.Get("Content-Range"), res.Header.Get("Next-Range"); s != x.span || n != x.next {
				t.Errorf("Content-Range %q, Next-Range %q,\nwant %q and %q", s, n, x.span, x.next)
			}
		})
	}
	for wanted, message := range map[string]string{
		"version; max=none":  `Range "version; max=none": max must be a positive number.`,
		"version one..":      "Range version is not one of numbers.",
		"colour ..":          "This list has no range by colour. Use one of version, id.",
		"version ..; x=desc": `Range "version ..; x=desc": x is not known.`,
	} {
		h.call("GET", "/apps/hello/releases", nil, header("Range", wanted)).refused(t, 400, "bad_request", message)
	}
	// What is no list has no range.
	h.call("GET", "/apps/hello", nil, header("Range", "colour ..")).want(t, 200, nil)
}

func TestFollowingNextRangeReadsAListOnceAndWhole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	want := []string{}
	for i := range 7 {
		want = append(want, h.app("cellar", fmt.Sprintf("app-%d", i)).ID)
	}
	var got []string
	for next := "id ..; max=2"; next != ""; {
		var page []heroku.App
		res := h.call("GET", "/apps", nil, header("Range", next)).want(t, map[bool]int{true: 200, false: 206}[len(got) == 6], &page)
		for _, app := range page {
			got = append(got, app.ID)
		}
		next = res.Header.Get("Next-Range")
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAnAppIsBornWithAReleaseThatIsCurrent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.call("POST", "/teams/apps", `{"name":"hello","space":"cellar"}`).want(t, 201, nil)
	var got []heroku.Release
	h.call("GET", "/apps/hello/releases", nil).want(t, 200, &got)
	if len(got) != 1 || got[0].Version != 1 || got[0].Description != "Initial release" || !got[0].Current || got[0].EligibleForRollback {
		t.Fatalf("got %+v", got)
	}
	// The release of a change is there before the answer.
	h.call("PATCH", "/apps/hello/config-vars", `{"A":"b"}`).want(t, 200, nil)
	h.call("GET", "/apps/hello/releases", nil).want(t, 200, &got)
	if len(got) != 2 || got[0].Current || !got[1].Current || got[1].Description != "Set A config vars" {
		t.Fatalf("got %+v", got)
	}
	var one heroku.Release
	if h.call("GET", "/apps/hello/releases/v1", nil).want(t, 200, &one); one.Current || one.Version != 1 {
		t.Errorf("v1 is %+v", one)
	}
}

func TestSlugTellsWhereItIsUploaded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	app := h.app("cellar", "hello")
	var raw any
	a := h.call("POST", "/apps/hello/slugs", `{"process_types":{"web":"bin/web"},"commit":"c0ffee","stack":{"name":"debian-12"}}`).want(t, 201, &raw)
	newChecker(t).object(t, "POST slugs", "slug", raw)
	var got heroku.Slug
	check(t, json.Unmarshal(a.body, &got))
	if want := h.url + "/slugs/" + app.ID + "/" + got.ID + "/secret"; got.Blob.Method != "PUT" || got.Blob.URL != want {
		t.Errorf("it is uploaded by %+v, not to %s", got.Blob, want)
	}
	h.call("GET", "/apps/hello/slugs/"+got.ID, nil).want(t, 200, &got)
	if got.Blob.URL != "" || got.ProcessTypes["web"] != "bin/web" || *got.Commit != "c0ffee" || got.Stack.Name != "debian-12" {
		t.Errorf("later it is %+v", got)
	}
	h.call("POST", "/apps/hello/releases", `{"slug":"`+got.ID+`"}`).refused(t, 422, "invalid_params",
		"The slug has no archive yet. Upload it to the address that was given when the slug was created, then release it.")
}

func TestRollbackMakesANewReleaseOfOldCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	app := h.app("cellar", "hello")
	slug := h.deploy(app)
	h.call("PATCH", "/apps/hello/config-vars", `{"A":"b"}`).want(t, 200, nil)
	var got heroku.Release
	h.call("POST", "/apps/hello/releases", `{"release":"2"}`).want(t, 201, &got)
	if got.Version != 4 || got.Description != "Rollback to v2" || !got.Current || got.Slug.ID != slug.ID {
		t.Errorf("got %+v", got)
	}
	var vars map[string]string
	if h.call("GET", "/apps/hello/config-vars", nil).want(t, 200, &vars); len(vars) != 0 {
		t.Errorf("the config vars are %v", vars)
	}
	if h.call("GET", "/apps/hello/releases/3/config-vars", nil).want(t, 200, &vars); vars["A"] != "b" {
		t.Errorf("those of v3 are %v", vars)
	}
}

func TestEveryFormOfScalingWorks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.deploy(h.app("cellar", "hello"))
	for _, x := range []struct {
		path, body string
		web        int
		size       string
	}{
		{"", `{"updates":[{"type":"web","quantity":2}]}`, 2, "Private-S"},
		{"", `{"updates":[{"type":"web","quantity":"3"}]}`, 3, "Private-S"},
		{"", `{"updates":[{"type":"web","quantity":"+1"}]}`, 4, "Private-S"},
		{"", `{"updates":[{"type":"web","quantity":"-2"}]}`, 2, "Private-S"},
		{"", `{"updates":[{"type":"web","size":"private-m"}]}`, 2, "Private-M"},
		{"", `{"updates":[{"type":"web","quantity":1,"dyno_size":{"name":"PRIVATE-L"}},{"type":"worker","quantity":"1"}]}`, 1, "Private-L"},
		{"", `{"updates":[]}`, 1, "Private-L"},
		{"/web", `{"quantity":5,"dyno_size":"Private-S"}`, 5, "Private-S"},
		{"/web", `{"quantity":"+1"}`, 6, "Private-S"},
		{"/web", `{"size":"private-2xl"}`, 6, "Private-2XL"},
	} {
		h.call("PATCH", "/apps/hello/formation"+x.path, x.body).want(t, 200, nil)
		var got heroku.Formation
		h.call("GET", "/apps/hello/formation/web", nil).want(t, 200, &got)
		if got.Quantity != x.web || got.Size != x.size || got.DynoSize.Name != x.size {
			t.Errorf("after %s: %d of %s, want %d of %s", x.body, got.Quantity, got.Size, x.web, x.size)
		}
	}
	var all []heroku.Formation
	h.call("GET", "/apps/hello/formation", nil).want(t, 200, &all)
	if len(all) != 2 || all[1].Type != "worker" || all[1].Quantity != 1 {
		t.Errorf("the formation is %+v", all)
	}
}

// The CLI sends back all that it has read, with one rule more.
func TestTrustedRangesGoThereAndBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	var rules map[string]any
	h.call("GET", "/spaces/cellar/inbound-ruleset", nil).want(t, 200, &rules)
	if rules["applied"] != false {
		t.Errorf("applied is %v before anybody applied it", rules["applied"])
	}
	rules["rules"] = append(rules["rules"].([]any), map[string]string{"action": "allow", "source": "8.8.8.8/32"})
	h.call("PUT", "/spaces/cellar/inbound-ruleset", rules).want(t, 200, nil)
	var got heroku.Ruleset
	h.call("GET", "/spaces/cellar/inbound-ruleset", nil).want(t, 200, &got)
	if want := (heroku.List[heroku.Rule]{{Action: "allow", Source: "0.0.0.0/0"}, {Action: "allow", Source: "8.8.8.8/32"}}); !slices.Equal(got.Rules, want) || got.CreatedBy != email {
		t.Errorf("got %+v", got)
	}
	h.call("PUT", "/spaces/cellar/inbound-ruleset", `{"rules":[]}`).want(t, 200, &got)
	if len(got.Rules) != 0 {
		t.Errorf("got %+v", got)
	}
	var all []heroku.Ruleset
	if h.call("GET", "/spaces/cellar/inbound-rulesets", nil).want(t, 200, &all); len(all) != 3 {
		t.Errorf("there are %d rulesets", len(all))
	}
}

// The schema calls the process types of a topology formation, the official CLI reads formations.
func TestTopologyIsInBothWords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	app := h.app("cellar", "hello")
	h.deploy(app)
	h.run(app, "web", 1)
	var got map[string]any
	h.call("GET", "/spaces/cellar/topology", nil).want(t, 200, &got)
	one := got["apps"].([]any)[0].(map[string]any)
	for _, word := range []string{"formation", "formations"} {
		types := one[word].([]any)
		if len(types) != 1 {
			t.Fatalf("%s is %v: worker is not scaled up", word, types)
		}
		web := types[0].(map[string]any)
		dyno := web["dynos"].([]any)[0].(map[string]any)
		if web["process_type"] != "web" || dyno["number"] != 1.0 || dyno["private_ip"] != "10.0.128.2" ||
			dyno["hostname"] != "1.web.hello.app.localspace" {
			t.Errorf("%s is %v", word, types)
		}
	}
	if domains := one["domains"].([]any); len(domains) != 1 || domains[0] != app.Host {
		t.Errorf("the domains are %v", domains)
	}
	var dynos []heroku.SpaceDynos
	h.call("GET", "/spaces/cellar/dynos", nil).want(t, 200, &dynos)
	if len(dynos) != 1 || dynos[0].AppName != "hello" || dynos[0].Dynos[0].Name != "web.1" {
		t.Errorf("the dynos are %+v", dynos)
	}
}

func TestAdminsMayCreateAppsWithoutBeingToldTo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.person("bob@example.com", cloister.MemberRole)
	h.space("cellar")
	var got []heroku.SpaceMember
	h.call("GET", "/spaces/cellar/members", nil, header("Range", "email ..; max=1000")).want(t, 200, &got)
	if len(got) != 2 || got[0].User.Email != email || got[0].Permissions[0].Name != "create_apps" || len(got[1].Permissions) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestALogSessionReadsTheApp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	app := h.app("cellar", "hello")
	h.write(app.ID, "app", "web.1", "hello there")
	h.write(app.ID, "app", "worker.1", "not this")
	var s heroku.LogSession
	h.call("POST", "/apps/hello/log-sessions", `{"lines":10,"tail":false,"dyno":"web"}`).want(t, 201, &s)
	client := &heroku.Client{URL: h.url}
	var lines []string
	for line, err := range client.Lines(t.Context(), s.LogplexURL, false) {
		check(t, err)
		lines = append(lines, line)
	}
	if len(lines) != 1 || lines[0][len(lines[0])-len("app[web.1]: hello there"):] != "app[web.1]: hello there" {
		t.Errorf("got %q", lines)
	}
}

func TestAnAppShowsWhatClientsRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	app := h.app("cellar", "hello")
	var got map[string]any
	h.call("GET", "/apps/hello", nil).want(t, 200, &got)
	for key, want := range map[string]any{"web_url": "http://" + app.Host + ":8080/", "git_url": "https://localhost:5100/hello.git",
		"repo_size": nil, "slug_size": nil, "archived_at": nil, "acm": false, "create_status": "complete"} {
		if v, ok := got[key]; !ok || v != want {
			t.Errorf("%s is %v (there: %v), want %v", key, v, ok, want)
		}
	}
	if o := got["owner"].(map[string]any)["email"]; o != "acme@herokumanager.com" {
		t.Errorf("the owner is %v", o)
	}
	if g := got["generation"].(map[string]any)["name"]; g != "cedar" {
		t.Errorf("the generation is %v", g)
	}
}
