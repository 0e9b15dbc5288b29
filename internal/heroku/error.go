package heroku

import (
	"errors"
	"fmt"
	"net/http"
)

// An Error is a failure as the server told it. Its JSON form is the body of every response that is not a success.
type Error struct {
	Status   int    `json:"-"`
	ID       string `json:"id"`
	Message  string `json:"message"`
	URL      string `json:"url,omitempty"`
	Resource string `json:"resource,omitempty"` // the noun that was not found
	App      *Named `json:"app,omitempty"`      // where the error concerns an app
}

// Ids of errors that clients treat in their own way.
const (
	ErrUnauthorized = "unauthorized"
	ErrNotFound     = "not_found"
	ErrConfirm      = "confirmation_required"
	ErrTwoFactor    = "two_factor"
	ErrUnsupported  = "not_implemented"
)

func (e *Error) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("HTTP error %d %s", e.Status, http.StatusText(e.Status))
	}
	return e.Message
}

// IsNotFound reports whether err says that something does not exist.
func IsNotFound(err error) bool { return StatusOf(err) == http.StatusNotFound }

// IsUnauthorized reports whether err says that the token is missing or wrong.
func IsUnauthorized(err error) bool { return StatusOf(err) == http.StatusUnauthorized }

// StatusOf is the HTTP status that err carries; 0 when the server did not answer.
func StatusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}
