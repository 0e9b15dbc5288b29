package term

import (
	"fmt"
	"sync"
	"time"
)

// An Action is something that takes time: "Creating app... done". It must be ended, with Done or Failed.
type Action struct {
	t     *Terminal
	title string

	mu     sync.Mutex
	status string
	stop   chan struct{} // nil when nothing moves
	ended  sync.WaitGroup
}

// Start says what is being done. The format's result is followed by "...".
func (t *Terminal) Start(format string, args ...any) *Action {
	a := &Action{t: t, title: fmt.Sprintf(format, args...)}
	fmt.Fprint(t.Err, a.title+"... ")
	if t.motion {
		a.stop = make(chan struct{})
		a.ended.Go(a.spin)
	}
	return a
}

// Status says how far the action is. It is shown only where it can be drawn over.
func (a *Action) Status(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status = fmt.Sprintf(format, args...)
}

// Done ends the action well: "done", and what there is to say more.
func (a *Action) Done(more ...string) {
	text := "done"
	for _, m := range more {
		text += ", " + m
	}
	a.End("%s", text)
}

// Failed ends the action because of an error, which is told elsewhere. Failed(nil) is Done.
func (a *Action) Failed(err error) {
	if err == nil {
		a.Done()
		return
	}
	a.End("!")
}

// End ends the action with words of its own.
func (a *Action) End(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if a.stop == nil {
		fmt.Fprintln(a.t.Err, text)
		return
	}
	close(a.stop)
	a.ended.Wait()
	fmt.Fprintf(a.t.Err, "\r\x1b[K%s... %s\n", a.title, text)
}

var frames = [...]string{"⣾", "⣷", "⣯", "⣟", "⡿", "⢿", "⣻", "⣽"}

func (a *Action) spin() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-a.stop:
			return
		case <-tick.C:
			a.mu.Lock()
			status := a.status
			a.mu.Unlock()
			fmt.Fprintf(a.t.Err, "\r\x1b[K%s... %s %s", a.title, paint(a.t.errColour, cyan, frames[i%len(frames)]), status)
		}
	}
}
