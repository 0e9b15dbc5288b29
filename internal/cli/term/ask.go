package term

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// ErrNoAnswer is what a question gets when there is nobody to answer it.
var ErrNoAnswer = errors.New("there is nobody to answer: the input has ended")

// Ask prints a question and reads a line.
func (t *Terminal) Ask(format string, args ...any) (string, error) {
	fmt.Fprint(t.Err, fmt.Sprintf(format, args...)+" ")
	return t.line()
}

// Password is Ask for what must not be seen.
func (t *Terminal) Password(format string, args ...any) (string, error) {
	fmt.Fprint(t.Err, fmt.Sprintf(format, args...)+" ")
	f, ok := t.In.(*os.File)
	if !ok || !IsTerminal(f) {
		return t.line()
	}
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(t.Err)
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return string(b), nil
}

func (t *Terminal) line() (string, error) {
	if t.lines == nil {
		t.lines = bufio.NewReader(t.In)
	}
	s, err := t.lines.ReadString('\n')
	if err == io.EOF && s == "" {
		fmt.Fprintln(t.Err)
		return "", ErrNoAnswer
	}
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimRight(s, "\r\n"), nil
}
