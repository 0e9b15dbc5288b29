package term

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func terminal(in string, env map[string]string) (*Terminal, *bytes.Buffer, *bytes.Buffer) {
	var out, err bytes.Buffer
	return New(strings.NewReader(in), &out, &err, func(k string) string { return env[k] }), &out, &err
}

func TestResultsAndProgressAreApart(t *testing.T) {
	t.Parallel()
	term, out, errs := terminal("", nil)
	a := term.Start("Creating %s", "app")
	a.Status("half")
	a.Done("v3")
	term.Header("%s", "app")
	term.Warn("one\ntwo")
	term.Error("no")
	if out.String() != "=== app\n" {
		t.Errorf("out: %q", out)
	}
	if want := "Creating app... done, v3\n ▸    WARNING: one\n ▸    two\n ▸    no\n"; errs.String() != want {
		t.Errorf("err: %q, want %q", errs, want)
	}
}

func TestActionThatFailsLeavesItsLine(t *testing.T) {
	t.Parallel()
	term, _, errs := terminal("", nil)
	term.Start("Trying").Failed(errors.New("no"))
	term.Start("Trying").Failed(nil)
	if errs.String() != "Trying... !\nTrying... done\n" {
		t.Errorf("got %q", errs)
	}
}

func TestSpinnerEndsBeforeItsLastLine(t *testing.T) {
	t.Parallel()
	term, _, errs := terminal("", nil)
	term.motion = true
	a := term.Start("Waiting")
	a.Done()
	if s := errs.String(); !strings.HasSuffix(s, "\r\x1b[KWaiting... done\n") {
		t.Errorf("got %q", s)
	}
}

func TestObjectAlignsValues(t *testing.T) {
	t.Parallel()
	term, out, _ := terminal("", nil)
	term.Object(F("Team", "acme"), F("Nothing"), F("Outbound IPs", "1", "", "2"), Field{Key: "Empty", Values: []string{""}})
	if want := "Team:         acme\nOutbound IPs: 1\n              2\nEmpty:        \n"; out.String() != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestTableAlignsColouredCells(t *testing.T) {
	t.Parallel()
	term, out, _ := terminal("", nil)
	term.outColour = true
	term.Table([]string{"Name", "State"}, [][]string{{term.Green("é"), "up"}, {"longer", "down"}})
	want := "\x1b[1mName\x1b[0m    \x1b[1mState\x1b[0m\n──────  ─────\n\x1b[32mé\x1b[0m       up\nlonger  down\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestNoColourWithoutTerminal(t *testing.T) {
	t.Parallel()
	term, _, _ := terminal("", map[string]string{"TERM": "xterm"})
	if s := term.State("up"); s != "up" {
		t.Errorf("got %q", s)
	}
}

func TestAskReadsLineByLine(t *testing.T) {
	t.Parallel()
	term, _, errs := terminal("a@b.c\nsecret\r\nlast", nil)
	for _, want := range []string{"a@b.c", "secret", "last"} {
		if got, err := term.Password(t.Context(), "Say:"); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	if _, err := term.Ask(t.Context(), "More:"); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("got %v", err)
	}
	if !strings.HasPrefix(errs.String(), "Say: Say: ") {
		t.Errorf("asked %q", errs)
	}
}

func TestAskStopsWaitingWhenInterrupted(t *testing.T) {
	t.Parallel()
	in, feed := io.Pipe()
	t.Cleanup(func() { feed.Close() })
	term := New(in, io.Discard, io.Discard, func(string) string { return "" })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := term.Ask(ctx, "Say:"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
