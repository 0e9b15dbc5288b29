package router

import (
	"crypto/tls"
	"encoding/base64"
	"math/rand/v2"
	"strconv"
)

const via = "cloister-router"

// appendRequest writes the request as the dyno gets it: what the client said, less what was meant for us, and what
// only we can know.
func (x *exchange) appendRequest(dst []byte) []byte {
	q := x.q
	dst = append(dst, q.method...)
	dst = append(dst, ' ')
	dst = append(dst, q.target...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, q.host...)
	dst = append(dst, "\r\n"...)
	dst = q.appendFields(dst, func(k kind) bool { return k == otherField || k == trailerField })
	switch {
	case q.length == chunkedBody:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	case q.hasLength:
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, q.length, 10)
		dst = append(dst, "\r\n"...)
	}
	if q.trailers {
		dst = append(dst, "TE: trailers\r\n"...)
	}
	if q.upgrade != nil {
		dst = append(dst, "Connection: Upgrade\r\nUpgrade: "...)
		dst = append(dst, q.upgrade...)
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, "X-Forwarded-For: "...)
	dst = append(dst, x.fwd...)
	port := q.port
	if x.port != nil {
		port = x.port
	}
	if x.https || x.secure {
		dst = append(dst, "\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: "...)
		if len(port) == 0 {
			port = []byte("443")
		}
	} else {
		dst = append(dst, "\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: "...)
		if len(port) == 0 {
			port = []byte("80")
		}
	}
	dst = append(dst, port...)
	dst = append(dst, "\r\nX-Request-Start: "...)
	dst = strconv.AppendInt(dst, x.began.UnixMilli(), 10)
	dst = append(dst, "\r\nX-Request-Id: "...)
	dst = append(dst, x.id...)
	if x.policy.closed && x.shown != nil { // RFC 9440
		dst = append(dst, "\r\nClient-Cert: :"...)
		dst = append(base64.StdEncoding.AppendEncode(dst, x.shown), ':')
	}
	switch {
	case x.proto == "http2.0":
		dst = append(dst, "\r\nVia: 2.0 "...)
	case x.proto == "http3.0":
		dst = append(dst, "\r\nVia: 3.0 "...)
	case q.old:
		dst = append(dst, "\r\nVia: 1.0 "...)
	default:
		dst = append(dst, "\r\nVia: 1.1 "...)
	}
	return append(dst, via+"\r\n\r\n"...)
}

// appendFields copies the lines of the headers that pass. Neighbours are copied together.
func (h *head) appendFields(dst []byte, pass func(kind) bool) []byte {
	from, to := int32(0), int32(0)
	for i := range h.fields {
		f := &h.fields[i]
		if !pass(f.kind) {
			continue
		}
		if f.line != to {
			dst = append(dst, h.raw[from:to]...)
			from = f.line
		}
		to = f.next
	}
	return append(dst, h.raw[from:to]...)
}

// comeFrom sets out with what is known of the connection.
func (x *exchange) comeFrom(o *origin) {
	x.from, x.client, x.secure = o, o.client, o.secure
	x.fromIP = o.client.AppendTo(x.fromIP[:0])
}

// speaks notes what a connection's TLS has agreed on.
func (x *exchange) speaks(state *tls.ConnectionState) {
	x.https, x.version, x.sni = true, state.Version, state.ServerName
	if len(state.PeerCertificates) > 0 {
		x.shown = state.PeerCertificates[0].Raw
	}
}

// identify works out who asks: X-Forwarded-For, with the client at the right, and the request's id. It reports
// whether that makes sense.
func (x *exchange) identify() bool {
	x.fwd = x.fwd[:0]
	for i := range x.q.fields {
		f := &x.q.fields[i]
		if f.kind != forwardedForField || f.value == f.stop {
			continue
		}
		x.fwd = append(append(x.fwd, x.q.value(f)...), ", "...)
	}
	if x.id = x.q.id; x.id == nil {
		x.id = appendUUID(x.scratch[:0])
	}
	if x.from.balancer {
		return x.believe()
	}
	x.fwd = append(x.fwd, x.fromIP...)
	return true
}

// appendUUID appends a random UUID, version 4.
func appendUUID(dst []byte) []byte {
	const digits = "0123456789abcdef"
	a, b := rand.Uint64(), rand.Uint64()
	a = a&^0xf000 | 0x4000
	b = b&^(0xc<<60) | 0x8<<60
	for i := 60; i >= 0; i -= 4 {
		dst = append(dst, digits[a>>i&15])
		if i == 32 || i == 16 {
			dst = append(dst, '-')
		}
	}
	dst = append(dst, '-')
	for i := 60; i >= 0; i -= 4 {
		dst = append(dst, digits[b>>i&15])
		if i == 48 {
			dst = append(dst, '-')
		}
	}
	return dst
}
