package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// statuses is the only place where kinds of errors become HTTP.
var statuses = map[cloister.Kind]int{
	cloister.BadRequest:   http.StatusBadRequest,
	cloister.Unauthorized: http.StatusUnauthorized,
	cloister.Suspended:    http.StatusForbidden,
	cloister.TwoFactor:    http.StatusForbidden,
	cloister.Forbidden:    http.StatusForbidden,
	cloister.NotFound:     http.StatusNotFound,
	cloister.Conflict:     http.StatusConflict,
	cloister.Precondition: http.StatusPreconditionFailed,
	cloister.Invalid:      http.StatusUnprocessableEntity,
	cloister.Confirm:      http.StatusLocked,
	cloister.TooLarge:     http.StatusRequestEntityTooLarge,
	cloister.RateLimit:    http.StatusTooManyRequests,
	cloister.Unsupported:  http.StatusNotImplemented,
	cloister.Unavailable:  http.StatusServiceUnavailable,
	cloister.Corrupt:      http.StatusInternalServerError,
	cloister.Internal:     http.StatusInternalServerError,
}

// wrong is an error as the API tells it. The cause of an internal one stays here; the request id leads to it.
func wrong(err error, request string) reply {
	kind := cloister.KindOf(err)
	status, known := statuses[kind]
	if !known {
		kind, status = cloister.Internal, http.StatusInternalServerError
	}
	body := heroku.Error{ID: string(kind), Message: cloister.MessageOf(err)}
	var e *cloister.Error
	if errors.As(err, &e) {
		body.Resource = e.Resource
	}
	if kind == cloister.Internal {
		body.ID = "internal_server_error"
		body.Message = "Internal server error. The operator finds its cause in the server's log by the request id " + request + "."
	}
	return reply{status: status, body: body}
}

// fail answers with an error. What is nobody's fault but ours is logged.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	id := requestID(r)
	gone := r.Context().Err() != nil && errors.Is(err, context.Canceled)
	if cloister.KindOf(err) == cloister.Internal && !gone {
		a.log.Error("request failed", "request", id, "method", r.Method, "path", hideSecret(r.URL.Path), "err", err)
	}
	out := wrong(err, id)
	if out.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="Cloister"`)
	}
	a.write(w, r, out)
}
