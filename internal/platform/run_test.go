package platform_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

func runHouse(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.deploy(t, "quiet-garth", "web", "worker")
	h.forget(t)
	return h
}

func (h *house) runs(t *testing.T, app string) (out []cloister.Run) {
	t.Helper()
	info, err := h.App(t.Context(), h.admin, app)
	must(t, err)
	must(t, h.store.View(t.Context(), func(tx *store.Tx) error { out, err = tx.Runs(info.ID); return err }))
	return out
}

func TestRunMakesAOneOffDynoOfTheCurrentRelease(t *testing.T) {
	h := runHouse(t)
	env := map[string]cloister.Secret{"TERM": "xterm", "COLUMNS": "97", "LINES": "31", "KEY": "hush"}
	app, r, term, err := h.Run(t.Context(), h.admin, "quiet-garth", platform.RunSpec{Command: " worker  -v", Attach: true, Env: env, Size: "private-m"})
	must(t, err)
	same(t, h.runs(t, "quiet-garth"), []cloister.Run{r})
	same(t, []any{r.Type, r.Number >= 1000 && r.Number <= 9999, r.Command, r.Size, r.Version, r.State, r.Attached},
		[]any{"run", true, "bin/worker  -v", "Private-M", 2, cloister.DynoStarting, true})
	same(t, r.Env, map[string]cloister.Secret{"TERM": "xterm", "KEY": "hush"})
	same(t, r.ExpiresAt, h.clock().Add(24*time.Hour))
	same(t, []any{term.ID, term.TTY, term.Columns, term.Lines, term.Command}, []any{r.ID, true, 97, 31, r.Command})
	same(t, h.touched(t), []string{"run " + r.ID})
	same(t, h.last(t), cloister.Event{Actor: "admin@example.com", Kind: "dyno", ID: r.ID, Action: "run", Text: app.Name + " " + r.Name()})
	same(t, h.said, []string{"Starting process with command `bin/worker  -v` by user admin@example.com"})
	for _, e := range h.events(t) {
		if strings.Contains(e.Text, "hush") {
			t.Errorf("an event tells a variable: %s", e.Text)
		}
	}
}

func TestATerminalIsForWhoHasAWindow(t *testing.T) {
	for name, x := range map[string]struct {
		in   platform.RunSpec
		want [3]int // columns, lines, variables
	}{
		"a window":            {platform.RunSpec{Env: map[string]cloister.Secret{"COLUMNS": "80", "LINES": "25"}}, [3]int{80, 25, 0}},
		"only its width":      {platform.RunSpec{Env: map[string]cloister.Secret{"COLUMNS": "80"}}, [3]int{80, 24, 0}},
		"none":                {platform.RunSpec{Env: map[string]cloister.Secret{"TERM": "dumb"}}, [3]int{0, 0, 1}},
		"none wanted":         {platform.RunSpec{NoTTY: true, Env: map[string]cloister.Secret{"COLUMNS": "80", "LINES": "25"}}, [3]int{0, 0, 2}},
		"one of no size":      {platform.RunSpec{Env: map[string]cloister.Secret{"COLUMNS": "0"}}, [3]int{0, 0, 1}},
		"one as wide as that": {platform.RunSpec{Env: map[string]cloister.Secret{"COLUMNS": "65616"}}, [3]int{0, 0, 1}},
		"one of words":        {platform.RunSpec{Env: map[string]cloister.Secret{"COLUMNS": "many"}}, [3]int{0, 0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := runHouse(t)
			x.in.Command, x.in.Attach = "bash", true
			_, r, term, err := h.Run(t.Context(), h.admin, "quiet-garth", x.in)
			must(t, err)
			same(t, [3]int{term.Columns, term.Lines, len(r.Env)}, x.want)
			same(t, term.TTY, x.want[0] > 0)
		})
	}
}

