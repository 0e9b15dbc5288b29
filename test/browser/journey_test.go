package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cloister-dev/cloister/internal/logs"
)

// TestFromSigningInToAnAppThatRuns is the first half hour of somebody who does not like terminals.
func TestFromSigningInToAnAppThatRuns(t *testing.T) {
	s := start(t)
	b := s.open()
	b.signIn()
	b.press("acme you are admin")
	b.sees("No apps yet.")
	b.press("Spaces")
	b.sees("This team has no spaces yet.")
	b.press("New space")
	b.sees("A space is a network of its own")
	b.fill("new-name", "cellar")
	b.fill("new-cidr", "10.3.0.0/24")
	b.sees("Cidr 10.3.0.0/24 must be a /16") // while it is typed
	b.press("Create the space")
	b.sees("Cidr 10.3.0.0/24 must be a /16") // and when it is sent
	if name := b.value("new-name"); name != "cellar" {
		t.Errorf("the name that was typed is now %q", name)
	}
	b.fill("new-cidr", "10.3.0.0/16")
	b.press("Create the space")
	b.sees("Created.")
	b.sees("10.3.0.0/16")
	b.sees("allocated")

	b.press("Network")
	b.sees("Trusted ranges")
	b.sees("198.51.100.4")
	b.fill("trust-source", "192.0.2.0/24")
	b.press("Dry run")
	b.sees("Dry run: 192.0.2.0/24 added")
	b.press("Add")
	b.sees("0.0.0.0/0 lets everyone in, whatever stands beside it.")
	b.press("Remove 0.0.0.0/0")
	b.sees("Removed.")
	b.sees("in force")

	b.press("Overview")
	b.sees("No apps yet.")
	b.press("New app")
	b.sees("The app runs in the space cellar")
	b.fill("new-name", "quiet-garth")
	b.press("Create the app")
	b.sees("git remote add cloister https://git.example/quiet-garth.git")

	b.press("Settings")
	b.sees("No config vars yet.")
	b.fill("set-name", "GREETING")
	b.fill("set-value", "good day")
	b.press("Set")
	b.sees("Saved.")
	if text := b.text(); !strings.Contains(text, "GREETING") || strings.Contains(text, "good day") {
		t.Errorf("the config var is not masked:\n%s", text)
	}
	b.press("Reveal GREETING")
	if value := run(b, chromedp.Evaluate[string](`document.querySelector('textarea[name=value]').value`)); value != "good day" {
		t.Errorf("GREETING is %q", value)
	}

	b.press("Resources")
	b.sees("Nothing was deployed yet")
	s.deploy("quiet-garth", map[string]string{"web": "bin/serve"})
	b.sees("web.1") // by itself
	b.goTo("/dashboard/apps/quiet-garth/resources")
	b.fill("scale-web-quantity", "3")
	b.press("Scale web")
	b.sees("web.3")
	b.press("Logs")
	b.sees("Scaled to web@3:Private-S by user ada@example.com")
}

// TestAPageComesBackByItself has the server be away for a moment.
func TestAPageComesBackByItself(t *testing.T) {
	s := start(t)
	b := s.open()
	s.furnish()
	b.signIn()
	b.goTo("/dashboard/apps/quiet-garth")
	b.mark()
	b.sees("web.3")
	s.down()
	b.sees("The connection to the server is lost.")
	s.scale("web", 1)
	s.up(strings.TrimPrefix(s.url, "http://"))
	b.misses("web.3")
	b.misses("The connection to the server is lost.")
	b.stays()
}

// TestWhatIsLiveNeedsNoReload watches a page change.
func TestWhatIsLiveNeedsNoReload(t *testing.T) {
	s := start(t)
	b := s.open()
	s.furnish()
	b.signIn()
	b.goTo("/dashboard/apps/quiet-garth")
	b.mark()
	b.sees("web.3")
	s.scale("web", 1)
	b.misses("web.3")
	b.stays()

	b.goTo("/dashboard/apps/quiet-garth/logs?source=app&dyno=api")
	b.mark()
	b.sees("Scaled to web@1:Private-S")
	b.tap("Pause")
	b.sees("Go on")
	app, err := s.platform.App(t.Context(), s.ada, "quiet-garth")
	check(t, err)
	s.logs.Write(app.ID, logs.Entry{At: time.Now(), Source: "app", Proc: "api", Text: "said meanwhile <b>&amp;"})
	if strings.Contains(b.text(), "said meanwhile") {
		t.Error("a paused log goes on")
	}
	b.tap("Go on")
	b.sees("said meanwhile <b>&amp;")
	if n := strings.Count(b.text(), "Scaled to web@1:Private-S"); n != 1 {
		t.Errorf("a line is there %d times", n)
	}
	b.stays()

	b.goTo("/dashboard/spaces/cellar/network")
	run(b, chromedp.Click(chromedp.CSS(`[data-copy="198.51.100.1"]`)))
	b.sees("Copied")

	all, err := s.platform.Sessions(t.Context(), s.ada)
	check(t, err)
	for _, x := range all {
		_, err := s.platform.EndSession(t.Context(), s.ada, x.ID)
		check(t, err)
	}
	b.sees("You are not signed in, or no longer.") // at once, and not only when something is pressed
}
