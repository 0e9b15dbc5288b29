package router

import (
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
)

// A stream is one request of an HTTP/2 or HTTP/3 connection, which others speak for us; from the request it has read we make the
// text of an HTTP/1.1 request, and put that through the same strict parser as everybody else's. It is used again for
// another request, of any connection.
type stream struct {
	r   *Router
	w   http.ResponseWriter
	rc  http.ResponseController
	req *http.Request
	q   request
	x   exchange

	text  []byte // the request's head
	buf   []byte // of its body
	first []byte // of its body, read already
}

var unusedStreams = sync.Pool{New: func() any { return new(stream) }}

// serveStream answers a request that came over HTTP/2, or HTTP/3.
func (r *Router) serveStream(w http.ResponseWriter, req *http.Request) {
	s := unusedStreams.Get().(*stream)
	s.r, s.w, s.rc, s.req = r, w, *http.NewResponseController(w), req
	end := s.serve()
	if cap(s.text) <= flushAt {
		s.x.forget()
		s.w, s.rc, s.req = nil, http.ResponseController{}, nil
		unusedStreams.Put(s)
	}
	if end == abort {
		panic(http.ErrAbortHandler) // resets the stream
	}
}

func (s *stream) serve() outcome {
	from := originOf(s.req.Context())
	g := newGuard(s.r.watch, from, s)
	defer g.retire() // net/http forbids touching a stream after its handler
	s.x.r, s.x.g, s.x.q, s.x.down, s.x.up, s.x.proto, s.x.https = s.r, g, &s.q, s, s, "http2.0", true
	if s.req.ProtoMajor == 3 {
		s.x.proto = "http3.0"
	}
	s.x.comeFrom(from)
	defer s.x.leave()
	if s.req.TLS != nil {
		s.x.speaks(s.req.TLS)
	}
	if o, ok := s.req.Context().Value(originKey{}).(*quicOrigin); ok {
		if o.moved() {
			return abort
		}
		defer o.begin()()
	}
	g.enter(asking, s.r.limits.first)
	if err := s.peek(); err != nil {
		return abort
	}
	s.text = s.appendHead(s.text[:0])
	if err := s.q.parse(s.text); err != nil || s.q.hasLength && s.q.length != s.req.ContentLength { // the stream ends with its head
		s.refuse(badRequest, pages[pageBadRequest])
		return last
	}
	s.q.upgrade, s.q.last = nil, false // neither means anything here
	return s.x.run()
}

// peek finds out whether a request of HTTP/3 has a body that did not say how long it is: if it is of a method that hardly ever has
// one, and ends at once, it has none.
func (s *stream) peek() error {
	s.first = nil
	switch s.req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodDelete:
	default:
		return nil
	}
	if s.req.ProtoMajor != 3 || s.req.ContentLength >= 0 {
		return nil
	}
	p, err := s.next()
	if err == io.EOF {
		s.req.ContentLength = 0
		return nil
	}
	s.first = p
	return err
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
	if p := s.first; p != nil {
		s.first = nil
		return p, nil
	}
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
	h := s.setHeader(p, p.mode == byLength || p.mode == noBody && p.status != 204)
	h["Via"] = append(h["Via"], "1.1 "+via)
	if a := s.x.advertise(); a != "" && h["Alt-Svc"] == nil {
		h["Alt-Svc"] = []string{a}
	}
	for _, name := range []string{"Date", "Content-Type"} { // a dyno that sends none has its reasons: nothing is guessed
		if _, ok := h[name]; !ok {
			h[name] = nil
		}
	}
	s.w.WriteHeader(p.status)
	return nil
}

// setHeader gives the response's headers to net/http: all out of one string, and one list of values.
func (s *stream) setHeader(p *response, length bool) http.Header {
	h := s.w.Header()
	text := string(p.raw)
	values := make([]string, 0, len(p.fields))
	for i := range p.fields {
		f := &p.fields[i]
		if !passReply(f.kind) && !(f.kind == lengthField && length) {
			continue
		}
		name := textproto.CanonicalMIMEHeaderKey(text[f.line:f.name])
		if had := h[name]; had != nil {
			h[name] = append(had, text[f.value:f.stop])
			continue
		}
		values = append(values, text[f.value:f.stop])
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	return h
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

func (s *stream) tunnel(*link) error { return errors.New("streams have no upgrades") }

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
