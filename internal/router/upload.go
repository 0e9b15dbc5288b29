package router

import (
	"errors"
	"io"
	"strconv"
	"sync/atomic"
	"time"
)

// An upload is a request's body on its way to the dyno, while the response may already be coming back.
type upload struct {
	begun   bool
	waiting atomic.Bool   // for the client
	halted  atomic.Bool   // stop was called: what fails now, fails because of it
	done    chan struct{} // gets a value when it has ended
	whole   bool          // all was sent
	err     *failure      // what the client did wrong
	starved bool          // the client was waited for when it was stopped
}

// reset prepares for another request.
func (u *upload) reset() { u.begun, u.whole, u.err, u.starved = false, false, nil, false }

// start sends the body of x in a goroutine, which finish or stop wait for.
func (u *upload) start(x *exchange, l *link) {
	if u.done == nil {
		u.done = make(chan struct{}, 1)
	}
	u.begun = true
	u.halted.Store(false)
	x.g.phase.Store(uploading)
	go func() {
		u.send(x, l)
		u.done <- struct{}{}
	}()
}

func (u *upload) send(x *exchange, l *link) {
	chunks, left := x.q.length == chunkedBody, x.q.length
	var out []byte
	for {
		u.waiting.Store(true)
		p, err := x.up.next()
		u.waiting.Store(false)
		if err == io.EOF {
			break
		}
		if err != nil {
			u.fail(x, l, err)
			return
		}
		x.g.touch(x.r.limits.roll)
		if left -= int64(len(p)); !chunks && left < 0 {
			u.fail(x, l, errBodyLength)
			return
		}
		if chunks {
			if len(p) == 0 {
				continue
			}
			out = appendChunk(out[:0], p)
			p = out
		}
		if _, err := l.conn.Write(p); err != nil {
			return // the dyno wants no more of it: its response will say why
		}
	}
	if !chunks && left > 0 { // the dyno would take the next request for the rest of this one
		u.fail(x, l, errBodyLength)
		return
	}
	if chunks {
		out = appendLastChunk(out[:0], x.up.trailer())
		if _, err := l.conn.Write(out); err != nil {
			return
		}
	}
	u.whole = true
	x.g.touch(x.r.limits.first)
	x.g.phase.CompareAndSwap(uploading, asking)
}

// fail is for a body that can not be read. The dyno must not take what it has got for the whole.
func (u *upload) fail(x *exchange, l *link, err error) {
	var bad malformed
	if errors.As(err, &bad) || err == errTooLong {
		u.err = h26Chunk
		if err == errBodyLength {
			u.err = h26Length
		}
		l.conn.SetDeadline(longAgo)
		return
	}
	if !u.halted.Load() {
		x.g.stop(departed, false)
	}
}

// finish waits for the upload after the response, for a moment: a dyno that answers when it has all may be faster
// than we are. It reports whether all was sent; if not, both connections have seen their last request.
func (u *upload) finish(d downstream, l *link) bool {
	if !u.begun {
		return true
	}
	select {
	case <-u.done:
		u.begun = false
		return u.whole
	case <-time.After(20 * time.Millisecond):
	}
	u.stop(d, l)
	return false
}

// stop ends the upload. The connection to the dyno is of no use after that.
func (u *upload) stop(d downstream, l *link) {
	if !u.begun {
		return
	}
	u.starved = u.waiting.Load()
	u.halted.Store(true)
	l.conn.SetDeadline(longAgo)
	d.interrupt()
	<-u.done
	d.resume()
	u.begun = false
}

const errBodyLength = malformed("a body is not as long as its head says")

// appendChunk frames a piece of a body.
func appendChunk(dst, p []byte) []byte {
	dst = strconv.AppendUint(dst, uint64(len(p)), 16)
	dst = append(dst, "\r\n"...)
	dst = append(dst, p...)
	return append(dst, "\r\n"...)
}

// appendLastChunk ends a body. Trailers that would frame or route a message do not belong there.
func appendLastChunk(dst []byte, trailer *head) []byte {
	dst = append(dst, "0\r\n"...)
	if trailer != nil {
		for i := range trailer.fields {
			if f := &trailer.fields[i]; f.kind == otherField {
				dst = append(dst, trailer.raw[f.line:f.next]...)
			}
		}
	}
	return append(dst, "\r\n"...)
}
