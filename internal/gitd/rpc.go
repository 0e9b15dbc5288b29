package gitd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/cloister-dev/cloister"
)

const (
	stuckAfter = 2 * time.Minute // without a byte from or to the client
	maxRequest = 32 << 20        // of a fetch: what the client wants and has
)

// protocolHeader is what a client may ask for in Git-Protocol; it becomes an environment variable.
var protocolHeader = regexp.MustCompile(`^[a-z0-9=:.-]{1,64}$`)

func protocol(r *http.Request) string {
	if p := r.Header.Get("Git-Protocol"); protocolHeader.MatchString(p) {
		return p
	}
	return ""
}

// advertise tells a client which refs there are, the beginning of every exchange.
func (h *Handler) advertise(w http.ResponseWriter, r *http.Request, t target, repo repository) error {
	if t.service != uploadPack && t.service != receivePack {
		return cloister.Errorf(cloister.Forbidden, "This server speaks git's smart protocol only. Use git 1.6.6 or newer.")
	}
	if t.service == receivePack && strings.Contains(protocol(r), "version=2") {
		r.Header.Del("Git-Protocol") // there is no version 2 of pushing
	}
	c := h.command(r.Context(), repo, strings.TrimPrefix(t.service, "git-"), "--stateless-rpc", "--http-backend-info-refs", string(repo))
	c.Env = append(c.Env, "GIT_PROTOCOL="+protocol(r))
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	head := w.Header()
	noCache(head)
	head.Set("Content-Type", "application/x-"+t.service+"-advertisement")
	answer := newAnswer(w)
	if !t.bare && !strings.Contains(protocol(r), "version=2") {
		answer.Write([]byte(pktLine("# service="+t.service+"\n") + "0000"))
	}
	_, copied := io.Copy(answer, out)
	h.note(r.Context(), "refs were not advertised", repo, c.wait(), copied)
	return nil
}

// upload sends what a client fetches.
func (h *Handler) upload(w http.ResponseWriter, r *http.Request, repo repository) error {
	q, err := open(w, r, uploadPack, maxRequest)
	if err != nil {
		return err
	}
	select {
	case h.reads <- struct{}{}:
		defer func() { <-h.reads }()
	case <-r.Context().Done():
		return r.Context().Err()
	}
	c := h.command(r.Context(), repo, "upload-pack", "--stateless-rpc", "--strict", string(repo))
	c.Env = append(c.Env, "GIT_PROTOCOL="+protocol(r))
	ended, copied, err := exchange(c, w, q, q, uploadPack)
	if err != nil {
		return err
	}
	h.note(r.Context(), "fetch went wrong", repo, ended, copied)
	return nil
}

// serveHead answers those who ask for HEAD as a file.
func (h *Handler) serveHead(w http.ResponseWriter, r *http.Request, repo repository) error {
	branch, err := h.head(r.Context(), repo)
	if err != nil {
		return err
	}
	noCache(w.Header())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "ref: %s\n", branch)
	return nil
}

// exchange runs a service with input as its input and the answer as its output; the request is what input is read
// from. It returns err when it did not begin, and otherwise how git ended, and how the copying did.
func exchange(c *command, w http.ResponseWriter, input io.Reader, q *request, service string) (ended, copied, err error) {
	in, err := c.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := c.Start(); err != nil {
		return nil, nil, err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(in, input)
		in.Close()
		sent <- errors.Join(q.err, q.drain(), ignorePipe(err))
	}()
	noCache(w.Header())
	w.Header().Set("Content-Type", "application/x-"+service+"-result")
	_, copied = io.Copy(newAnswer(w), out)
	ended = c.wait()
	return ended, errors.Join(copied, <-sent), nil
}

// ignorePipe drops the error of writing to git when git has heard enough; it says itself why.
func ignorePipe(err error) error {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// An answer sends what it gets at once, and gives up when the client takes nothing for long.
type answer struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func newAnswer(w http.ResponseWriter) *answer {
	return &answer{w: w, control: http.NewResponseController(w)}
}

func (a *answer) Write(p []byte) (int, error) {
	a.control.SetWriteDeadline(time.Now().Add(stuckAfter))
	n, err := a.w.Write(p)
	if err == nil {
		err = a.control.Flush()
	}
	a.control.SetWriteDeadline(time.Time{}) // a build may say nothing for long
	return n, err
}

func noCache(h http.Header) {
	h.Set("Cache-Control", "no-cache, max-age=0, must-revalidate")
	h.Set("X-Content-Type-Options", "nosniff")
}

func pktLine(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }

// note logs what went wrong after the answer had begun, unless it is the client's going away.
func (h *Handler) note(ctx context.Context, what string, repo repository, errs ...error) {
	if err := errors.Join(errs...); err != nil && ctx.Err() == nil {
		h.log.Warn(what, "repository", repo.name(), "error", err)
	}
}
