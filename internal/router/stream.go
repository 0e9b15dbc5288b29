package router

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// A stream is one request of an HTTP/2 connection. net/http speaks HTTP/2; from the request it has read we make the
// text of an HTTP/1.1 request, and put that through the same strict parser as everybody else's.
type stream struct {
	r   *Router
	w   http.ResponseWriter
	rc  *http.ResponseController
	req *http.Request
	q   request
	x   exchange

	buf   []byte // of the body
	empty bool   // the response has no body
}

// serveStream answers a request that came over HTTP/2.
func (r *Router) serveStream(w http.ResponseWriter, req *http.Request) {
	s := &stream{r: r, w: w, rc: http.NewResponseController(w), req: req}
	from := originOf(req.Context())
	g := newGuard(r.watch, from, s)
	defer g.retire() // net/http forbids touching a stream after its handler
	s.x = exchange{r: r, g: g, q: &s.q, down: s, up: s, proto: "http2.0", https: true}
	s.x.comeFrom(from)
	defer s.x.leave()
	if req.TLS != nil {
		s.x.speaks(req.TLS)
	}
	g.enter(asking, r.limits.first)
	stop := context.AfterFunc(req.Context(), func() { g.stop(departed, false) })
	defer stop()
	if err := s.q.parse(s.appendHead(nil)); err != nil || s.q.hasLength && s.q.length != req.ContentLength { // the stream ends with its head
		s.refuse(badRequest, pages[pageBadRequest])
		return
	}
	s.q.upgrade, s.q.last = nil, false // neither means anything in HTTP/2
	if s.x.run() == abort {
		panic(http.ErrAbortHandler) // resets the stream
	}
}

// appendHead writes the request's head as text.
func (s *stream) appendHead(b []byte) []byte {
	b = append(append(append(b, s.req.Method...), ' '), s.req.RequestURI...)
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), s.req.Host...), "\r\n"...)
	if s.req.ContentLength < 0 {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if len(s.req.Trailer) > 0 {
		b = append(b, "Trailer: "...)
		for name := range s.req.Trailer {
			b = append(append(b, name...), ", "...)
		}
		b = append(b[:len(b)-2], "\r\n"...)
	}
	for name, values := range s.req.Header {
		switch name {
		case "Transfer-Encoding", "Connection", "Host", "Trailer", "Upgrade":
			continue
		}
		for _, v := range values {
			b = append(append(append(append(b, name...), ": "...), v...), "\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}

// next is the request's body.
func (s *stream) next() ([]byte, error) {
	if s.buf == nil {
		s.buf = make([]byte, flushAt)
	}
	n, err := s.req.Body.Read(s.buf)
	if n > 0 {
		return s.buf[:n], nil
	}
	return nil, err
}

func (s *stream) ready() bool { return false }

func (s *stream) trailer() *head {
	var text []byte
	for name, values := range s.req.Trailer {
		for _, v := range values {
			text = append(append(append(append(text, name...), ": "...), v...), "\r\n"...)
		}
	}
	if text == nil {
		return nil
	}
	h := new(head)
	if h.parseFields(append(text, "\r\n"...), 0, maxTrailer) != nil {
		return nil
	}
	return h
}

func (s *stream) goOn() error { return nil } // net/http does that when the body is read

func (s *stream) interim(p *response) error {
	s.setHeader(p, false)
	s.w.WriteHeader(p.status)
	clear(s.w.Header())
	return nil
}

func (s *stream) start(p *response) error {
	s.setHeader(p, p.mode == byLength || p.mode == noBody && p.status != 204)
	s.w.Header().Add("Via", "1.1 "+via)
	if s.w.Header()["Date"] == nil {
		s.w.Header()["Date"] = nil // a dyno that sends none has its reasons
	}
	if s.w.Header()["Content-Type"] == nil {
		s.w.Header()["Content-Type"] = nil // nothing is guessed
	}
	s.w.WriteHeader(p.status)
	s.empty = p.mode == noBody
	return nil
}

func (s *stream) setHeader(p *response, length bool) {
	for i := range p.fields {
		if f := &p.fields[i]; passReply(f.kind) || f.kind == lengthField && length {
			s.w.Header().Add(string(p.name(f)), string(p.value(f)))
		}
	}
}

func (s *stream) write(p []byte) error {
	_, err := s.w.Write(p)
	return err
}

func (s *stream) flush() error { return s.rc.Flush() }

func (s *stream) finish(trailer *head) error {
	if trailer == nil {
		return nil
	}
	for i := range trailer.fields {
		if f := &trailer.fields[i]; f.kind == otherField {
			s.w.Header().Add(http.TrailerPrefix+string(trailer.name(f)), string(trailer.value(f)))
		}
	}
	return nil
}

func (s *stream) refuse(f *failure, text string) (int64, error) {
	h := s.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Via", "1.1 "+via)
	s.w.WriteHeader(f.status)
	n, err := io.Copy(s.w, strings.NewReader(text))
	if errors.Is(err, http.ErrBodyNotAllowed) {
		err = nil // HEAD
	}
	return n, err
}

func (s *stream) tunnel(*link) error { return errors.New("HTTP/2 has no upgrades") }

func (s *stream) interrupt() {
	s.rc.SetReadDeadline(longAgo)
	s.req.Body.Close()
}

func (s *stream) resume() {}

func (s *stream) sever() {
	s.rc.SetReadDeadline(longAgo)
	s.rc.SetWriteDeadline(longAgo)
}

func (s *stream) gone() bool { return s.req.Context().Err() != nil }
