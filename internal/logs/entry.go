package logs

import (
	"strings"
	"time"
	"unicode/utf8"
)

// MaxLine is the longest text of one entry in bytes. Longer text becomes several entries.
const MaxLine = 10_000

// An Entry is one line of an app's stream.
type Entry struct {
	At     time.Time
	Source string // "app" for what the app said and what was done to it, "heroku" for the platform
	Proc   string // "web.1", "router", "api"
	Text   string
}

// String is the line as `heroku logs` shows it: "2024-01-02T03:04:05.000000+00:00 app[web.1]: text".
func (e Entry) String() string { return string(e.append(make([]byte, 0, 64+len(e.Text)))) }

const stamp = "2006-01-02T15:04:05.000000-07:00"

func (e Entry) append(b []byte) []byte {
	b = e.At.UTC().AppendFormat(b, stamp)
	b = append(b, ' ')
	b = append(b, e.Source...)
	b = append(b, '[')
	b = append(b, e.Proc...)
	b = append(b, "]: "...)
	return append(b, e.Text...)
}

// normal is e as it may be kept: names without surprises, text without control characters, a time.
func (e Entry) normal() Entry {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	e.Source, e.Proc, e.Text = label(e.Source), label(e.Proc), Clean(e.Text)
	return e
}

// label keeps to the characters that a client's own parser of lines expects between the brackets.
func label(s string) string {
	if s == "" {
		return "app"
	}
	ok := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_'
	}
	if strings.IndexFunc(s, func(r rune) bool { return !ok(r) }) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if ok(r) {
			return r
		}
		return '_'
	}, s)
}

// cut splits text behind at most MaxLine bytes, between two runes.
func cut(text string) (piece, rest string) {
	if len(text) <= MaxLine {
		return text, ""
	}
	n := MaxLine
	for n > MaxLine-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n], text[n:]
}

// A Filter chooses entries. The zero Filter chooses all.
type Filter struct {
	Dyno   string // "web.1" for that one, "web" for every web dyno
	Source string // "app" or "heroku"
}

// Match reports whether e is chosen.
func (f Filter) Match(e Entry) bool {
	if f.Source != "" && f.Source != e.Source {
		return false
	}
	if f.Dyno == "" || f.Dyno == e.Proc {
		return true
	}
	number, ok := strings.CutPrefix(e.Proc, f.Dyno+".")
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}
