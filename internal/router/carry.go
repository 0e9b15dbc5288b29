package router

import (
	"errors"
	"io"
	"time"
)

// carry takes the request to the dyno and the response back.
func (x *exchange) carry() outcome {
	for again := false; ; again = true {
		l, f := x.connect(again)
		if f != nil {
			return x.refuse(f)
		}
		if !x.g.attach(l) {
			l.close()
			return x.ended(nil)
		}
		x.ask(l)
		err := x.await(l)
		if err == nil {
			return x.respond(l)
		}
		stale := l.used && l.rd.buffered() == 0 && !x.load.begun && x.q.replayable()
		end := x.g.detach()
		x.load.stop(x.down, l)
		l.close()
		if stale && end == running {
			continue // the dyno closed a kept connection just as we used it: that is nobody's failure
		}
		return x.unanswered(err, end)
	}
}

// connect finds a connection to the dyno, or makes one.
func (x *exchange) connect(fresh bool) (*link, *failure) {
	if !fresh {
		if l := x.dyno.pooled(x.r.watch.now(), !x.q.replayable()); l != nil {
			x.connected = 0
			return l, nil
		}
	}
	x.g.enter(asking, x.r.limits.dial+x.r.limits.first)
	start := time.Now()
	l, err := x.dyno.dial(x.r.limits.dial)
	if err != nil {
		return nil, dialFailure(err)
	}
	x.connected = time.Since(start)
	return l, nil
}

// ask writes the request. A dyno that stops reading may still have answered, so that what goes wrong here is left to
// be found out by reading.
func (x *exchange) ask(l *link) {
	x.out = x.appendRequest(x.out[:0])
	b, ours := x.up.(*body)
	if ours && b.mode == byLength && b.left > 0 && b.left <= int64(b.rd.buffered()) {
		p, _ := b.next()
		x.out = append(x.out, p...)
	}
	x.g.enter(asking, x.r.limits.first)
	x.asked = x.began
	if x.connected > 0 {
		x.asked = time.Now()
	}
	l.conn.Write(x.out)
	if x.q.length == 0 || ours && b.done() {
		return
	}
	if x.q.expects {
		x.down.goOn()
	}
	x.load.start(x, l)
}

// await reads up to the head of the response proper.
func (x *exchange) await(l *link) error {
	for {
		raw, err := l.rd.head(maxFieldLine, maxHead, nil)
		if err != nil {
			return err
		}
		if err := x.reply.parse(raw, x.q.method); err != nil {
			return err
		}
		l.rd.r += len(raw)
		switch {
		case x.reply.status == 101 && x.q.upgrade == nil:
			return errLine // nobody asked for that
		case x.reply.status >= 200 || x.reply.status == 101:
			return nil
		case x.reply.status == 100:
			continue // was answered by us
		}
		if err := x.down.interim(&x.reply); err != nil {
			x.g.stop(departed, false)
			return err
		}
		x.g.touch(x.r.limits.first)
	}
}

// unanswered says what it means that there was no response.
func (x *exchange) unanswered(err error, end ending) outcome {
	var bad malformed
	switch {
	case end != running:
		return x.ended(h12)
	case x.load.err != nil:
		return x.refuse(x.load.err)
	case err == errTooLong || err == error(errLineLong):
		return x.refuse(h25Header)
	case err == errReplyLength:
		return x.refuse(h25Length)
	case err == errStatusLine:
		return x.refuse(h25Status)
	case err == errCookie:
		return x.refuse(h25Cookie)
	case errors.As(err, &bad):
		return x.refuse(h17)
	}
	return x.refuse(h13)
}

// ended finishes an exchange that the guard has ended before a response.
func (x *exchange) ended(late *failure) outcome {
	switch x.g.state() {
	case departed:
		return x.refuse(h27)
	case severed:
		return x.broken(x.forced())
	}
	if x.load.starved {
		return x.refuse(h28)
	}
	x.g.forgive()
	if late == nil {
		late = h99
	}
	return x.refuse(late)
}

// respond passes the response on.
func (x *exchange) respond(l *link) outcome {
	x.status = x.reply.status
	if x.status == 101 {
		return x.changeOver(l)
	}
	x.g.enter(replying, x.r.limits.roll)
	reusable := x.reply.reusable()
	x.body.reset(&l.rd, x.reply.framing)
	err := x.down.start(&x.reply)
	var lost error // of the dyno
	for err == nil && !x.body.done() {
		var p []byte
		if p, lost = x.body.next(); lost != nil {
			break
		}
		x.bytes += int64(len(p))
		err = x.down.write(p)
		if err == nil && !x.body.done() && !x.body.ready() {
			err = x.down.flush()
			x.g.touch(x.r.limits.roll)
		}
	}
	if lost == io.EOF {
		lost = nil
	}
	if err == nil && lost == nil {
		err = x.down.finish(x.body.trailer())
	}
	sent := x.load.finish(x.down, l)
	end := x.g.detach()
	if end != running || err != nil || lost != nil || !reusable || !sent {
		l.close()
	} else {
		x.dyno.put(l, x.r.watch.now())
	}
	switch {
	case end == severed:
		return x.broken(x.forced())
	case lost != nil && end == expired:
		return x.broken(h15)
	case lost != nil && end != departed:
		return x.broken(h18)
	case err != nil && end == expired:
		return x.broken(h28)
	case lost != nil || err != nil:
		return x.broken(h27)
	}
	x.log(nil)
	if !sent || x.q.last || end != running || x.r.closing.Load() {
		return last
	}
	return reuse
}

// changeOver is what follows a 101: bytes both ways.
func (x *exchange) changeOver(l *link) outcome {
	x.g.enter(tunnel, x.r.limits.roll)
	err := x.down.start(&x.reply)
	if err == nil {
		x.dyno.tunnels.Add(1)
		err = x.down.tunnel(l)
		x.dyno.tunnels.Add(-1)
	}
	end := x.g.detach()
	l.close()
	switch {
	case end == severed:
		return x.broken(x.forced())
	case end == expired:
		return x.broken(h15)
	}
	x.log(nil)
	return abort
}
