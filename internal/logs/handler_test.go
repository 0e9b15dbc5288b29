package logs

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func serve(t *testing.T, l *Logs) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(l.Handler())
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, ctx context.Context, url string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func session5(t *testing.T, l *Logs, f Filter, lines int, tail bool) string {
	t.Helper()
	secret, err := l.NewSession("a", f, lines, tail)
	if err != nil {
		t.Fatal(err)
	}
	return StreamPath + secret.Reveal()
}

var events = []string{"Accept", "text/event-stream"}

func TestSessionWithoutTailSendsTheBacklogAndCloses(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	defer closing(t, l)
	at := time.Now().UTC().Truncate(time.Second)
	for _, text := range []string{"one", "two", "three"} {
		l.Write("a", Entry{At: at, Source: "app", Proc: "web.1", Text: text})
	}
	s := serve(t, l)
	path := session5(t, l, Filter{}, 2, false)

	res := get(t, t.Context(), s.URL+path, events...)
	equal(t, res.Header.Get("Content-Type"), "text/event-stream")
	got := strings.Split(body(t, res), "\n\n")
	equal(t, len(got), 4) // retry, two events, nothing
	equal(t, got[0], "retry: 1000")
	id, data, _ := strings.Cut(got[1], "\n")
	if !strings.HasPrefix(id, "id: ") || data != "data: "+at.Format("2006-01-02T15:04:05.000000+00:00")+" app[web.1]: two" {
		t.Errorf("event %q", got[1])
	}

	res = get(t, t.Context(), s.URL+path)
	equal(t, res.Header.Get("Content-Type"), "text/plain; charset=utf-8")
	equal(t, body(t, res), at.Format("2006-01-02T15:04:05.000000+00:00")+" app[web.1]: two\n"+
		at.Format("2006-01-02T15:04:05.000000+00:00")+" app[web.1]: three\n")
}

// tailing reads a tail's events until one has the wanted text behind its colon, and returns its id.
func tailing(t *testing.T, r *bufio.Reader, want string) (id string) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("no %q: %v", want, err)
		}
		if s, ok := strings.CutPrefix(line, "id: "); ok {
			id = strings.TrimSpace(s)
		}
		if strings.HasPrefix(line, "data: ") {
			if got := strings.TrimSpace(line[strings.Index(line, "]: ")+3:]); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
			return id
		}
	}
}

func TestTailGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, Config{Dir: dir})
	say(l, "a", "web.1", "one")
	path := session5(t, l, Filter{}, 100, true)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	res := get(t, ctx, serve(t, l).URL+path, events...)
	r := bufio.NewReader(res.Body)
	tailing(t, r, "one")
	say(l, "a", "web.1", "two")
	id := tailing(t, r, "two")
	say(l, "a", "web.1", "three, which the client does not get")
	closing(t, l)
	if _, err := io.ReadAll(r); err != nil {
		t.Errorf("the tail was not closed in good order: %v", err)
	}

	l = open(t, Config{Dir: dir})
	defer closing(t, l)
	res = get(t, ctx, serve(t, l).URL+path, append(events, "Last-Event-ID", id)...)
	r = bufio.NewReader(res.Body)
	tailing(t, r, "three, which the client does not get")
	say(l, "a", "web.1", "four")
	tailing(t, r, "four")
}

