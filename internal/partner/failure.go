package partner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/outside"
)

// A Failure is why a provider did not do what it was called for. Its kind (cloister.KindOf) is Invalid if it is permanent, so
// that work is parked, and Unavailable if not, so that it is tried again.
//
// A provider whose call failed may have done it all the same: whatever Provision fails with, but for a refusal (Code from 400
// to 499), there may be a resource. The same call again finds it, as calls are told apart by the resource's id; Deprovision
// ends it.
type Failure struct {
	Permanent bool          // trying again changes nothing
	Code      int           // the status of the provider's answer; 0: there was none
	Message   string        // for who wanted it: the provider's own words, if it has any; clean
	Wait      time.Duration // at least, before it is tried again; 0: the provider does not say
	cause     error         // for who operates the platform; may be nil
}

// Error is the message, and what is behind it, which may say more of the platform's network than its users should know.
func (f *Failure) Error() string {
	if f.cause != nil {
		return f.Message + " (" + f.cause.Error() + ")"
	}
	return f.Message
}

func (f *Failure) Unwrap() []error {
	kind := cloister.Unavailable
	if f.Permanent {
		kind = cloister.Invalid
	}
	out := []error{&cloister.Error{Kind: kind, Message: f.Message}}
	if f.cause != nil {
		out = append(out, f.cause)
	}
	return out
}

// maxMessage is how much of a provider's words are passed on, in bytes.
const maxMessage = 10_000

// maxWait is how long a provider may put the next try off: it keeps nobody waiting for days.
const maxWait = time.Hour

// clean is a text of a provider, fit for a terminal and a log: without control characters, of which only line breaks stay, and
// of at most maxMessage bytes.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return -1
	}, strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n"))
	if len(s) > maxMessage {
		s = s[:maxMessage]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	return strings.TrimSpace(s)
}

// unreached is the failure of a call without an answer.
func (m *Manifest) unreached(ctx context.Context, err error) *Failure {
	f := &Failure{cause: err}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		f.Message = fmt.Sprintf("The call to %s was given up.", m.ID)
	case errors.Is(err, outside.ErrForbidden):
		f.Permanent, f.Message = true, fmt.Sprintf("The address of %s is one that the platform does not go to. Whoever registered it has to change api.production.base_url of its manifest.", m.ID)
	case outside.TimedOut(err):
		f.Message = fmt.Sprintf("%s did not answer in time.", m.ID)
	default:
		f.Message = fmt.Sprintf("%s could not be reached.", m.ID)
	}
	return f
}

// refused is the failure of a call that was answered with anything but success. The provider's own words count more than ours.
func (m *Manifest) refused(code int, h http.Header, text []byte) *Failure {
	f := &Failure{Code: code}
	var said struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(text, &said) == nil {
		f.Message = clean(said.Message)
	}
	ours := ""
	switch {
	case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		f.Wait = wait(h)
		ours = fmt.Sprintf("%s cannot do it now (HTTP %d).", m.ID, code)
	case code >= 300 && code < 400:
		f.Permanent, f.Message = true, fmt.Sprintf("%s sends the platform elsewhere (HTTP %d), where it does not go. Whoever registered it has to change api.production.base_url of its manifest.", m.ID, code)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		f.Permanent = true
		ours = fmt.Sprintf("%s does not take the platform's password (HTTP %d). Whoever registered it has to compare api.password of its manifest.", m.ID, code)
	default:
		f.Permanent = true
		ours = fmt.Sprintf("%s refused, and did not say why (HTTP %d). Ask its maker.", m.ID, code)
	}
	f.Message = cmp.Or(f.Message, ours)
	return f
}

// unusable is the failure of a call whose answer was success, and cannot be used: its maker has to change it.
func (m *Manifest) unusable(code int, format string, args ...any) *Failure {
	return &Failure{Permanent: true, Code: code, Message: fmt.Sprintf("%s answered what cannot be used: %s Ask its maker to change that.", m.ID, fmt.Sprintf(format, args...))}
}

// wait is what Retry-After says in seconds. A date is passed over: whose clock is right is not known.
func wait(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(min(n, 1<<20))*time.Second, maxWait)
}
