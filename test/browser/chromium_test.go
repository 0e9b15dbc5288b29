package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/axe.min.js
var axe string

// A tab is a page in a Chromium.
type tab struct {
	*server
	ctx context.Context
}

// patience is how long a page may take to show what it should.
const patience = 20 * time.Second

// open starts a Chromium. The test fails if there is an error on its console, such as a breach of the policy of a page.
func (s *server) open() *tab {
	s.t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		s.t.Skip("SKIPPED: there is no Chromium here (apt-get install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Env("TMPDIR="+s.t.TempDir()))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	s.t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	s.t.Cleanup(cancel)
	b := &tab{server: s, ctx: ctx}
	said := chromedp.Console(ctx)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 900)); err != nil {
		s.t.Fatal(err)
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for m, err := range said {
			refused := strings.Contains(m.Text, "status of 422") || strings.Contains(m.Text, "net::ERR_") // a form; a server that is down
			if err == nil && !refused && (m.Type == chromedp.ConsoleException || m.Type == "error" || m.Type == "warning") {
				s.t.Errorf("the console says: %s %s", m.Text, m.URL)
			}
		}
	}()
	s.t.Cleanup(func() { cancel(); <-heard })
	return b
}

// run carries out what a person does. If it does not come to an end the test has, with a picture of where.
func run[T any](b *tab, a chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	out, err := chromedp.Run(ctx, a)
	if err != nil {
		b.fail(err.Error())
	}
	return out
}

// fail ends the test with a picture.
func (b *tab) fail(why string) {
	b.t.Helper()
	dir, _ := artefacts(b.t)
	b.picture(filepath.Join(dir, "failed.png"))
	b.t.Fatal(why)
}

// goTo opens a path of the server.
func (b *tab) goTo(path string) {
	b.t.Helper()
	run(b, chromedp.Navigate(b.url+path))
}

// signIn signs Ada in.
func (b *tab) signIn() {
	b.t.Helper()
	b.goTo("/")
	b.fill("email", email)
	b.fill("password", password)
	b.press("Sign in")
	b.sees("Your apps")
}

// text is what is on the page; "" while there is none.
func (b *tab) text() string {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	all, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.readyState === 'complete' ? document.body.innerText : ''`))
	if err != nil { // it is being left
		return ""
	}
	return all
}

// sees waits for a text to be on the page.
func (b *tab) sees(text string) {
	b.t.Helper()
	b.wait(text, "is not on the page", func(all string) bool { return strings.Contains(all, text) })
}

// misses waits for a text to be on the page no longer.
func (b *tab) misses(text string) {
	b.t.Helper()
	b.wait(text, "is still on the page", func(all string) bool { return all != "" && !strings.Contains(all, text) })
}

func (b *tab) wait(text, wrong string, ok func(all string) bool) {
	b.t.Helper()
	all := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if all = b.text(); ok(all) {
			return
		}
	}
	b.fail(fmt.Sprintf("%q %s:\n%s", text, wrong, all))
}

// mark marks a page, so that stays can tell whether it is still the same.
func (b *tab) mark() { run(b, chromedp.Evaluate[bool](`window.marked = true`)) }

// stays fails the test if the page was loaded again since it was marked.
func (b *tab) stays() {
	b.t.Helper()
	if !run(b, chromedp.Evaluate[bool](`window.marked === true`)) {
		b.t.Error("the page was loaded again")
	}
}

// value is what is in a field, by its id.
func (b *tab) value(id string) string {
	b.t.Helper()
	return run(b, chromedp.Evaluate[string](`document.getElementById(`+quoted(id)+`).value`))
}

// press presses a button, or follows a link, that leads to a page.
func (b *tab) press(name string) {
	b.t.Helper()
	b.mark()
	b.tap(name)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		there, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`window.marked !== true && document.readyState === 'complete'`))
		cancel()
		if err == nil && there { // an error is that the page is being left
			return
		}
		if time.Now().After(deadline) {
			b.fail("pressed in vain: " + name)
		}
	}
}

// tap presses the button, or follows the link, with a name.
func (b *tab) tap(name string) {
	b.t.Helper()
	if !run(b, chromedp.Evaluate[bool](`(() => {
		const x = [...document.querySelectorAll('button, a')].find((x) => (x.getAttribute('aria-label') || x.innerText).replace(/\s+/g, ' ').trim() === `+quoted(name)+`);
		if (x) setTimeout(() => x.click());
		return !!x;
	})()`)) {
		b.fail("there is nothing to press that is called " + name)
	}
}

// quoted is a text as JavaScript has it.
func quoted(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

// fill types into a field, by its id, what takes the place of what is there.
func (b *tab) fill(id, value string) {
	b.t.Helper()
	field := chromedp.CSS("#" + id)
	run(b, chromedp.Steps(chromedp.WaitVisible(field), chromedp.Clear(field), chromedp.SendKeys(field, value)))
}

// look is what the person prefers, and how wide their window is.
func (b *tab) look(scheme string, width int64) {
	b.t.Helper()
	run(b, func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return chromedp.Void{}, err
	})
	run(b, chromedp.EmulateViewport(width, 844))
}

// picture makes a picture of the whole page.
func (b *tab) picture(file string) {
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(file, png, 0o644)
	}
	if err != nil {
		b.t.Logf("no picture: %v", err)
		return
	}
	b.t.Logf("picture: %s", file)
}

// A finding is something that axe-core objects to.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

// examine has axe-core look at the page, and fails the test for what is serious or critical.
func (b *tab) examine(t *testing.T, where string) {
	t.Helper()
	run(b, chromedp.Evaluate[chromedp.Void](axe))
	text := run(b, chromedp.Evaluate[string](`axe.run({resultTypes: ['violations']}).then((r) => JSON.stringify(r.violations))`, chromedp.EvalAwaitPromise))
	var found []finding
	check(t, json.Unmarshal([]byte(text), &found))
	for _, f := range found {
		if f.Impact == "serious" || f.Impact == "critical" {
			t.Errorf("%s: %s (%s), %s: %+v", where, f.ID, f.Impact, f.Help, f.Nodes[:min(2, len(f.Nodes))])
		}
	}
}
