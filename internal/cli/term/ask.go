package term

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// ErrNoAnswer is what a question gets when there is nobody to answer it.
var ErrNoAnswer = errors.New("there is nobody to answer: the input has ended")

// Ask prints a question and reads a line. It stops waiting when ctx ends, and the program should then end too: a read
// of a terminal can not be called back.
func (t *Terminal) Ask(ctx context.Context, format string, args ...any) (string, error) {
	fmt.Fprintf(t.Err, format+" ", args...)
	return t.wait(ctx, t.line)
}

// Password is Ask for what must not be seen.
func (t *Terminal) Password(ctx context.Context, format string, args ...any) (string, error) {
	f, ok := t.In.(*os.File)
	if !ok || !IsTerminal(f) {
		return t.Ask(ctx, format, args...)
	}
	fmt.Fprintf(t.Err, format+" ", args...)
	was, err := term.GetState(int(f.Fd()))
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	defer term.Restore(int(f.Fd()), was) // also when the reading is given up
	s, err := t.wait(ctx, func() (string, error) {
		b, err := term.ReadPassword(int(f.Fd()))
		return string(b), err
	})
	fmt.Fprintln(t.Err)
	return s, err
}

// wait gives what read gives, or the reason that ctx ended.
func (t *Terminal) wait(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := read()
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		return a.text, a.err
	case <-ctx.Done():
		fmt.Fprintln(t.Err)
		return "", context.Cause(ctx)
	}
}

func (t *Terminal) line() (string, error) {
	if t.lines == nil {
		t.lines = bufio.NewReader(t.In)
	}
	s, err := t.lines.ReadString('\n')
	if err == io.EOF && s == "" {
		return "", ErrNoAnswer
	}
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimRight(s, "\r\n"), nil
}
