package router

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// A reader is a buffer in front of a connection. Unlike a bufio.Reader it gives out its own bytes, to be written on
// from where they are, and has room for a whole head.
type reader struct {
	src   io.Reader
	buf   []byte
	r, w  int    // buf[r:w] is unread
	small []byte // our own buffer, while a borrowed one is in use
}

const (
	idleBuffer  = 1 << 10  // of what may say nothing for hours
	smallBuffer = 4 << 10  // as long as heads and small bodies are all there is
	largeBuffer = 64 << 10 // while a body is long
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

var errTooLong = errors.New("longer than the limit")

func newReader(src io.Reader) reader {
	return reader{src: src, buf: smallBuffers.Get().(*[smallBuffer]byte)[:]}
}

func (b *reader) buffered() int { return b.w - b.r }

// fill reads once from the connection. The buffer grows up to max bytes.
func (b *reader) fill(max int) error {
	if b.r == b.w {
		b.r, b.w = 0, 0
	}
	if b.w == len(b.buf) {
		switch {
		case b.r > 0:
			b.w = copy(b.buf, b.buf[b.r:b.w])
			b.r = 0
		case len(b.buf) >= max:
			return errTooLong
		default:
			b.buf = append(b.buf, make([]byte, min(len(b.buf), max-len(b.buf)))...)
		}
	}
	n, err := b.src.Read(b.buf[b.w:])
	b.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// head waits for all of a head, up to and with the empty line, and leaves it unread. No line may be longer than
// line, nor the whole than all. begun, unless nil, is called once when there is a part of it.
func (b *reader) head(line, all int, begun func()) ([]byte, error) {
	seen, lineStart := 0, 0 // relative to r, which fill may move
	for {
		have := b.buf[b.r:b.w]
		if i := bytes.Index(have[max(seen-3, 0):], crlfcrlf); i >= 0 {
			return have[:max(seen-3, 0)+i+4], nil
		}
		// Not complete. What is already wrong is refused now, not when the client tires of waiting.
		for i := seen; i < len(have); i++ {
			if have[i] == '\n' {
				if i == 0 || have[i-1] != '\r' {
					return nil, errBareLF
				}
				lineStart = i + 1
			}
		}
		if len(have)-lineStart > line+2 {
			return nil, errTooLong
		}
		if seen = len(have); seen > 0 && begun != nil {
			begun()
			begun = nil
		}
		if err := b.fill(all); err != nil {
			if err == io.EOF && seen > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// line takes a line that ends in CRLF and is at most max bytes long, and returns it without its end.
func (b *reader) line(max int) ([]byte, error) {
	for {
		have := b.buf[b.r:b.w]
		if i := bytes.IndexByte(have, '\n'); i >= 0 {
			switch {
			case i == 0 || have[i-1] != '\r':
				return nil, errBareLF
			case i-1 > max:
				return nil, errTooLong
			}
			b.r += i + 1
			return have[:i-1], nil
		}
		if len(have) > max+1 {
			return nil, errTooLong
		}
		if err := b.fill(smallBuffer + max); err != nil {
			return nil, unexpected(err)
		}
	}
}

// take gives out at most n unread bytes, and waits for some if there are none. They are good until the next call.
func (b *reader) take(n int64) ([]byte, error) {
	if b.r == b.w {
		if n > int64(len(b.buf)) && b.small == nil {
			b.widen()
		}
		if err := b.fill(len(b.buf)); err != nil {
			return nil, err
		}
	}
	p := b.buf[b.r:b.w]
	if int64(len(p)) > n {
		p = p[:n]
	}
	b.r += len(p)
	return p, nil
}

// widen borrows a large buffer; nothing is unread.
func (b *reader) widen() {
	b.small, b.buf = b.buf, largeBuffers.Get().(*[largeBuffer]byte)[:]
	b.r, b.w = 0, 0
}

// narrow gives a borrowed buffer back, if what is unread fits into our own, which itself shrinks again if a head has
// made it grow.
func (b *reader) narrow() {
	if b.small == nil && len(b.buf) > smallBuffer {
		b.small = make([]byte, smallBuffer)
	}
	if b.small == nil || b.buffered() > len(b.small) {
		return
	}
	n := copy(b.small, b.buf[b.r:b.w])
	if len(b.buf) == largeBuffer {
		largeBuffers.Put((*[largeBuffer]byte)(b.buf))
	}
	b.buf, b.small, b.r, b.w = b.small, nil, 0, n
}

// idle is narrow for one that is going to wait for long. Nothing is unread, and nothing that was given out is in use.
func (b *reader) idle() {
	if b.narrow(); len(b.buf) == smallBuffer {
		smallBuffers.Put((*[smallBuffer]byte)(b.buf))
		b.buf, b.r, b.w = make([]byte, idleBuffer), 0, 0
	}
}

// free gives a borrowed buffer back for good.
func (b *reader) free() {
	b.r = b.w
	b.narrow()
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

var crlfcrlf = []byte("\r\n\r\n")
