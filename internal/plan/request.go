package plan

import (
	"strconv"
	"strings"
	"time"
)

// A Request is what a line of the router says of one request.
type Request struct {
	Code    string // of the error, "" for none
	Status  int    // that the client got; 0: none
	Service time.Duration
	Served  bool // a dyno was asked, so Service says something
}

// ParseRequest reads a line of the router. Names and values are separated by spaces, and what a client has chosen is in
// quotation marks or has no spaces, so no client can make a line say what it does not.
func ParseRequest(line string) (r Request) {
	for len(line) > 0 {
		name, rest, ok := strings.Cut(line, "=")
		if !ok {
			return r
		}
		var value string
		if strings.HasPrefix(rest, `"`) {
			end := closing(rest)
			value, line = rest[1:end], strings.TrimPrefix(rest[min(end+1, len(rest)):], " ")
		} else {
			value, line, _ = strings.Cut(rest, " ")
		}
		switch name {
		case "code":
			r.Code = value
		case "status":
			r.Status, _ = strconv.Atoi(value)
		case "service":
			if ms, err := strconv.Atoi(strings.TrimSuffix(value, "ms")); err == nil {
				r.Service, r.Served = time.Duration(ms)*time.Millisecond, true
			}
		}
	}
	return r
}

// closing is where the quotation mark is that ends the quotation s begins with, or the end of s.
func closing(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(s)
}

// Failed reports whether the client was answered by an error of ours or of the app's.
func (r Request) Failed() bool { return r.Status >= 500 }
