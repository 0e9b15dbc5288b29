package logs

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
)

// The paths that Handler serves. A secret stands behind each.
const (
	StreamPath = "/streams/logs/"
	OutputPath = "/streams/output/"
)

const (
	pingEvery  = 15 * time.Second
	stuckAfter = time.Minute // a client that takes nothing for so long is gone
)

// Handler serves log sessions and output streams to whoever has their secret.
func (l *Logs) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+StreamPath+"{secret}", l.serveSession)
	mux.HandleFunc("GET "+OutputPath+"{secret}", l.serveOutput)
	return mux
}

func (l *Logs) serveSession(w http.ResponseWriter, r *http.Request) {
	secret := r.PathValue("secret")
	s, err := l.session(secret)
	if err != nil {
		l.refuse(w, err)
		return
	}
	// Browsers and the CLI send back the id of the last line they saw when they connect again.
	after, err := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64)
	if err != nil || after < 0 {
		after = 0
	}
	reader := l.reader(s.App, Filter{Dyno: s.Dyno, Source: s.Source}, s.Lines, after)
	if reader == nil {
		l.refuse(w, cloister.Missing("app"))
		return
	}
	defer reader.close()
	ctx, cancel := context.WithDeadline(r.Context(), s.end())
	defer cancel()
	events := strings.Contains(r.Header.Get("Accept"), "text/event-stream")
	out := newResponse(w, events)
	if events {
		out.line("retry: 1000\n\n")
	}
	l.tail(ctx, out, reader, s.Tail, events, func() {
		if err := l.alive(secret); err != nil {
			l.log.Warn("log session was not prolonged", "app", s.App, "error", err)
		}
	})
}

// tail writes what a reader has, and with follow what comes. It calls alive now and then while it does.
func (l *Logs) tail(ctx context.Context, out *response, r *reader, follow, events bool, alive func()) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	var buf []byte
	for {
		batch, ok := r.batch()
		buf = buf[:0]
		for _, e := range batch {
			if events {
				buf = append(buf, "id: "...)
				buf = strconv.AppendInt(buf, e.id, 10)
				buf = append(buf, "\ndata: "...)
				buf = append(e.append(buf), "\n\n"...)
			} else {
				buf = append(e.append(buf), '\n')
			}
		}
		if out.write(buf) != nil || len(batch) == 0 && (!ok || !follow) {
			return
		}
		wake := r.wake
		if len(batch) > 0 {
			wake = ready // there may be more, but look whether somebody wants us to end
		}
		select {
		case <-ctx.Done():
			return
		case <-l.stop:
			return
		case <-ping.C:
			alive()
			if events && out.line(": ping\n\n") != nil {
				return
			}
		case <-wake:
		}
	}
}

// ready is a channel that never blocks.
var ready = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// refuse answers with an error in plain text.
func (l *Logs) refuse(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if cloister.KindOf(err) == cloister.NotFound {
		status = http.StatusNotFound
	} else {
		l.log.Error("stream was not served", "error", err)
	}
	http.Error(w, cloister.MessageOf(err), status)
}

// A response is an answer that is sent in pieces, each at once, and gives up on a client that takes none.
type response struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func newResponse(w http.ResponseWriter, events bool) *response {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	if events {
		h.Set("Content-Type", "text/event-stream")
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Accel-Buffering", "no")
	r := &response{w: w, control: http.NewResponseController(w)}
	w.WriteHeader(http.StatusOK)
	r.flush()
	return r
}

func (r *response) line(s string) error { return r.write([]byte(s)) }

func (r *response) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	r.deadline()
	if _, err := r.w.Write(b); err != nil {
		return err
	}
	return r.flush()
}

// deadline replaces the server's own, which is meant for short answers. A writer without deadlines needs none.
func (r *response) deadline() { r.control.SetWriteDeadline(time.Now().Add(stuckAfter)) }

func (r *response) flush() error {
	r.deadline()
	err := r.control.Flush()
	r.control.SetWriteDeadline(time.Time{}) // nothing may come for long
	return err
}
