package router

import (
	"bytes"
	"io"
)

// A source is a body, piece by piece.
type source interface {
	// next returns a piece that is good until the next call; io.EOF when all was read.
	next() ([]byte, error)
	// ready reports whether next would answer without waiting.
	ready() bool
	// trailer is the headers after the body, if there were any. It is complete after io.EOF.
	trailer() *head
}

// A body is a source that is read from an HTTP/1 connection.
type body struct {
	rd    *reader
	mode  framingMode
	left  int64 // of the body, or of the current chunk
	begun bool  // a chunk has begun: its CRLF is still to come
	tail  head
	lines []byte // keeps the trailers
	extra int    // bytes of chunk extensions so far
	ended bool
}

const (
	maxChunkLine = 256
	maxExtra     = 16 << 10
	maxTrailer   = 8192
)

// reset prepares for another body.
func (b *body) reset(rd *reader, f framing) {
	fields, lines := b.tail.fields[:0], b.lines[:0]
	*b = body{}
	b.rd, b.mode, b.left, b.tail.fields, b.lines = rd, f.mode, f.length, fields, lines
	b.ended = f.mode == noBody || f.mode == byLength && f.length == 0
	if b.mode == byChunks {
		b.left = 0
	}
}

// done reports whether all was read, as far as this is known without waiting.
func (b *body) done() bool { return b.ended }

func (b *body) trailer() *head {
	if len(b.tail.fields) == 0 {
		return nil
	}
	return &b.tail
}

func (b *body) ready() bool {
	if b.mode != byChunks || b.left > 0 {
		return b.rd.buffered() > 0
	}
	// Between two chunks only a whole size line with something behind it will do.
	have := b.rd.buf[b.rd.r:b.rd.w]
	if bytes.HasSuffix(have, crlfcrlf) {
		return true
	}
	if b.begun && len(have) > 2 {
		have = have[2:]
	}
	i := bytes.IndexByte(have, '\n')
	return i >= 0 && i+1 < len(have) && have[0] != '0'
}

func (b *body) next() ([]byte, error) {
	if b.ended {
		return nil, io.EOF
	}
	switch b.mode {
	case byClose:
		p, err := b.rd.take(1 << 62)
		b.ended = err == io.EOF
		return p, err
	case byChunks:
		if b.left == 0 {
			if err := b.nextChunk(); err != nil {
				return nil, err
			}
		}
		p, err := b.rd.take(b.left)
		b.left -= int64(len(p))
		return p, unexpected(err)
	}
	p, err := b.rd.take(b.left)
	b.left -= int64(len(p))
	b.ended = b.left == 0
	return p, unexpected(err)
}

// nextChunk reads up to the data of the next chunk; after the last one it reads the trailers and returns io.EOF.
func (b *body) nextChunk() error {
	if b.begun {
		line, err := b.rd.line(0)
		if err == errTooLong || err == nil && len(line) != 0 {
			return errChunk
		}
		if err != nil {
			return err
		}
	}
	line, err := b.rd.line(maxChunkLine)
	if err != nil {
		return err
	}
	n, digits := int64(0), 0
	for digits < len(line) && isHex(line[digits]) {
		d := line[digits]
		if d > '9' {
			d = lower[d] - 'a' + 10 + '0'
		}
		n = n<<4 | int64(d-'0')
		digits++
	}
	rest := line[digits:]
	if b.extra += len(rest); digits == 0 || digits > 15 || b.extra > maxExtra || !goodExtension(rest) {
		return errChunk
	}
	b.left, b.begun = n, true
	if n == 0 {
		return b.readTrailer()
	}
	return nil
}

// goodExtension reports whether what follows a chunk's size may be ignored.
func goodExtension(rest []byte) bool {
	i := 0
	for i < len(rest) && (rest[i] == ' ' || rest[i] == '\t') {
		i++
	}
	return len(rest) == 0 || i < len(rest) && rest[i] == ';' && cleanValue(rest)
}

func (b *body) readTrailer() error {
	for {
		line, err := b.rd.line(maxTrailer)
		if err != nil {
			return err
		}
		b.lines = append(append(b.lines, line...), "\r\n"...)
		if len(b.lines) > maxTrailer {
			return errTooLong
		}
		if len(line) > 0 {
			continue
		}
		if err := b.tail.parseFields(b.lines, 0, maxTrailer); err != nil {
			return err
		}
		b.ended = true
		return io.EOF
	}
}
