package router

import (
	"bytes"
	"math"
)

// A request is a parsed request head. It is used again for the next request of a connection, so all slices are good
// for one request only.
type request struct {
	head
	method, target []byte // the target is in origin form, or "*"
	host           []byte // as the client wrote it
	name, port     []byte // of host; name is normalised
	id             []byte // the client's request id, if it is acceptable
	upgrade        []byte // the protocols the client wants to change to

	old       bool  // HTTP/1.0
	length    int64 // of the body; -1: chunked
	hasLength bool  // a length was given, even if it is zero
	last      bool  // nothing may follow on this connection
	expects   bool  // 100-continue
	oddExpect bool  // something else
	trailers  bool  // the client reads trailers

	buf   []byte // keeps raw
	lower []byte // keeps name
}

const chunkedBody = -1

// parse reads a head, which it copies.
func (q *request) parse(raw []byte) error {
	q.buf = append(q.buf[:0], raw...)
	fields, buf, lower := q.fields, q.buf, q.lower
	*q = request{} // in place: a literal would have a copy on the stack
	q.fields, q.buf, q.lower = fields, buf, lower
	raw = q.buf
	end := bytes.IndexByte(raw, '\n')
	if end < 1 || raw[end-1] != '\r' {
		return errBareLF
	}
	if end-1 > maxLine {
		return errLineLong
	}
	absolute, err := q.parseLine(raw[:end-1])
	if err != nil {
		return err
	}
	if err := q.parseFields(raw, end+1, maxFieldLine); err != nil {
		return err
	}
	return q.understand(absolute)
}

// parseLine reads "METHOD SP target SP HTTP/1.x". If the target is a whole URL it returns its host.
func (q *request) parseLine(line []byte) (absolute []byte, err error) {
	i := bytes.IndexByte(line, ' ')
	if i < 1 || i > maxMethod {
		return nil, errLine
	}
	q.method = line[:i]
	for _, b := range q.method {
		if !tokenByte[b] {
			return nil, errLine
		}
	}
	line = line[i+1:]
	if i = bytes.IndexByte(line, ' '); i < 1 {
		return nil, errLine
	}
	q.target = line[:i]
	switch string(line[i+1:]) {
	case "HTTP/1.1":
	case "HTTP/1.0":
		q.old, q.last = true, true
	default:
		return nil, errLine
	}
	for _, b := range q.target {
		if b <= ' ' || b == 0x7f {
			return nil, errLine
		}
	}
	switch {
	case q.target[0] == '/':
	case len(q.target) == 1 && q.target[0] == '*' && string(q.method) == "OPTIONS":
	case len(q.target) > 7 && sameFold(q.target[:7], "http://"):
		return q.originForm(q.target[7:])
	case len(q.target) > 8 && sameFold(q.target[:8], "https://"):
		return q.originForm(q.target[8:])
	default:
		return nil, errLine
	}
	return nil, nil
}

// originForm turns the rest of a URL into a path, and returns its host.
func (q *request) originForm(rest []byte) (host []byte, err error) {
	i := bytes.IndexAny(rest, "/?#")
	switch {
	case i < 0:
		host, q.target = rest, []byte("/")
	case rest[i] == '/':
		host, q.target = rest[:i], rest[i:]
	default:
		host, q.target = rest[:i], append([]byte("/"), rest[i:]...)
	}
	if len(host) == 0 {
		return nil, errHost
	}
	return host, nil
}

// understand draws the conclusions from the headers: where the request goes, how its body ends, what is wanted.
func (q *request) understand(absolute []byte) error {
	hosts, lengths, encodings := 0, 0, 0
	for i := range q.fields {
		f := &q.fields[i]
		switch f.kind {
		case hostField:
			q.host = q.value(f)
			hosts++
		case lengthField:
			n, ok := parseLength(q.value(f))
			if !ok || lengths > 0 && n != q.length {
				return errLength
			}
			q.length = n
			lengths++
		case encodingField:
			if encodings++; encodings > 1 || q.old || !sameFold(q.value(f), "chunked") {
				return errEncoding
			}
		case upgradeField:
			q.upgrade = q.value(f)
		case expectField:
			if q.expects = sameFold(q.value(f), "100-continue"); !q.expects {
				q.oddExpect = true
			}
		case teField:
			for t := range tokens(q.value(f)) {
				q.trailers = q.trailers || sameFold(t, "trailers")
			}
		case requestIDField:
			if id := q.value(f); acceptableID(id) {
				q.id = id
			}
		}
	}
	q.hasLength = lengths > 0
	if encodings > 0 {
		// Heroku's rule: chunked wins. Whoever sends both is not trusted with another request on this connection.
		q.last = q.last || q.hasLength
		q.length, q.hasLength = chunkedBody, false
	}
	q.last = q.last || q.wantsClose
	q.expects = q.expects && !q.old && q.length != 0
	if !q.wantsUpgrade || q.old || q.length != 0 || sameFold(q.upgrade, "h2c") {
		q.upgrade = nil // an upgrade to h2c would hide requests from us
	}
	if hosts != 1 || !q.setHost() {
		return errHost
	}
	if absolute != nil && !bytes.EqualFold(absolute, q.host) {
		return errHost // a URL for one app and a Host for another: no good can come of it
	}
	return nil
}

func (q *request) setHost() (ok bool) {
	if q.name, q.port, ok = splitHost(q.host); ok {
		q.lower = appendLower(q.lower[:0], q.name)
		q.name = q.lower
	}
	return ok
}

// parseLength reads a Content-Length: digits, and nothing but digits.
func parseLength(v []byte) (int64, bool) {
	if len(v) == 0 || len(v) > 19 {
		return 0, false
	}
	var n uint64
	for _, b := range v {
		if b < '0' || b > '9' {
			return 0, false
		}
		n = n*10 + uint64(b-'0')
	}
	return int64(n), n <= math.MaxInt64
}

func acceptableID(id []byte) bool {
	if len(id) < 20 || len(id) > 200 {
		return false
	}
	for _, b := range id {
		if l := lower[b]; !('a' <= l && l <= 'z' || '0' <= b && b <= '9' || b == '+' || b == '/' || b == '=' || b == '-') {
			return false
		}
	}
	return true
}

// replayable requests may be sent twice: they have no body and, by their method, mean the same twice.
func (q *request) replayable() bool {
	if q.length != 0 || q.upgrade != nil {
		return false
	}
	switch string(q.method) {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}
