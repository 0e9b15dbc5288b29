package sshd

import (
	"io"
	"testing"
	"time"
)

// Heroku's CLI dies when the end of a command reaches it before it could say that its own input has ended.
func TestACommandThatEndsAtOnceDoesNotOutrunTheEndOfTheInput(t *testing.T) {
	p := newPlace(t)
	p.sshd.config.Settle = 20 * time.Second
	s := p.session(p.in())
	stdin, err := s.StdinPipe()
	must(t, err)
	must(t, s.Start("at once"))
	ended := make(chan error, 1)
	go func() { ended <- s.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("it ended before the client could speak: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	_, err = io.WriteString(stdin, "\x04")
	must(t, err)
	select {
	case err := <-ended:
		must(t, err)
	case <-time.After(10 * time.Second):
		t.Error("it waits for no reason")
	}
}
