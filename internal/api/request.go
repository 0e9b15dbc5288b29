package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/cloister-dev/cloister"
)

const (
	maxBody  = 1 << 20
	maxDrain = 16 << 20 // how much of a body that is too large is read, so that the client gets to read the answer
)

// A request is an HTTP request and who made it.
type request struct {
	*http.Request
	actor cloister.Actor
	token cloister.Secret // that the caller showed; "" when it was a password
	left  int             // calls in this hour
}

// param is a part of the path. What no name can contain finds nothing.
func (r *request) param(name string) string {
	v := chi.URLParam(r.Request, name)
	if r.URL.RawPath != "" { // chi matched the path as it was sent
		if u, err := url.PathUnescape(v); err == nil {
			v = u
		}
	}
	return strings.ReplaceAll(strings.ToValidUTF8(v, "\uFFFD"), "\x00", "\uFFFD")
}

// base is the address that the request came to: what works for this caller, through whichever tunnel.
func (r *request) base() string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// body reads the body, within its limit.
func (r *request) body() ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, cloister.Errorf(cloister.BadRequest, "The request body could not be read to its end.")
	}
	if len(b) > maxBody {
		io.CopyN(io.Discard, r.Body, maxDrain) // an error means that the rest was shorter, or that nobody is there
		return nil, cloister.Errorf(cloister.TooLarge, "The request body is larger than %d bytes, which is the limit.", maxBody)
	}
	return b, nil
}

// decode reads the body as a JSON object. No body is an empty object, as clients send it.
func decode[T any](r *request) (in T, err error) {
	b, err := r.body()
	if err != nil {
		return in, err
	}
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0:
		return in, nil
	case !json.Valid(b):
		return in, cloister.Errorf(cloister.BadRequest, "The request body is not valid JSON.")
	case b[0] != '{':
		return in, cloister.Errorf(cloister.BadRequest, "The request body must be a JSON object.")
	case hasNUL(b):
		return in, cloister.Errorf(cloister.Invalid, "The request contains a NUL character, which no text here can hold.")
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return in, cloister.Errorf(cloister.Invalid, "%s", describe(err))
	}
	return in, nil
}

// hasNUL reports whether valid JSON has the escape of a NUL character in it.
func hasNUL(b []byte) bool {
	for i := 0; i < len(b)-1; i++ {
		if b[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(b[i+1:], []byte("u0000")) {
			return true
		}
		i++ // what is escaped is no backslash of its own
	}
	return false
}

// describe says what is wrong with a value, in the words of JSON rather than of Go.
func describe(err error) string {
	var t *json.UnmarshalTypeError
	if !errors.As(err, &t) {
		s := err.Error()
		return strings.ToUpper(s[:1]) + s[1:] + "."
	}
	wants := map[string]string{"string": "a string", "bool": "true or false", "slice": "an array", "map": "an object",
		"struct": "an object", "int": "a whole number", "float64": "a number"}[t.Type.Kind().String()]
	if wants == "" {
		wants = "something else"
	}
	field := t.Field
	if outer, inner, ok := strings.Cut(field, "."); ok && outer != strings.ToLower(outer) {
		field = inner // outer is an embedded struct, which is Go's business
	}
	if field == "" {
		return fmt.Sprintf("The request body has a %s where %s must be.", t.Value, wants)
	}
	return fmt.Sprintf("Field %s must be %s, not a %s.", field, wants, t.Value)
}
