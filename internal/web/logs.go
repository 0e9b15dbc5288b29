package web

import (
	"bytes"
	"context"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
)

// Logs are what apps and builds have said. Who may read them is asked of platform first.
type Logs interface {
	// Lines yields lines of an app with their numbers: those behind the number after or, if that is 0, the last n of those that
	// are asked for. With follow it goes on with what comes, until ctx is done.
	Lines(ctx context.Context, app string, ask LineFilter, n int, follow bool, after int64) iter.Seq2[int64, Line]
	// Output writes what a build, by its id, has said so far; with follow it goes on until the build ends or ctx is done. It is
	// NotFound before the build has begun.
	Output(ctx context.Context, id string, follow bool, w io.Writer) error
}

// A LineFilter chooses lines: the zero one chooses all.
type LineFilter struct {
	Dyno   string // "web.1", or "web" for each of them
	Source string // "app" or "heroku"
}

// A Line is what somebody said about an app.
type Line struct {
	At                 time.Time
	Source, Proc, Text string
}

const (
	lastLines  = 200             // that a page shows at first
	askAgain   = 5 * time.Second // whether who follows a log still may
	outputTail = 256 << 10       // bytes of an output that a page shows
)

// A logView is what the page of logs shows.
type logView struct {
	appView
	Ask   LineFilter
	Text  string
	Lines []Line
	Kept  bool // the server keeps logs
}

func (w *Web) logsPage(v *visit) (page, error) {
	p, a, err := w.ofApp(v, "app-logs.html")
	if err != nil {
		return p, err
	}
	if _, a.Formation, err = w.platform.Formation(v.Context(), v.actor, a.ID); err != nil {
		return p, err
	}
	q := v.URL.Query()
	l := logView{appView: a, Ask: LineFilter{Dyno: q.Get("dyno"), Source: q.Get("source")}, Text: q.Get("text"), Kept: w.config.Logs != nil}
	if _, err := w.platform.LogsOf(v.Context(), v.actor, a.ID); l.Kept && err == nil && a.May.Read {
		p.stream = func(f feed) { w.tail(v, f, l) }
		if !v.follows() {
			for _, line := range w.config.Logs.Lines(v.Context(), a.ID, l.Ask, lastLines, false, 0) {
				if l.wants(line) {
					l.Lines = append(l.Lines, line)
				}
			}
		}
	}
	p.Data = l
	return p, nil
}

// wants reports whether a line has the text that is looked for.
func (l logView) wants(x Line) bool {
	return strings.Contains(strings.ToLower(x.Text), strings.ToLower(l.Text))
}

// tail sends lines as they come, as long as the visitor may read them. A browser that comes back goes on where it was.
func (w *Web) tail(v *visit, f feed, l logView) {
	ctx, cancel := context.WithCancel(v.Context())
	defer cancel()
	after, _ := strconv.ParseInt(v.Header.Get("Last-Event-ID"), 10, 64)
	if n, err := strconv.ParseInt(v.URL.Query().Get("after"), 10, 64); after == 0 && err == nil {
		after = n
	}
	type numbered struct {
		Line
		n int64
	}
	lines := make(chan numbered)
	go func() {
		defer close(lines)
		for n, line := range w.config.Logs.Lines(ctx, l.ID, l.Ask, lastLines, true, after) {
			select {
			case lines <- numbered{line, n}:
			case <-ctx.Done():
				return
			}
		}
	}()
	again := time.NewTicker(askAgain)
	defer again.Stop()
	err := f.still()
	for err == nil {
		select {
		case line, ok := <-lines:
			if !ok {
				return
			}
			if !l.wants(line.Line) {
				continue
			}
			var b bytes.Buffer
			if err = pages.ExecuteTemplate(&b, "line", line.Line); err == nil {
				err = f.send("line", strconv.FormatInt(line.n, 10), b.String())
			}
		case <-again.C:
			if err = w.stillReads(v, l.ID); err != nil {
				f.send("gone", "", cloister.MessageOf(err))
				return
			}
			err = f.still()
		case <-ctx.Done():
			return
		}
	}
}

// stillReads is why a visitor may not read the logs of an app any more, or nil.
func (w *Web) stillReads(v *visit, app string) error {
	a, _, err := w.visitor(v.Request)
	if err == nil {
		_, err = w.platform.LogsOf(v.Context(), a, app)
	}
	return err
}

// A buildView is what the page of a build shows.
type buildView struct {
	appView
	Build  cloister.Build
	Output string
	Cut    bool // Output is the end of it alone
}

func (w *Web) buildPage(v *visit) (page, error) {
	p, a, err := w.ofApp(v, "app-build.html")
	if err != nil {
		return p, err
	}
	out := buildView{appView: a}
	if _, out.Build, err = w.platform.Build(v.Context(), v.actor, a.ID, v.PathValue("build")); err != nil {
		return p, err
	}
	if w.config.Logs != nil {
		id := out.Build.ID
		p.stream = func(f feed) { w.pour(v, f, a.ID, id) }
		if !v.follows() {
			var t tailed
			if err := w.config.Logs.Output(v.Context(), id, false, &t); err != nil && cloister.KindOf(err) != cloister.NotFound {
				return p, err
			}
			out.Output, out.Cut = t.text()
		}
	}
	p.Data = out
	return p, nil
}

// pour sends the output of a build from its beginning and, when it has ended, how.
func (w *Web) pour(v *visit, f feed, app, id string) {
	f.send("begin", "", "")
	if w.config.Logs.Output(v.Context(), id, true, poured{f}) != nil {
		return
	}
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	for {
		_, b, err := w.platform.Build(v.Context(), v.actor, app, id)
		if err != nil {
			return
		}
		if b.Status != cloister.BuildPending {
			f.send("end", "", string(b.Status))
			return
		}
		select { // the last word of a build is written before its end is
		case <-tick.C:
		case <-v.Context().Done():
			return
		}
	}
}

// poured is the writer of an output into a stream.
type poured struct{ feed }

func (p poured) Write(b []byte) (int, error) { return len(b), p.send("text", "", string(b)) }

// tailed keeps the end of what is written to it.
type tailed struct {
	kept []byte
	cut  bool
}

func (t *tailed) Write(b []byte) (int, error) {
	if t.kept = append(t.kept, b...); len(t.kept) > 2*outputTail {
		t.kept, t.cut = append([]byte(nil), t.kept[len(t.kept)-outputTail:]...), true
	}
	return len(b), nil
}

// text is the end that was kept, and whether something went before it.
func (t *tailed) text() (string, bool) { return strings.ToValidUTF8(string(t.kept), ""), t.cut }
