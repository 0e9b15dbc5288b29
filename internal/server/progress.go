package server

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

// A progress says on standard error how many bytes of something long were seen: on a terminal as it goes on, and in a
// file at its end alone. What is written to it is counted.
type progress struct {
	title string
	live  bool
	bytes int64
	shown time.Time
}

func newProgress(title string) *progress {
	p := &progress{title: title, live: term.IsTerminal(int(os.Stderr.Fd()))}
	if p.live {
		fmt.Fprintf(os.Stderr, "%s... ", title)
	}
	return p
}

// Write counts.
func (p *progress) Write(b []byte) (int, error) {
	p.bytes += int64(len(b))
	if p.live && time.Since(p.shown) > 200*time.Millisecond {
		p.shown = time.Now()
		fmt.Fprintf(os.Stderr, "\r%s... %d MB ", p.title, p.bytes>>20)
	}
	return len(b), nil
}

func (p *progress) line(end string) {
	if p.live {
		fmt.Fprint(os.Stderr, "\r")
	}
	fmt.Fprintf(os.Stderr, "%s... %s\n", p.title, end)
}

func (p *progress) done(what string) {
	p.line(fmt.Sprintf("done, %d MB: %s", (p.bytes+1<<20-1)>>20, what))
}

// failed says so, and returns the error.
func (p *progress) failed(err error) error {
	p.line("failed")
	return err
}
