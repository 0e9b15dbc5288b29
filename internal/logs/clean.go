package logs

import (
	"io"
	"strings"
	"unicode/utf8"
)

// Clean is text as it may be shown on somebody's terminal, in one line. Escape sequences go, colours too, and so do
// control characters but tab, marks that reverse the direction of text, and bytes that are no UTF-8. Line ends
// become spaces, so that text can not look like the next line.
func Clean(text string) string {
	text = strings.TrimRight(text, "\r\n")
	if plain(text) == len(text) {
		return text
	}
	c := cleaner{}
	return string(c.end(c.append(make([]byte, 0, len(text)), []byte(text))))
}

// CleanWriter passes on what is written to it as Clean would, except that line ends stay: a carriage return alone
// counts as one, since a progress bar must not overwrite what stands before it.
func CleanWriter(w io.Writer) io.Writer { return &cleanWriter{w: w, c: cleaner{lines: true}} }

type cleanWriter struct {
	w   io.Writer
	c   cleaner
	buf []byte
}

func (w *cleanWriter) Write(p []byte) (int, error) {
	w.buf = w.c.append(w.buf[:0], p)
	if len(w.buf) > 0 {
		if _, err := w.w.Write(w.buf); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// A cleaner reads text in pieces that may be cut anywhere, also within a rune or an escape sequence.
type cleaner struct {
	lines  bool   // keep line ends
	in     escape // the part of an escape sequence it is in
	cr     bool   // the last character was a carriage return
	broken []byte // the beginning of a rune
}

// An escape is a place in an escape sequence.
type escape int

const (
	outside   escape = iota
	escaped          // behind ESC
	control          // behind ESC [, up to a letter
	str              // behind ESC ] and the like, up to BEL or ESC \
	strEscape        // behind an ESC in such a string
)

func (c *cleaner) append(dst, src []byte) []byte {
	if len(c.broken) > 0 {
		src = append(c.broken, src...)
		c.broken = nil
	}
	for len(src) > 0 {
		if c.in == outside {
			if n := plain(src); n > 0 {
				dst, src, c.cr = append(dst, src[:n]...), src[n:], false
				continue
			}
		}
		if !utf8.FullRune(src) {
			c.broken = append([]byte(nil), src...)
			break
		}
		r, n := utf8.DecodeRune(src)
		src = src[n:]
		if c.shows(r) {
			dst = c.show(dst, r)
		}
		c.cr = r == '\r'
	}
	return dst
}

// end is what is left when no more text comes.
func (c *cleaner) end(dst []byte) []byte {
	if len(c.broken) > 0 && c.in == outside {
		dst = utf8.AppendRune(dst, utf8.RuneError)
	}
	c.broken = nil
	return dst
}

// shows walks through escape sequences and reports whether r is outside of one. The end of a line ends any sequence:
// nobody can hide the lines that follow by leaving one open.
func (c *cleaner) shows(r rune) bool {
	if r == '\n' || r == '\r' {
		c.in = outside
		return true
	}
	switch c.in {
	case outside:
		switch r {
		case 0x1b:
			c.in = escaped
		case 0x9b:
			c.in = control
		case 0x90, 0x98, 0x9d, 0x9e, 0x9f:
			c.in = str
		default:
			return true
		}
	case escaped:
		switch {
		case r == '[':
			c.in = control
		case strings.ContainsRune("]PX^_", r):
			c.in = str
		case r >= 0x20 && r <= 0x2f || r == 0x1b: // intermediate: the sequence goes on
		case r > 0x7e: // no sequence at all
			c.in = outside
			return true
		default:
			c.in = outside
		}
	case control:
		switch {
		case r == 0x1b:
			c.in = escaped
		case r >= 0x40 && r <= 0x7e:
			c.in = outside
		case r > 0x7e:
			c.in = outside
			return true
		}
	case str, strEscape:
		switch {
		case r == 0x07 || r == 0x9c || c.in == strEscape && r == '\\':
			c.in = outside
		case r == 0x1b:
			c.in = strEscape
		default:
			c.in = str
		}
	}
	return false
}

func (c *cleaner) show(dst []byte, r rune) []byte {
	switch {
	case r == '\n' && c.cr: // the second half of a line end
		return dst
	case r == '\n' || r == '\r':
		if c.lines {
			return append(dst, '\n')
		}
		return append(dst, ' ')
	case r < 0x20 && r != '\t', r >= 0x7f && r <= 0x9f:
		return dst
	case r == 0x2028, r == 0x2029, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return dst
	}
	return utf8.AppendRune(dst, r)
}

// plain is how many bytes at the beginning need no second look.
func plain[T string | []byte](s T) int {
	for i := 0; i < len(s); i++ {
		if b := s[i]; b < 0x20 && b != '\t' || b >= 0x7f {
			return i
		}
	}
	return len(s)
}
