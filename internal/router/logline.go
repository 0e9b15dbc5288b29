package router

import (
	"crypto/tls"
	"strconv"
	"time"
)

const maxFwd = 1024 // of X-Forwarded-For in a log line

// log writes the line of the app's log that stands for this request, in the order that Heroku's users and their
// tools know. f is nil when a dyno has answered.
func (x *exchange) log(f *failure) {
	now := time.Now()
	b := x.r.lines.begin(x.app.AppID, now)
	if f == nil {
		b = append(b, "at=info"...)
	} else {
		b = append(append(b, "at="...), f.level...)
		b = append(append(b, " code="...), f.code...)
		b = appendQuoted(append(b, " desc="...), f.desc)
	}
	b = append(append(b, " method="...), x.q.method...)
	b = appendQuoted(append(b, " path="...), x.q.target)
	b = append(append(b, " host="...), x.q.host...)
	b = append(append(b, " request_id="...), x.id...)
	b = appendQuoted(append(b, " fwd="...), x.fwd[max(0, len(x.fwd)-maxFwd):]) // the right end is what we vouch for
	b = append(b, " dyno="...)
	if x.dyno != nil {
		b = append(b, x.dyno.name...)
	}
	b = append(b, " connect="...)
	if x.connected >= 0 {
		b = append(strconv.AppendInt(b, x.connected.Milliseconds(), 10), "ms"...)
	}
	b = append(b, " service="...)
	if !x.asked.IsZero() {
		b = append(strconv.AppendInt(b, now.Sub(x.asked).Milliseconds(), 10), "ms"...)
	}
	b = strconv.AppendInt(append(b, " status="...), int64(x.status), 10)
	b = strconv.AppendInt(append(b, " bytes="...), x.bytes, 10)
	b = append(append(b, " protocol="...), x.proto...)
	b = strconv.AppendBool(append(b, " tls="...), x.https)
	b = append(append(b, " tls_version="...), tlsName(x.version)...)
	x.r.lines.end(b)
}

// appendQuoted quotes what a client has chosen, so that it can neither end its quotation nor the line.
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch b := s[i]; {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b < 0x20 || b >= 0x7f:
			dst = append(dst, '\\', 'x', digits[b>>4], digits[b&15])
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}

func tlsName(version uint16) string {
	switch version {
	case tls.VersionTLS10:
		return "tls1.0"
	case tls.VersionTLS11:
		return "tls1.1"
	case tls.VersionTLS12:
		return "tls1.2"
	case tls.VersionTLS13:
		return "tls1.3"
	}
	return "unknown"
}
