package router

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"
)

// ServeHTTP answers routers. Nobody else is meant to find it.
func (f *Feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodPost:
		http.Error(w, "only routers come here", http.StatusMethodNotAllowed)
	case r.URL.Path == "/sync":
		f.serveSync(w, r)
	case r.URL.Path == "/certificates":
		f.serveCertificates(w, r)
	case r.URL.Path == "/questions":
		f.serveQuestions(w, r)
	case r.URL.Path == "/lines":
		f.serveLines(w, r)
	default:
		http.NotFound(w, r)
	}
}

// serveSync hears a router out, and answers with the table if it has another, or as soon as there is one.
func (f *Feed) serveSync(w http.ResponseWriter, r *http.Request) {
	var p report
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil || p.Router == "" {
		http.Error(w, "not a report", http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	known := f.peer(p.Router)
	if p.Gone {
		p.Sequence = math.MaxInt64 // an earlier report that is still on its way does not bring it back
		known.report, f.left = p, time.Now()
		f.mu.Unlock()
		f.log.Info("router left", "router", p.Router)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if p.Sequence > known.Sequence {
		known.report = p
	}
	known.polling++
	table, news := f.tableFor(p), f.news
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		known.polling--
		known.seen = time.Now()
		f.mu.Unlock()
	}()
	if table == nil {
		select {
		case <-news:
			f.mu.Lock()
			table = f.tableFor(p)
			f.mu.Unlock()
		case <-time.After(f.poll):
		case <-r.Context().Done():
		}
	}
	if table == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(table)
}

// tableFor is the answer for a router that has sent a report, nil if it has the newest table.
func (f *Feed) tableFor(p report) []byte {
	if p.Epoch == f.epoch && p.Have == f.version {
		return nil
	}
	return f.table
}

// serveLines takes a batch of log lines. A batch that was sent twice, because the answer to the first got lost,
// counts once.
func (f *Feed) serveLines(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("router")
	n, err := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
	if err != nil || id == "" {
		http.Error(w, "not a batch", http.StatusBadRequest)
		return
	}
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), outboxLimit)) + bytes.MinRead)
	if _, err := body.ReadFrom(r.Body); err != nil {
		return // the router will send it again
	}
	f.mu.Lock()
	p := f.peer(id)
	fresh := n > p.lines
	p.lines = max(n, p.lines)
	f.mu.Unlock()
	if fresh && f.OnLine != nil {
		f.readLines(body.Bytes())
	}
	w.WriteHeader(http.StatusNoContent)
}

// readLines passes lines on, each of which is "app time text".
func (f *Feed) readLines(body []byte) {
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, maxHead+1<<16)
	for lines.Scan() {
		app, rest, _ := bytes.Cut(lines.Bytes(), []byte{' '})
		at, text, ok := bytes.Cut(rest, []byte{' '})
		ns, err := strconv.ParseInt(string(at), 10, 64)
		if !ok || err != nil {
			f.log.Error("log line not understood", "line", lines.Text())
			continue
		}
		f.OnLine(string(app), time.Unix(0, ns), string(text))
	}
}
