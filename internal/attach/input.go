package attach

import (
	"bufio"
	"errors"
	"io"
	"os"
	"time"
)

// eot is how a client without a terminal says that its input has ended: a record of one byte, and nothing after it.
const eot = 0x04

const (
	eotQuiet = 500 * time.Millisecond // how long nothing has to come after it
	record   = 16 << 10               // the largest record of TLS
)

// An input is what the client sends. A client that goes away does not end it: the command would take half a file for
// a whole one. It is for the hang-up to end the command.
type input struct {
	*line
	from   *bufio.Reader // has what came with the secret
	plain  bool          // an eot is a byte like any other
	closes bool          // the client ends its input by closing its side
	buf    [record]byte
	rest   []byte
	end    bool
}

func (in *input) Read(p []byte) (int, error) {
	if len(in.rest) == 0 && in.end {
		return 0, io.EOF
	}
	if len(in.rest) == 0 {
		if err := in.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// next reads a record, or what was left of one.
func (in *input) next() error {
	n, err := in.record(in.buf[:])
	if err == io.EOF && in.closes {
		in.end = true
		return err
	}
	if err != nil {
		return in.gone()
	}
	in.rest = in.buf[:n]
	if in.plain || n != 1 || in.buf[0] != eot {
		return nil
	}
	// It is the end, unless something follows: then it was a byte like any other.
	in.SetReadDeadline(time.Now().Add(eotQuiet))
	n, err = in.record(in.buf[1:])
	in.SetReadDeadline(time.Time{})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		in.rest, in.end = nil, true
		go in.listen()
		return io.EOF
	case err != nil:
		return in.gone()
	}
	in.rest = in.buf[:1+n]
	if n == 1 && in.buf[1] == eot {
		in.rest, in.end = in.buf[:1], true // the second one ended it
		go in.listen()
	}
	return nil
}

// record reads once from the connection, so that records are seen as they were sent.
func (in *input) record(p []byte) (int, error) {
	n, err := in.from.Read(p)
	if n > 0 {
		in.moved.Store(time.Now().UnixNano())
		in.settling.Heard()
		return n, nil
	}
	return n, err
}

// gone gives the client up, and waits for the end of the session.
func (in *input) gone() error {
	in.lose()
	<-in.over
	return io.EOF
}

// listen hears whether the client goes away after the end of its input.
func (in *input) listen() {
	if _, err := io.Copy(io.Discard, in.from); err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		select {
		case <-in.over:
		default:
			in.lose()
		}
	}
}
