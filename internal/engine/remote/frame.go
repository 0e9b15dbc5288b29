package remote

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// A frame kind says what its payload is. Towards the server go input, its end, windows and hang-ups; towards the client
// go that the process began, the two outputs, how much input was used up, and the exit.
type frameKind byte

const (
	frameIn     frameKind = 'i'
	frameInEnd  frameKind = 'e'
	frameWindow frameKind = 'w'
	frameHangup frameKind = 'h'
	frameBegan  frameKind = 'b'
	frameOut    frameKind = 'o'
	frameErr    frameKind = 'r'
	frameUsed   frameKind = 'u'
	frameExit   frameKind = 'x'
)

const (
	maxFrame = 64 << 10
	// window is how much input may be on its way. The server can always take that much, so that it never stops
	// listening: a new window size or a hang-up is seen although the process does not read.
	window = 256 << 10
)

// frames writes and reads frames on a connection: kind, length, payload. Many may write at once.
type frames struct {
	conn   io.Writer
	from   io.Reader
	mu     sync.Mutex
	header [5]byte // of the frame being read
}

func (f *frames) write(kind frameKind, payload []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		part := payload[:min(len(payload), maxFrame)]
		b := append(make([]byte, 0, 5+len(part)), byte(kind))
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		if _, err := f.conn.Write(append(b, part...)); err != nil {
			return fmt.Errorf("write frame: %w", err)
		}
		if payload = payload[len(part):]; len(payload) == 0 {
			return nil
		}
	}
}

// read reads the next frame into buf, which has maxFrame bytes.
func (f *frames) read(buf []byte) (frameKind, []byte, error) {
	if _, err := io.ReadFull(f.from, f.header[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(f.header[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("read frame: it has %d bytes", n)
	}
	if _, err := io.ReadFull(f.from, buf[:n]); err != nil {
		return 0, nil, fmt.Errorf("read frame: %w", err)
	}
	return frameKind(f.header[0]), buf[:n], nil
}

// to is a writer of frames of one kind.
func (f *frames) to(kind frameKind) io.Writer { return frameWriter{f, kind} }

type frameWriter struct {
	frames *frames
	kind   frameKind
}

func (w frameWriter) Write(p []byte) (int, error) {
	if err := w.frames.write(w.kind, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// A credit is how much more input may be sent.
type credit struct {
	mu     sync.Mutex
	left   int
	closed bool
	more   *sync.Cond
}

func newCredit() *credit {
	c := &credit{left: window}
	c.more = sync.NewCond(&c.mu)
	return c
}

// take waits until something may be sent, and takes at most n.
func (c *credit) take(n int) (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.left == 0 && !c.closed {
		c.more.Wait()
	}
	n = min(n, c.left)
	c.left -= n
	return n, !c.closed
}

func (c *credit) give(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left += n
	c.more.Signal()
}

func (c *credit) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.more.Broadcast()
}

// An inbox is input on its way to a process: filled without waiting, read with.
type inbox struct {
	mu   sync.Mutex
	data []byte
	end  error
	more *sync.Cond
	used func(n int) // told when input was read
}

func newInbox(used func(int)) *inbox {
	b := &inbox{used: used}
	b.more = sync.NewCond(&b.mu)
	return b
}

func (b *inbox) put(p []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.data)+len(p) > window {
		return fmt.Errorf("take input: more than %d bytes at once", window)
	}
	b.data = append(b.data, p...)
	b.more.Signal()
	return nil
}

func (b *inbox) close(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.end == nil {
		b.end = err
	}
	b.more.Broadcast()
}

func (b *inbox) Read(p []byte) (int, error) {
	b.mu.Lock()
	for len(b.data) == 0 && b.end == nil {
		b.more.Wait()
	}
	n := copy(p, b.data)
	b.data = b.data[n:]
	if len(b.data) == 0 {
		b.data = nil
	}
	end := b.end
	b.mu.Unlock()
	if n == 0 && len(p) > 0 {
		return 0, end
	}
	b.used(n)
	return n, nil
}
