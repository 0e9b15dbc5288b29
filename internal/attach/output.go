package attach

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"
)

// mark begins the line by which Heroku's CLI learns the exit status of a command (`heroku run --exit-code`): a character
// that no text has. The CLI finds the line only in one piece, so it gets a record of its own.
const mark = "\uFFFF"

const (
	maxMark  = 100                    // how long such a line may be
	markWait = 100 * time.Millisecond // how long the rest of it is waited for
)

// An output is what the client gets: both outputs of a command write to it. A client that has gone gets nothing, and
// that is no error: the command is hung up instead.
type output struct {
	to  *line
	raw bool // marks are bytes like any other

	mu    sync.Mutex
	up    bool
	held  []byte // from a mark on, whose line is not complete
	flush *time.Timer
}

// began says that the command runs.
func (o *output) began() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hello()
}

func (o *output) hello() {
	if !o.up {
		o.up = true
		o.to.settling.Began()
		o.to.send([]byte(Hello))
	}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.send(p)
	return len(p), nil
}

func (o *output) send(p []byte) {
	if o.raw {
		o.to.send(p)
		return
	}
	if o.flush != nil {
		o.flush.Stop()
	}
	if len(o.held) > 0 {
		p = append(o.held, p...)
		o.held = nil
	}
	for len(p) > 0 {
		i := markIn(p)
		o.to.send(p[:i])
		if p = p[i:]; len(p) == 0 {
			return
		}
		end := bytes.IndexByte(p[:min(len(p), maxMark)], '\n') + 1
		if end == 0 && len(p) < maxMark {
			o.held = bytes.Clone(p)
			o.flush = time.AfterFunc(markWait, o.release)
			return
		}
		if end == 0 {
			end = maxMark
		}
		o.to.send(p[:end])
		p = p[end:]
	}
}

// release sends what was held in vain.
func (o *output) release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.to.send(o.held)
	o.held = nil
}

// complain tells the client why there is no more.
func (o *output) complain(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hello()
	o.send([]byte("\r\n" + strings.TrimSpace(text) + "\r\n"))
}

// status tells the client how the command ended.
func (o *output) status(exit int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.send(fmt.Appendf(nil, mark+" heroku-command-exit-status: %d\r\n", exit))
}

// close sends what is left.
func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.flush != nil {
		o.flush.Stop()
	}
	o.to.send(o.held)
	o.held = nil
}

// markIn is where a mark, or the beginning of one at the very end, starts; len(p) when there is none.
func markIn(p []byte) int {
	if i := bytes.Index(p, []byte(mark)); i >= 0 {
		return i
	}
	for n := min(len(mark)-1, len(p)); n > 0; n-- {
		if bytes.HasSuffix(p, []byte(mark[:n])) {
			return len(p) - n
		}
	}
	return len(p)
}
