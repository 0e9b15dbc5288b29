package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// A reply is what a handler answers.
type reply struct {
	status  int
	body    any
	list    lister // a list, of which the caller may want a part; body is unused
	warning string // what people should know, though all went well
	secret  string // of a webhook that was made; it is told once, in a header
}

func ok(body any) reply       { return reply{status: http.StatusOK, body: body} }
func created(body any) reply  { return reply{status: http.StatusCreated, body: body} }
func accepted(body any) reply { return reply{status: http.StatusAccepted, body: body} }

// done is the answer to what has no object to show. Clients decode every answer, so it is never empty.
func done() reply { return accepted(struct{}{}) }

// write sends a reply as JSON.
func (a *API) write(w http.ResponseWriter, r *http.Request, out reply) {
	h := w.Header()
	if out.secret != "" {
		h.Set(heroku.WebhookSecretHeader, out.secret)
	}
	if out.list != nil {
		wanted, err := heroku.ParseRange(r.Header.Get("Range"))
		if err != nil {
			a.fail(w, r, malformed(err))
			return
		}
		p, err := out.list(wanted)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		p.describe(h)
		out.body = p.items
		if p.next != "" {
			out.status = http.StatusPartialContent
		}
	}
	b, err := encode(out.body)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	if read := r.Method == http.MethodGet || r.Method == http.MethodHead; read && out.status < 300 {
		tag := tag(b)
		h.Set("ETag", tag)
		if matches(r.Header.Get("If-None-Match"), tag) {
			h.Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(out.status)
	if r.Method != http.MethodHead {
		w.Write(b) // a client that has gone needs no answer
	}
}

// encode writes a body as JSON.
func encode(body any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(body)
	return b.Bytes(), err
}

// tag is the ETag of a body.
func tag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// matches reports whether an If-None-Match or If-Match header names the tag.
func matches(header, tag string) bool {
	for t := range strings.SplitSeq(header, ",") {
		t = strings.TrimPrefix(strings.TrimSpace(t), "W/")
		if t == tag || t == "*" {
			return true
		}
	}
	return false
}