func TestSessionExpires(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	defer closing(t, l)
	s := serve(t, l)
	path := session5(t, l, Filter{}, 100, true)
	file := l.sessionPath(strings.TrimPrefix(path, StreamPath))
	late := time.Now().Add(-sessionIdle - time.Second)
	if err := os.Chtimes(file, late, late); err != nil {
		t.Fatal(err)
	}
	equal(t, get(t, t.Context(), s.URL+path, events...).StatusCode, 404)
	l.sweep(time.Now())
	if left, _ := filepath.Glob(filepath.Join(l.config.Dir, "sessions", "*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	equal(t, get(t, t.Context(), s.URL+StreamPath+"guessed").StatusCode, 404)
	equal(t, get(t, t.Context(), s.URL+StreamPath+"..%2f..%2fx").StatusCode, 404)
}

func TestSecretsAreNotInTheDirectory(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	defer closing(t, l)
	secret := strings.TrimPrefix(session5(t, l, Filter{}, 1, false), StreamPath)
	filepath.Walk(l.config.Dir, func(path string, info os.FileInfo, err error) error {
		b, _ := os.ReadFile(path)
		if strings.Contains(path+string(b), secret) {
			t.Errorf("%s gives the secret away", path)
		}
		return err
	})
}

func TestOutputIsFollowedUntilItIsClosed(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	defer closing(t, l)
	s := serve(t, l)
	url := s.URL + OutputPath + l.OutputSecret("b1").Reveal()
	equal(t, get(t, t.Context(), url).StatusCode, 404) // not started yet

	w := l.Output("b1")
	io.WriteString(w, "-----> Building\n")
	res := get(t, t.Context(), url)
	equal(t, res.Header.Get("Content-Type"), "text/plain; charset=utf-8")
	r := bufio.NewReader(res.Body)
	line, err := r.ReadString('\n')
	equal(t, line, "-----> Building\n")
	equal(t, err, nil)
	io.WriteString(w, "\x1b[31m       Done\x1b[0m\n")
	line, _ = r.ReadString('\n')
	equal(t, line, "       Done\n")
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	rest, err := io.ReadAll(r)
	equal(t, string(rest), "")
	equal(t, err, nil)
	equal(t, body(t, get(t, t.Context(), url)), "-----> Building\n       Done\n")

	equal(t, get(t, t.Context(), s.URL+OutputPath+"b1."+strings.Repeat("0", 64)).StatusCode, 404)
	equal(t, get(t, t.Context(), s.URL+OutputPath+"b1").StatusCode, 404)
	if err := l.DropOutput("b1"); err != nil {
		t.Error(err)
	}
	equal(t, get(t, t.Context(), url).StatusCode, 404)
}

func TestOutputIsAppendedToAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, Config{Dir: dir})
	io.WriteString(l.Output("b1"), "one\n")
	secret := l.OutputSecret("b1").Reveal()
	closing(t, l)

	l = open(t, Config{Dir: dir})
	defer closing(t, l)
	res := get(t, t.Context(), serve(t, l).URL+OutputPath+secret)
	r := bufio.NewReader(res.Body)
	line, _ := r.ReadString('\n')
	equal(t, line, "one\n")
	w := l.Output("b1")
	io.WriteString(w, "two\n")
	w.Close()
	rest, _ := io.ReadAll(r)
	equal(t, string(rest), "two\n")
}

func TestOutputKeepsItsEnd(t *testing.T) {
	t.Parallel()
	l := open(t, Config{OutputBytes: 40})
	defer closing(t, l)
	w := l.Output("b1")
	for _, s := range []string{"aaaaaaaaa\n", "bbbbbbbbb\n", "ccccccccc\n", "ddddddddd\n", "eeeeeeeee\n"} {
		if _, err := io.WriteString(w, s); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	got := body(t, get(t, t.Context(), serve(t, l).URL+OutputPath+l.OutputSecret("b1").Reveal()))
	equal(t, got, "ccccccccc\nddddddddd\neeeeeeeee\n")
}

func TestFollowedOutputIsWholeOverManyPieces(t *testing.T) {
	t.Parallel()
	l := open(t, Config{OutputBytes: 1 << 30})
	defer closing(t, l)
	l.config.OutputBytes = 200
	w := l.Output("b1")
	io.WriteString(w, "begin\n")
	res := get(t, t.Context(), serve(t, l).URL+OutputPath+l.OutputSecret("b1").Reveal())
	r := bufio.NewReader(res.Body)
	line, _ := r.ReadString('\n')
	equal(t, line, "begin\n")
	for range 50 { // each line is read before the next is written, so nothing may be missing
		io.WriteString(w, "0123456789\n")
		line, err := r.ReadString('\n')
		equal(t, line, "0123456789\n")
		equal(t, err, nil)
	}
	w.Close()
	rest, _ := io.ReadAll(r)
	equal(t, string(rest), "")
}
