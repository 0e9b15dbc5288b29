package platform_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

func TestDrainsAreFoundByIDURLAndToken(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	app, err := h.App(ctx, h.admin, "quiet-garth")
	must(t, err)
	_, d, err := h.AddDrain(ctx, h.admin, "quiet-garth", "https://user:hush@logs.example.com/in")
	must(t, err)
	same(t, h.touched(t), []string{"app " + app.ID})
	same(t, h.said, []string{"Add drain https://logs.example.com by user admin@example.com"})
	same(t, h.last(t), cloister.Event{Actor: "admin@example.com", Kind: "log_drain", ID: d.ID, Action: "create", Text: "quiet-garth"})
	for _, ref := range []string{d.ID, d.URL.Reveal(), d.Token} {
		_, got, err := h.Drain(ctx, h.admin, "quiet-garth", ref)
		must(t, err)
		same(t, got, d)
	}
	must(t, h.newApp(t, "cellar", "loud-garth"))
	_, _, err = h.Drain(ctx, h.admin, "loud-garth", d.ID) // of another app
	wantKind(t, err, cloister.NotFound)
	h.forget(t)
	_, gone, err := h.RemoveDrain(ctx, h.admin, "quiet-garth", d.URL.Reveal())
	must(t, err)
	same(t, gone, d)
	same(t, h.touched(t), []string{"app " + app.ID})
	same(t, h.said, []string{"Remove drain https://logs.example.com by user admin@example.com"})
	_, _, err = h.RemoveDrain(ctx, h.admin, "quiet-garth", d.ID)
	wantKind(t, err, cloister.NotFound)
}

func TestAnAppHasFiveDifferentDrains(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	refused := func(url, want string) {
		t.Helper()
		h.forget(t)
		before := len(h.events(t))
		_, _, err := h.AddDrain(ctx, h.admin, "quiet-garth", url)
		wantKind(t, err, cloister.Invalid)
		if !strings.Contains(cloister.MessageOf(err), want) {
			t.Errorf("%s: %v", url, err)
		}
		same(t, []int{len(h.events(t)) - before, len(h.touched(t)), len(h.said)}, []int{0, 0, 0})
	}
	refused("logs.example.com", "has a scheme")
	for i := range cloister.LimitDrains.Default() {
		_, _, err := h.AddDrain(ctx, h.admin, "quiet-garth", fmt.Sprintf("syslog://logs.example.com:%d", 1000+i))
		must(t, err)
		refused("syslog://logs.example.com:1000", "has already been taken")
	}
	refused("syslog://logs.example.com:2000", "has 5 log drains, and would have 6; the limit is 5")
	_, all, err := h.Drains(ctx, h.admin, "quiet-garth")
	must(t, err)
	same(t, len(all), cloister.LimitDrains.Default())
}

func TestTheDrainOfASpaceTakesThePlaceOfThoseOfItsApps(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	_, err := h.SpaceDrain(ctx, h.admin, "cellar")
	wantKind(t, err, cloister.NotFound)
	for _, url := range []string{"", "http://logs.example.com", "syslog+tls://logs.example.com", "https://"} {
		_, err = h.SetSpaceDrain(ctx, h.admin, "cellar", url)
		wantKind(t, err, cloister.Invalid)
	}
	app, err := h.App(ctx, h.admin, "quiet-garth")
	must(t, err)
	first, err := h.SetSpaceDrain(ctx, h.admin, "cellar", "https://user:hush@logs.example.com/in")
	must(t, err)
	same(t, h.touched(t), []string{"app " + app.ID})
	e := h.events(t)[len(h.events(t))-1]
	same(t, []any{e.Kind, e.Action, e.Text, strings.Contains(string(e.Changes), "hush")}, []any{"log_drain", "update", "cellar", false})
	second, err := h.SetSpaceDrain(ctx, h.admin, "cellar", "https://logs.example.com/other")
	must(t, err)
	if second.Token == first.Token { // the receiver is another
		t.Error("another drain has the token of the one before")
	}
	now, err := h.SpaceDrain(ctx, h.admin, "cellar")
	must(t, err)
	same(t, now, second)
	_, _, err = h.AddDrain(ctx, h.admin, "quiet-garth", "https://own.example.com")
	wantKind(t, err, cloister.Invalid)
	same(t, err.Error(), "Space cellar sends the logs of all its apps to a drain of its own: `spaces:drains:get --space cellar`.")

	_, err = h.CreateSpace(ctx, h.admin, platform.SpaceSpec{Name: "tower", Team: "acme", LogDrainURL: "syslog://logs.example.com"})
	wantKind(t, err, cloister.Invalid)
	_, err = h.CreateSpace(ctx, h.admin, platform.SpaceSpec{Name: "tower", Team: "acme", LogDrainURL: "https://logs.example.com/tower"})
	must(t, err)
	now, err = h.SpaceDrain(ctx, h.admin, "tower")
	must(t, err)
	same(t, now.URL, cloister.Secret("https://logs.example.com/tower"))
}
