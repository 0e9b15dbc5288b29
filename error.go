package cloister

import (
	"errors"
	"fmt"
	"syscall"
)

// A Kind says what sort of mistake an Error is. The API turns it into an HTTP status and Heroku's error id,
// the CLI into an exit code; the work loop parks work whose error is Invalid until somebody touches it.
type Kind string

const (
	Internal     Kind = "internal"              // our fault; the cause is logged, never shown
	BadRequest   Kind = "bad_request"           // not understood at all: no JSON, a malformed range
	Unauthorized Kind = "unauthorized"          // no credentials, or wrong ones
	TwoFactor    Kind = "two_factor"            // the password is right, and a second factor is needed
	Suspended    Kind = "suspended"             // the credentials are right, and their owner is kept out
	Forbidden    Kind = "forbidden"             // visible to the caller, but not allowed
	NotFound     Kind = "not_found"             // does not exist, or must look as if it did not
	Conflict     Kind = "conflict"              // true when asked, no longer true: ask again
	Precondition Kind = "precondition_failed"   // the caller named a state, and it is another by now
	Invalid      Kind = "invalid_params"        // understood, and against a rule
	Confirm      Kind = "confirmation_required" // allowed once the caller repeats it with a confirmation
	TooLarge     Kind = "payload_too_large"     // the body exceeds a limit that the message names
	RateLimit    Kind = "rate_limit"            // too many calls
	Unsupported  Kind = "not_implemented"       // this server or engine cannot do it, and says so
	Unavailable  Kind = "service_unavailable"   // cannot be done now; the same call may work later
	Corrupt      Kind = "checksum_mismatch"     // what was kept is no longer what it was; the message has both checksums
)

// An Error is a failure with a message that is meant for the person who caused it, in Heroku's voice: what is
// wrong, and what to do. Resource names the noun that was not found (Heroku's "resource" field), where there is one.
type Error struct {
	Kind     Kind
	Message  string
	Resource string
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error whose message is formatted as by fmt.Sprintf.
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Missing is the NotFound error for a noun, in the words of Heroku's API: "Couldn't find that app."
func Missing(resource string) error {
	words := map[string]string{"addon": "add-on", "add_on": "add-on", "add_on attachment": "add-on attachment", "addon_service": "add-on service", "two_factor": "second factor", "sni_endpoint": "SNI endpoint", "enterprise_account": "enterprise account", "region": "region", "pipeline_coupling": "pipeline coupling", "pipeline_promotion": "promotion"}
	w := resource
	if v, ok := words[resource]; ok {
		w = v
	}
	return &Error{Kind: NotFound, Message: "Couldn't find that " + w + ".", Resource: resource}
}

// Checksum is the Corrupt error, in the words of Heroku's R17 (with its slip), for what should have a SHA-256 and has
// another. Both are hexadecimal.
func Checksum(expected, actual string) error {
	return Errorf(Corrupt, "Checksum does match expected value. Expected: SHA256:%s Actual: SHA256:%s", expected, actual)
}

// full is what a full disk means for whoever wanted something: wherever a write failed for it, nobody has to say so.
var full = &Error{Kind: Unavailable, Message: "The disk of the server is full. Free some space there and try again."}

// KindOf says what sort of error err is. Anything that is not an Error is Internal, but for a full disk; nil is "".
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	if errors.Is(err, syscall.ENOSPC) {
		return full.Kind
	}
	return Internal
}

// MessageOf is the text that may be shown to the person who caused err. The text of an Internal error is withheld.
func MessageOf(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Kind != Internal {
		return e.Message
	}
	if KindOf(err) == full.Kind {
		return full.Message
	}
	return "Internal server error."
}
