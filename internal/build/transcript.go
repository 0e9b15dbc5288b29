package build

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// A transcript is what the person who pushed reads. Both streams of a step write to it at once. When the reader has
// gone away it swallows the rest: whether a build goes on without its reader is decided by who started it.
type transcript struct {
	mu   sync.Mutex
	w    io.Writer
	gone bool
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.gone && t.w != nil {
		_, err := t.w.Write(p)
		t.gone = err != nil
	}
	return len(p), nil
}

// heading announces a step.
func (t *transcript) heading(format string, args ...any) {
	fmt.Fprintf(t, "-----> "+format+"\n", args...)
}

// detail is a line beneath a heading. Text of several lines is indented as a whole.
func (t *transcript) detail(format string, args ...any) {
	t.indented("       ", fmt.Sprintf(format, args...))
}

// mistake is what went wrong.
func (t *transcript) mistake(format string, args ...any) {
	t.indented(" !     ", fmt.Sprintf(format, args...))
}

func (t *transcript) indented(prefix, text string) {
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		io.WriteString(t, strings.TrimRight(prefix+strings.TrimRight(line, "\n"), " ")+"\n")
	}
}