func TestRunRefusesWhatCannotRun(t *testing.T) {
	h := runHouse(t)
	must(t, h.newApp(t, "cellar", "bare-gate"))
	h.forget(t)
	for name, x := range map[string]struct {
		app  string
		in   platform.RunSpec
		kind cloister.Kind
		says string
	}{
		"no command":      {"quiet-garth", platform.RunSpec{Command: "  "}, cloister.Invalid, "A command is required"},
		"a long command":  {"quiet-garth", platform.RunSpec{Command: strings.Repeat("x", 40<<10)}, cloister.TooLarge, "the limit is 32768"},
		"no code":         {"bare-gate", platform.RunSpec{Command: "bash"}, cloister.Invalid, "has no code to run yet"},
		"no such size":    {"quiet-garth", platform.RunSpec{Command: "bash", Size: "huge"}, cloister.Invalid, "Couldn't find that dyno size"},
		"a shield size":   {"quiet-garth", platform.RunSpec{Command: "bash", Size: "shield-s"}, cloister.Invalid, "shield sizes are for Shield spaces only"},
		"no such type":    {"quiet-garth", platform.RunSpec{Command: "bash", Type: "a b"}, cloister.Invalid, "Process type"},
		"the release's":   {"quiet-garth", platform.RunSpec{Command: "bash", Type: "release"}, cloister.Invalid, "release phase's own"},
		"for two days":    {"quiet-garth", platform.RunSpec{Command: "bash", TimeToLive: 172800}, cloister.Invalid, "1 to 86400 seconds"},
		"a bad variable":  {"quiet-garth", platform.RunSpec{Command: "bash", Env: map[string]cloister.Secret{"A=B": "hush"}}, cloister.Invalid, "A=B"},
		"too many values": {"quiet-garth", platform.RunSpec{Command: "bash", Env: map[string]cloister.Secret{"A": cloister.Secret(strings.Repeat("h", 70<<10))}}, cloister.Invalid, "the limit is 65536"},
	} {
		_, _, _, err := h.Run(t.Context(), h.admin, x.app, x.in)
		wantKind(t, err, x.kind)
		if !strings.Contains(err.Error(), x.says) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
	same(t, len(h.runs(t, "quiet-garth"))+len(h.runs(t, "bare-gate"))+len(h.touched(t))+len(h.said), 0)
}

func TestFiveOneOffDynosOfEachSizeRunInASpaceAtOnce(t *testing.T) {
	h := runHouse(t)
	must(t, h.newApp(t, "cellar", "calm-gate"))
	h.deploy(t, "calm-gate", "web")
	run := func(app, size string) error {
		_, _, _, err := h.Run(t.Context(), h.admin, app, platform.RunSpec{Command: "bash", Size: size})
		return err
	}
	for i := range 5 {
		must(t, run([]string{"quiet-garth", "calm-gate"}[i%2], ""))
	}
	err := run("calm-gate", "")
	wantKind(t, err, cloister.Invalid)
	want := "Size Private-S in space cellar has 5 one-off dynos, and would have 6; the limit is 5."
	if !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "operator") {
		t.Errorf("got %v", err)
	}
	must(t, run("calm-gate", "Private-M"))
	r := h.runs(t, "quiet-garth")[0]
	h.update(t, func(tx *store.Tx) error {
		r.EndedAt = tx.Now
		return tx.PutRun(r)
	})
	must(t, run("quiet-garth", ""))
	wantKind(t, run("quiet-garth", ""), cloister.Invalid)
}

func TestOneOffDynosCountAsDynosOfTheSpace(t *testing.T) {
	h := runHouse(t)
	for _, size := range []string{"Private-S", "Private-M"} {
		for range 5 {
			_, _, _, err := h.Run(t.Context(), h.admin, "quiet-garth", platform.RunSpec{Command: "bash", Size: size})
			must(t, err)
		}
	}
	for i := range 9 {
		app := "gate-" + string(rune('a'+i))
		must(t, h.newApp(t, "cellar", app))
		h.deploy(t, app, "web")
		_, _, err := h.Scale(t.Context(), h.admin, app, []platform.Scaling{{Type: "web", Quantity: new(map[bool]int{true: 9, false: 10}[i == 0])}})
		must(t, err) // 89, and one of quiet-garth, and ten that are run
	}
	_, _, err := h.Scale(t.Context(), h.admin, "quiet-garth", []platform.Scaling{{Type: "web", Quantity: new(2)}})
	wantKind(t, err, cloister.Invalid)
	_, _, _, err = h.Run(t.Context(), h.admin, "quiet-garth", platform.RunSpec{Command: "bash", Size: "Private-L"})
	wantKind(t, err, cloister.Invalid)
}

