package web

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// An event is one that a browser got.
type event struct{ name, id, data string }

// A stream is a page that a browser follows.
type stream struct {
	*http.Response
	t    testing.TB
	text *bufio.Reader
}

// follow has a browser follow a page until the test ends.
func (b *browser) follow(path string, change ...func(*http.Request)) *stream {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.url+path, nil)
	check(b.t, err)
	r.Header.Set("Accept", "text/event-stream")
	for _, f := range change {
		f(r)
	}
	res, err := b.client.Do(r)
	check(b.t, err)
	b.t.Cleanup(func() { res.Body.Close() })
	return &stream{res, b.t, bufio.NewReader(res.Body)}
}

// next is the next event: data is the text that was sent, and the name is "" when the stream has ended.
func (s *stream) next() (e event) {
	s.t.Helper()
	late := time.AfterFunc(20*time.Second, func() { s.Body.Close() })
	defer late.Stop()
	for {
		line, err := s.text.ReadString('\n')
		if err == io.EOF {
			return event{}
		}
		check(s.t, err)
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			check(s.t, json.Unmarshal([]byte(value), &e.data))
		case "":
			if e.name != "" {
				return e
			}
		}
	}
}

func TestWhatIsLiveIsSentAgainWhenItChanges(t *testing.T) {
	m := newManor(t)
	s := m.people["viewer"].follow(home + "/spaces/cellar")
	if s.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %s", s.StatusCode, s.Header)
	}
	if e := s.next(); e.name != "part" || !strings.Contains(e.data, `role="progressbar"`) || strings.Contains(e.data, "<html") {
		t.Errorf("got %+v", e)
	}
	space, err := m.platform.Space(t.Context(), m.ada, "cellar")
	check(t, err)
	m.update(func(tx *store.Tx) error { return tx.SetSpaceState(space.ID, cloister.Allocated) })
	if e := s.next(); e.name != "part" || !strings.Contains(e.data, "cellar is allocated") || strings.Contains(e.data, "progressbar") {
		t.Errorf("got %+v", e)
	}
}

func TestAPageIsFollowedByWhoMaySeeItAsLongAsTheyMay(t *testing.T) {
	m := newManor(t)
	for _, d := range m.web.doors() {
		if d.does != nil {
			continue
		}
		if e := m.people["stranger"].follow(m.fill(d.path)).next(); e.name != "gone" {
			t.Errorf("%s: a stranger gets %+v", d.path, e)
		}
		if e := m.people["anonymous"].follow(m.fill(d.path)).next(); e != (event{"gone", "", "Sign in first."}) {
			t.Errorf("%s: whoever has not signed in gets %+v", d.path, e)
		}
	}
	s := m.people["views"].follow(home + "/apps/hello")
	s.next()
	_, _, err := m.platform.RemoveCollaborator(t.Context(), m.ada, "hello", "views@example.com")
	check(t, err)
	if e := s.next(); e.name != "gone" || e.data != "Couldn't find that app." {
		t.Errorf("got %+v", e)
	}
	if e := s.next(); e.name != "" {
		t.Errorf("got %+v after the end", e)
	}
	s = m.people["admin"].follow(home + "/apps/hello")
	s.next()
	m.people["admin"].post("/sign-out", nil)
	if e := s.next(); e.name != "gone" {
		t.Errorf("got %+v", e)
	}
}

func TestOnlySoManyPagesAreFollowed(t *testing.T) {
	m := newManor(t)
	for range maxLive {
		m.web.live <- struct{}{}
	}
	if s := m.people["admin"].follow(home + "/apps/hello"); s.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d", s.StatusCode)
	}
	<-m.web.live
	if s := m.people["admin"].follow(home + "/apps/hello"); s.next().name != "part" {
		t.Error("the page is not followed")
	}
}

func TestLogsComeAsTheyAreSaid(t *testing.T) {
	m := newManor(t)
	logs := home + "/apps/hello/logs"
	m.people["deploys"].get(logs).has(t, 200, "listening on &lt;port&gt;", "01:02:00.000", "heroku[router]")
	m.people["deploys"].get(logs+"?source=app&text=BYE").has(t, 200, "bye", `value="BYE"`)
	if got := m.people["deploys"].get(logs + "?source=app&text=BYE"); strings.Contains(got.text, "router]") || strings.Contains(got.text, "listening") {
		t.Errorf("the filter lets all through:\n%s", got.text)
	}
	s := m.people["operates"].follow(logs + "?dyno=web")
	for _, want := range []event{{"line", "1", "listening on &lt;port&gt;"}, {"line", "3", "bye"}} {
		if e := s.next(); e.name != want.name || e.id != want.id || !strings.Contains(e.data, want.data) {
			t.Errorf("got %+v, want %+v", e, want)
		}
	}
	s = m.people["operates"].follow(logs, func(r *http.Request) { r.Header.Set("Last-Event-ID", "2") })
	if e := s.next(); e.id != "3" {
		t.Errorf("who comes back gets %+v", e)
	}
	if e := m.people["operates"].follow(logs + "?after=1").next(); e.id != "2" {
		t.Errorf("who goes on gets %+v", e)
	}
	for _, who := range []string{"viewer", "member", "views", "manages"} {
		m.people[who].get(logs).has(t, 200, "You may not read the logs of this app.")
		if got := m.people[who].get(logs); strings.Contains(got.text, "listening") {
			t.Errorf("%s reads logs", who)
		}
		if e := m.people[who].follow(logs).next(); e.name != "gone" {
			t.Errorf("%s follows logs: %+v", who, e)
		}
	}
}

func TestTheOutputOfABuildIsShownAndSent(t *testing.T) {
	m := newManor(t)
	path := home + "/apps/hello/deploy/builds/" + m.build.ID
	m.people["views"].get(path).has(t, 200, "-----&gt; Go app detected", "&lt;done&gt;", "succeeded")
	s := m.people["views"].follow(path)
	for _, want := range []event{{"begin", "", ""}, {"text", "", "-----> Go app detected\n-----> <done>\n"}, {"end", "", "succeeded"}} {
		if e := s.next(); e != want {
			t.Errorf("got %+v, want %+v", e, want)
		}
	}
	var kept tailed
	for range 3 {
		kept.Write([]byte(strings.Repeat("é", outputTail/2)))
	}
	if text, cut := kept.text(); !cut || len(text) > 2*outputTail || strings.Trim(text, "é") != "" {
		t.Errorf("%d bytes, cut %v", len(text), cut)
	}
}
