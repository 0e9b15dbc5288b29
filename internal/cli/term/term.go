// Package term writes for people, in the way that users of Heroku's CLI know: "=== name" over what belongs to it,
// "Creating app... done" for what takes time, " ▸    message" for what went wrong.
//
// Results go to the standard output and everything about the way there to the standard error, so that output can be
// piped. Colour and motion are used only on a terminal, and never when NO_COLOR is set. The package knows nothing of
// what it prints, and reads the environment only through the function it is given.
package term

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// A Terminal is the three streams of a command. It is for one goroutine, but for the spinner that it runs itself.
type Terminal struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer

	lines     *bufio.Reader // of In, once something was asked
	outColour bool
	errColour bool
	motion    bool // the standard error can be drawn over
}

// New makes a Terminal. getenv is asked for NO_COLOR, HEROKU_COLOR, TERM and CI.
func New(in io.Reader, out, err io.Writer, getenv func(string) string) *Terminal {
	colour := getenv("NO_COLOR") == "" && getenv("HEROKU_COLOR") != "0" && getenv("TERM") != "dumb"
	return &Terminal{In: in, Out: out, Err: err,
		outColour: colour && IsTerminal(out),
		errColour: colour && IsTerminal(err),
		motion:    IsTerminal(err) && getenv("TERM") != "dumb" && getenv("CI") == "",
	}
}

// IsTerminal reports whether a person looks at v, or types into it.
func IsTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Size is the width and height of the standard output; zero when nobody looks at it.
func (t *Terminal) Size() (columns, rows int) {
	f, ok := t.Out.(*os.File)
	if !ok {
		return 0, 0
	}
	columns, rows, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, 0
	}
	return columns, rows
}

// Raw hands every key to the program, until restore is called. Without a terminal it does nothing.
func (t *Terminal) Raw() (restore func(), err error) {
	f, ok := t.In.(*os.File)
	if !ok || !IsTerminal(f) {
		return func() {}, nil
	}
	was, err := term.MakeRaw(int(f.Fd()))
	if err != nil {
		return nil, fmt.Errorf("switch the terminal to raw mode: %w", err)
	}
	return func() { term.Restore(int(f.Fd()), was) }, nil
}

// Line prints one line of a result.
func (t *Terminal) Line(format string, args ...any) {
	fmt.Fprintf(t.Out, format+"\n", args...)
}

// Header prints "=== text".
func (t *Terminal) Header(format string, args ...any) {
	fmt.Fprintln(t.Out, t.Bold("=== "+fmt.Sprintf(format, args...)))
}

// JSON prints v for programs.
func (t *Terminal) JSON(v any) error {
	e := json.NewEncoder(t.Out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Note prints a line about the way to the result.
func (t *Terminal) Note(format string, args ...any) {
	fmt.Fprintf(t.Err, format+"\n", args...)
}

// Warn prints " ▸    WARNING: text".
func (t *Terminal) Warn(format string, args ...any) {
	t.point(yellow, "WARNING: "+fmt.Sprintf(format, args...))
}

// Error prints " ▸    text".
func (t *Terminal) Error(format string, args ...any) {
	t.point(red, fmt.Sprintf(format, args...))
}

// point sets a mark before every line of text.
func (t *Terminal) point(c colour, text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		fmt.Fprintln(t.Err, strings.TrimRight(paint(t.errColour, c, " ▸")+"    "+line, " "))
	}
}