func TestOneOffDynosAreListedAndStoppedByNameAndLeftAloneOtherwise(t *testing.T) {
	h := runHouse(t)
	h.addDyno(t, "quiet-garth", "web", 1)
	var names []string
	for range 2 {
		_, r, _, err := h.Run(t.Context(), h.admin, "quiet-garth", platform.RunSpec{Command: "bash"})
		must(t, err)
		names = append(names, r.Name())
	}
	_, d, err := h.Dyno(t.Context(), h.viewer, "quiet-garth", names[0])
	must(t, err)
	same(t, d.Type, "run")
	stopped := func() (out []string) {
		for _, r := range h.runs(t, "quiet-garth") {
			if r.Stopped {
				out = append(out, r.Name())
			}
		}
		return out
	}
	for _, target := range []string{"", "web", "web.1"} {
		_, err := h.Restart(t.Context(), h.admin, "quiet-garth", target)
		must(t, err)
		same(t, stopped(), []string(nil))
	}
	_, err = h.Restart(t.Context(), h.admin, "quiet-garth", names[0])
	must(t, err)
	same(t, stopped(), names[:1])
	_, err = h.Restart(t.Context(), h.admin, "quiet-garth", "run")
	must(t, err)
	same(t, len(stopped()), 2)
	_, err = h.Restart(t.Context(), h.admin, "quiet-garth", "run.1")
	wantKind(t, err, cloister.NotFound)
}

func TestDestroyedAppsTakeTheirOneOffDynosWithThem(t *testing.T) {
	h := runHouse(t)
	_, r, _, err := h.Run(t.Context(), h.admin, "quiet-garth", platform.RunSpec{Command: "bash"})
	must(t, err)
	h.forget(t)
	_, err = h.DestroyApp(t.Context(), h.admin, "quiet-garth")
	must(t, err)
	if !slices.Contains(h.touched(t), "run "+r.ID) {
		t.Errorf("touched are %v", h.touched(t))
	}
}

func TestRunInsideIsForDynosThatAreUpInTheSameApp(t *testing.T) {
	h := runHouse(t)
	d, booting := h.addDyno(t, "quiet-garth", "web", 2), h.addDyno(t, "quiet-garth", "web", 3)
	h.update(t, func(tx *store.Tx) error { booting.State = cloister.DynoStarting; return tx.PutDyno(booting) })
	h.said = nil
	_, term, err := h.RunInside(t.Context(), h.admin, "quiet-garth", "web.2", platform.RunSpec{Command: "web --once"})
	must(t, err)
	same(t, []any{term.Inside, term.Dyno.ID, term.Command, term.ID != d.ID}, []any{true, d.ID, "bin/web --once", true})
	same(t, h.said, []string{"Starting process with command `bin/web --once` inside web.2 by user admin@example.com"})
	_, _, err = h.RunInside(t.Context(), h.admin, "quiet-garth", "web.3", platform.RunSpec{Command: "bash"})
	wantKind(t, err, cloister.Invalid)

	_, got, err := h.Enter(t.Context(), h.admin, "quiet-garth", "web.2")
	must(t, err)
	same(t, got.ID, d.ID)
	h.said = nil
	_, term, err = h.RunInside(t.Context(), h.admin, "quiet-garth", "web.2", platform.RunSpec{Dial: "db.example:5432"})
	must(t, err)
	same(t, []any{term.Inside, term.Dial, term.Command, h.last(t).Text, len(h.said)}, []any{true, "db.example:5432", "", "quiet-garth web.2 db.example:5432", 0})
	for _, bad := range []string{"x", "x:", "x:0", "x:65536", "x y:1", "x:http"} {
		_, _, err = h.RunInside(t.Context(), h.admin, "quiet-garth", "web.2", platform.RunSpec{Dial: bad})
		wantKind(t, err, cloister.Invalid)
	}

	must(t, h.newApp(t, "cellar", "calm-gate"))
	for _, guess := range []string{d.ID, "web.2", "run.1234", cloister.NewID()} { // of another app's, or of nobody's
		_, _, err = h.RunInside(t.Context(), h.admin, "calm-gate", guess, platform.RunSpec{Command: "bash"})
		wantKind(t, err, cloister.NotFound)
		_, _, err = h.RunInside(t.Context(), h.stranger, "quiet-garth", guess, platform.RunSpec{Command: "bash"})
		wantKind(t, err, cloister.NotFound)
		_, _, err = h.Enter(t.Context(), h.stranger, "quiet-garth", guess)
		wantKind(t, err, cloister.NotFound)
	}
	_, _, err = h.SetFeature(t.Context(), h.admin, "quiet-garth", cloister.RuntimeExec, false)
	must(t, err)
	_, _, err = h.RunInside(t.Context(), h.admin, "quiet-garth", "web.2", platform.RunSpec{Command: "bash"})
	wantKind(t, err, cloister.Invalid)
	_, _, err = h.Enter(t.Context(), h.admin, "quiet-garth", "web.2")
	wantKind(t, err, cloister.Invalid)
}
