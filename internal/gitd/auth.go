package gitd

import (
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/cloister-dev/cloister"
)

// authenticate takes the token from the password, whatever the user name is: that is how `heroku git:credentials`
// and ~/.netrc give it.
func (h *Handler) authenticate(r *http.Request) (cloister.Actor, error) {
	_, token, ok := r.BasicAuth()
	if !ok || token == "" {
		return cloister.Actor{}, cloister.Errorf(cloister.Unauthorized, "Credentials are required. Run `heroku login`, or give an API token as the password.")
	}
	from, _, _ := net.SplitHostPort(r.RemoteAddr)
	actor, err := h.platform.Authenticate(r.Context(), from, cloister.Secret(token))
	if cloister.KindOf(err) == cloister.Unauthorized {
		return cloister.Actor{}, cloister.Errorf(cloister.Unauthorized, "Invalid credentials. Run `heroku login`, or give an API token as the password: a person's own password does not work here.")
	}
	return actor, err
}

var statusOf = map[cloister.Kind]int{
	cloister.BadRequest:   http.StatusBadRequest,
	cloister.Unauthorized: http.StatusUnauthorized,
	cloister.Suspended:    http.StatusForbidden,
	cloister.Forbidden:    http.StatusForbidden,
	cloister.NotFound:     http.StatusNotFound,
	cloister.Conflict:     http.StatusConflict,
	cloister.Invalid:      http.StatusUnprocessableEntity,
	cloister.TooLarge:     http.StatusRequestEntityTooLarge,
	cloister.RateLimit:    http.StatusTooManyRequests,
	cloister.Unsupported:  http.StatusNotImplemented,
	cloister.Unavailable:  http.StatusServiceUnavailable,
}

// refuse answers with an error. Git shows plain text to the person, each line behind "remote: ".
func refuse(w http.ResponseWriter, err error) {
	kind := cloister.KindOf(err)
	status, ok := statusOf[kind]
	if !ok {
		status = http.StatusInternalServerError
	}
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	if kind == cloister.Unauthorized {
		header.Set("WWW-Authenticate", `Basic realm="Cloister", charset="UTF-8"`)
	}
	w.WriteHeader(status)
	io.WriteString(w, failure(cloister.MessageOf(err)))
}

// failure is a message in the form that build tools use for errors.
func failure(message string) string {
	return " !     " + strings.Join(strings.Split(strings.TrimSpace(message), "\n"), "\n !     ") + "\n"
}
