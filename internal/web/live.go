package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/cloister-dev/cloister"
)

const (
	liveEvery  = time.Second      // a page that is open is looked at again, if something was written
	liveLatest = 10 * time.Second // … and if nothing was: time passes, sessions end, and another server may have written
	maxLive    = 500              // pages that are followed at once
)

// A feed is a stream of server-sent events.
type feed struct {
	rw  http.ResponseWriter
	out *http.ResponseController
}

// feed begins a stream for a visitor.
func (v *visit) feed() feed {
	v.rw.Header().Set("Content-Type", "text/event-stream")
	return feed{v.rw, http.NewResponseController(v.rw)}
}

// send sends an event, whose data is JSON so that it is one line; id is what a browser that comes back names, "": none.
func (f feed) send(event, id string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("send %s: %w", event, err)
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	if _, err := fmt.Fprintf(f.rw, "%sevent: %s\ndata: %s\n\n", id, event, b); err != nil {
		return err
	}
	return f.out.Flush()
}

// still tells a browser that the stream is alive.
func (f feed) still() error {
	if _, err := f.rw.Write([]byte(":\n\n")); err != nil {
		return err
	}
	return f.out.Flush()
}

// follows reports whether a browser asks for what is live of a page rather than for the page.
func (v *visit) follows() bool { return v.Header.Get("Accept") == "text/event-stream" }

// follow sends a page's live part whenever it is another one. Each time it is asked anew who the visitor is and what they may
// see, so it ends with their session, and with what they look at: a browser is told so, and does not come again.
func (w *Web) follow(v *visit, shows view) {
	select {
	case w.live <- struct{}{}:
		defer func() { <-w.live }()
	default:
		http.Error(v.rw, "Too many pages are open.", http.StatusServiceUnavailable)
		return
	}
	p, err := w.again(v, shows)
	f := v.feed()
	switch {
	case err != nil:
		f.send("gone", "", cloister.MessageOf(err))
		return
	case p.stream != nil:
		p.stream(f)
		return
	case p.Live == "":
		f.send("gone", "", "Nothing on this page is live.")
		return
	}
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	var last []byte
	var seen int64
	var looked time.Time
	for {
		if now := w.platform.Writes(); now != seen || time.Since(looked) > liveLatest {
			seen, looked = now, time.Now()
			part, err := w.part(v, shows)
			switch {
			case err != nil:
				f.send("gone", "", cloister.MessageOf(err))
				return
			case bytes.Equal(part, last):
				err = f.still()
			default:
				err, last = f.send("part", "", string(part)), part
			}
			if err != nil {
				return
			}
		}
		select {
		case <-tick.C:
		case <-v.Context().Done():
			return
		}
	}
}

// part is the live part of a page, as it is now.
func (w *Web) part(v *visit, shows view) ([]byte, error) {
	p, err := w.again(v, shows)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = pages.ExecuteTemplate(&b, p.Live, p)
	return b.Bytes(), err
}

// again is a page for whoever the visitor is by now.
func (w *Web) again(v *visit, shows view) (p page, err error) {
	if v.actor, _, err = w.visitor(v.Request); err != nil {
		return p, err
	}
	return shows(v)
}
