package drain

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/outside"
)

// A refusal is a receiver's answer that will not change by asking again.
type refusal int

func (r refusal) Error() string { return fmt.Sprintf("the receiver answered %d", int(r)) }

// repeatAfter is how long a drain that fails and fails says nothing more about it.
const repeatAfter = time.Hour

// Trouble is what an app's owner is told of a drain that does not work: when it begins, and when it is over.
type trouble struct {
	drains *Drains
	drain  cloister.Drain
	last   string
	told   time.Time
}

// tell says what is wrong, unless that was said before.
func (t *trouble) tell(err error) {
	line := describe(t.drain, err)
	if line == t.last && time.Since(t.told) < repeatAfter {
		return
	}
	t.last, t.told = line, time.Now()
	t.drains.logs.Note(t.drain.AppID, line)
}

// over says that all is well, if anything was wrong.
func (t *trouble) over() {
	if t.last == "" {
		return
	}
	t.last = ""
	t.drains.logs.Note(t.drain.AppID, fmt.Sprintf("Drain %s takes messages again.", t.drain.Token))
}

// describe is the line for a failed delivery.
func describe(d cloister.Drain, err error) string {
	if u := new(url.Error); errors.As(err, &u) {
		err = u.Err // without the address, in which there may be a password
	}
	if bad := new(tls.CertificateVerificationError); errors.As(err, &bad) {
		return fmt.Sprintf("Error L14 (certificate validation): error=%q uri=%q drain=%s", bad.Err.Error(), d.Address(), d.Token)
	}
	if outside.TimedOut(err) {
		err = errors.New("the receiver did not answer in time")
	}
	return fmt.Sprintf("Drain %s at %s does not take messages, and is tried again: %v.", d.Token, d.Address(), err)
}

// dropped is the line about what will never be delivered.
func dropped(n int, since time.Time) string {
	return fmt.Sprintf("Error L10 (output buffer overflow): %d messages dropped since %s.", n, since.UTC().Format(stamp))
}
