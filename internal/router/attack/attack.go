// Package attack has what attackers send to a router, for its own tests and for those of a whole server.
package attack

import "strings"

// A Request is a text that a client sends to the app at demo.test, and what may come of it.
type Request struct {
	Name   string
	Text   string
	Status string // of the first response
	// Saw is what the dyno reads after the request line, less the headers that every request has, with "\n" for the end of a line;
	// "" is nothing at all.
	Saw string
}

const get = "GET /hidden HTTP/1.1\r\nHost: demo.test\r\n\r\n"

// What is more than a request line or a header may have.
var big, huge = strings.Repeat("a", 8<<10+8), strings.Repeat("a", 512<<10+8)

// Smuggling are requests that two programs may understand differently, or that are none.
var Smuggling = []Request{
	{"plain", "POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 3\r\n\r\nabc", "200", "Content-Length: 3\n\nabc"},
	{"chunked", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "200", "Transfer-Encoding: chunked\n\n3\nabc\n0\n\n"},
	{"chunk extension is dropped", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0;c\r\n\r\n", "200", "Transfer-Encoding: chunked\n\n3\nabc\n0\n\n"},
	{"CL.TE: chunked wins, and nothing follows", "POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get, "200", "Transfer-Encoding: chunked\n\n0\n\n"},
	{"TE.CL: chunked wins", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + get, "200", "Transfer-Encoding: chunked\n\n3\nabc\n0\n\n"},
	{"equal lengths are one", "POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "200", "Content-Length: 3\n\nabc"},
	{"different lengths", "POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400", ""},
	{"list of lengths", "POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 3, 3\r\n\r\nabc", "400", ""},
	{"signed length", "POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: +3\r\n\r\nabc", "400", ""},
	{"hexadecimal length", "POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 0x3\r\n\r\nabc", "400", ""},
	{"empty length", "POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length:\r\n\r\n" + get, "400", ""},
	{"huge length", "POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 18446744073709551617\r\n\r\n" + get, "400", ""},
	{"TE.TE: twice", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", "400", ""},
	{"TE.TE: list", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400", ""},
	{"TE.TE: vertical tab", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", "400", ""},
	{"TE.TE: space before colon", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400", ""},
	{"TE.TE: in another case", "POST / HTTP/1.1\r\nHost: demo.test\r\ntransfer-ENCODING: ChunKed\r\n\r\n0\r\n\r\n", "200", "Transfer-Encoding: chunked\n\n0\n\n"},
	{"TE.TE: xchunked", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400", ""},
	{"TE with underscore is no TE", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer_Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", "200", "Content-Length: 3\n\nabc"},
	{"TE in HTTP/1.0", "POST / HTTP/1.0\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", ""},
	{"length named in Connection stays", "POST / HTTP/1.1\r\nHost: demo.test\r\nConnection: Content-Length\r\nContent-Length: 3\r\n\r\nabc", "200", "Content-Length: 3\n\nabc"},
	{"bare LF", "GET / HTTP/1.1\nHost: demo.test\n\n", "400", ""},
	{"bare LF in the middle", "GET / HTTP/1.1\r\nHost: demo.test\nX: y\r\n\r\n", "400", ""},
	{"bare CR", "GET / HTTP/1.1\r\nHost: demo.test\rX: y\r\n\r\n", "400", ""},
	{"bare CR in a value", "GET / HTTP/1.1\r\nHost: demo.test\r\nX: a\rContent-Length: 40\r\n\r\n", "400", ""},
	{"NUL in a value", "GET / HTTP/1.1\r\nHost: demo.test\r\nX: a\x00b\r\n\r\n", "400", ""},
	{"folded header", "GET / HTTP/1.1\r\nHost: demo.test\r\nX: a\r\n b\r\n\r\n", "400", ""},
	{"header before the first", "GET / HTTP/1.1\r\n Host: demo.test\r\n\r\n", "400", ""},
	{"no colon", "GET / HTTP/1.1\r\nHost: demo.test\r\nX\r\n\r\n", "400", ""},
	{"no name", "GET / HTTP/1.1\r\nHost: demo.test\r\n: y\r\n\r\n", "400", ""},
	{"invalid name", "GET / HTTP/1.1\r\nHost: demo.test\r\nX(y): z\r\n\r\n", "400", ""},
	{"two hosts", "GET / HTTP/1.1\r\nHost: demo.test\r\nHost: other.test\r\n\r\n", "400", ""},
	{"two equal hosts", "GET / HTTP/1.1\r\nHost: demo.test\r\nHost: demo.test\r\n\r\n", "400", ""},
	{"no host", "GET / HTTP/1.1\r\n\r\n", "400", ""},
	{"no host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "400", ""},
	{"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400", ""},
	{"host with user", "GET / HTTP/1.1\r\nHost: demo.test@other.test\r\n\r\n", "400", ""},
	{"host with path", "GET / HTTP/1.1\r\nHost: demo.test/x\r\n\r\n", "400", ""},
	{"URL and host disagree", "GET http://other.test/ HTTP/1.1\r\nHost: demo.test\r\n\r\n", "400", ""},
	{"two spaces", "GET  / HTTP/1.1\r\nHost: demo.test\r\n\r\n", "400", ""},
	{"tab for a space", "GET\t/ HTTP/1.1\r\nHost: demo.test\r\n\r\n", "400", ""},
	{"space in the path", "GET /a b HTTP/1.1\r\nHost: demo.test\r\n\r\n", "400", ""},
	{"HTTP/0.9", "GET /\r\n\r\n", "400", ""},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400", ""},
	{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: demo.test\r\n\r\n", "400", ""},
	{"CONNECT", "CONNECT demo.test:80 HTTP/1.1\r\nHost: demo.test\r\n\r\n", "400", ""},
	{"PROXY header from a stranger", "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET / HTTP/1.1\r\nHost: demo.test\r\n\r\n", "400", ""},
	{"empty line first", "\r\nGET / HTTP/1.1\r\nHost: demo.test\r\n\r\n", "400", ""},
	{"long request line", "GET /" + big + " HTTP/1.1\r\nHost: demo.test\r\n\r\n", "400", ""},
	{"long header", "GET / HTTP/1.1\r\nHost: demo.test\r\nX: " + huge + "\r\n\r\n", "400", ""},
	{"long header, never ending", "GET / HTTP/1.1\r\nHost: demo.test\r\nX: " + huge, "400", ""},
	{"long method", strings.Repeat("A", 128) + " / HTTP/1.1\r\nHost: demo.test\r\n\r\n", "400", ""},
	{"many headers", "GET / HTTP/1.1\r\nHost: demo.test\r\n" + strings.Repeat("X: y\r\n", 1000) + "\r\n", "400", ""},
	{"h2c is no upgrade of ours", "GET / HTTP/1.1\r\nHost: demo.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n", "200", "\n"},
	{"chunk size with sign", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n", "400", "Transfer-Encoding: chunked\n\n"},
	{"chunk size with 0x", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", "400", "Transfer-Encoding: chunked\n\n"},
	{"chunk size too large", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n", "400", "Transfer-Encoding: chunked\n\n"},
	{"chunk line ends in LF", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", "400", "Transfer-Encoding: chunked\n\n"},
	{"chunk longer than said", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", "400", "Transfer-Encoding: chunked\n\n3\nabc\n"},
	{"space before chunk extension only", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n", "400", "Transfer-Encoding: chunked\n\n"},
	{"bare CR in chunk extension", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n3;a\rb\r\nabc\r\n0\r\n\r\n", "400", "Transfer-Encoding: chunked\n\n"},
	{"framing in a trailer is dropped", "POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\nHost: x\r\nX-Sum: 1\r\n\r\n", "200", "Transfer-Encoding: chunked\n\n0\nX-Sum: 1\n\n"},
}

// Essence is what a dyno has read, less the headers that every request has, as in Request.Saw.
func Essence(s string) string {
	head, body, _ := strings.Cut(s, "\r\n\r\n")
	var kept []string
	for _, line := range strings.Split(head, "\r\n")[1:] {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Request-Start", "X-Request-Id", "Via":
			continue
		}
		kept = append(kept, line+"\n")
	}
	return strings.Join(kept, "") + "\n" + strings.ReplaceAll(body, "\r\n", "\n")
}
