package gitd

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cloister-dev/cloister"
)

// A request is the body of a client's request, unpacked. It gives up when the client sends nothing for long, or more
// than it may.
type request struct {
	io.Reader // the limited, unpacked body
	body      io.Reader
	control   *http.ResponseController
	max       int64
	err       error // what reading the body ended with, if that was not its end
}

// open begins to read a request to a service, of at most max bytes.
func open(w http.ResponseWriter, r *http.Request, service string, max int64) (*request, error) {
	if got := r.Header.Get("Content-Type"); got != "application/x-"+service+"-request" {
		return nil, cloister.Errorf(cloister.BadRequest, "This address is for git.") // nor can a browser's form use it
	}
	if r.ContentLength > max {
		return nil, tooLarge(max)
	}
	q := &request{body: r.Body, control: http.NewResponseController(w), max: max}
	q.control.EnableFullDuplex()            // HTTP/2 always is
	q.control.SetWriteDeadline(time.Time{}) // the server's own is meant for short answers
	q.Reader = patient{q}
	switch r.Header.Get("Content-Encoding") {
	case "":
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(bufio.NewReader(q.Reader))
		if err != nil {
			return nil, cloister.Errorf(cloister.BadRequest, "The request is not compressed as it says.")
		}
		q.Reader = unpacked
	default:
		return nil, cloister.Errorf(cloister.BadRequest, "The request is compressed in an unknown way.")
	}
	q.Reader = &limited{r: q.Reader, left: max, max: max}
	return q, nil
}

func tooLarge(max int64) error {
	return cloister.Errorf(cloister.TooLarge, "This is more than %d MB, which is the limit of one push or fetch. Keep large files out of the repository, or push its history in parts.", max>>20)
}

// drain reads what git did not want to hear. The client must get rid of it before it listens to the answer; and only
// behind the end of a request does the server notice when the client goes away. A client that does not stop is cut.
func (q *request) drain() error {
	if q.err != nil {
		return nil
	}
	if _, err := io.CopyN(io.Discard, patient{q}, q.max); err != io.EOF {
		return errors.Join(err, errors.New("the client did not stop sending"))
	}
	return nil
}

// patient reads the body as it comes, with a deadline for each piece.
type patient struct{ q *request }

func (p patient) Read(b []byte) (int, error) {
	p.q.control.SetReadDeadline(time.Now().Add(stuckAfter))
	n, err := p.q.body.Read(b)
	if err != nil {
		p.q.control.SetReadDeadline(time.Time{}) // from now on silence is what we expect
		if err != io.EOF {
			p.q.err = fmt.Errorf("read request: %w", err)
		}
	}
	return n, err
}

// limited reads at most a number of bytes. What is more is an error, not an end.
type limited struct {
	r         io.Reader
	left, max int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, tooLarge(l.max)
	}
	return n, err
}
