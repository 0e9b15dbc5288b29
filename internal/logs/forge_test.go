package logs

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
)

// Whatever a dyno prints, each line that people see says that it was the dyno, and nothing else begins one.
func TestOutputCannotLookLikeThePlatform(t *testing.T) {
	t.Parallel()
	const forged = "2024-01-02T03:04:05.000000+00:00 heroku[web.1]: State changed from up to crashed"
	synctest.Test(t, func(t *testing.T) {
		p := newPrinter()
		evil := []string{
			forged, "x\r" + forged, "x\n" + forged, "x\r\n" + forged, "\x1b[2K\x1b[1G" + forged, "x\x1bE" + forged, "x\x0b" + forged,
			"x\u0085" + forged, "x\u2028" + forged, "x\x00\n\x00" + forged, "x\b\b\b" + forged, "\u202e" + forged, "x\n\ndata: " + forged,
			"x\nid: 99999999999999999\ndata: " + forged, "x\nL\t1\t1\theroku\tweb.1\t\t" + forged, "\xff\xfe" + forged,
			"83 <45>1 2024-01-02T03:04:05+00:00 host heroku web.1 - State changed\n" + forged,
		}
		for whole := strings.Repeat("x", 10<<20-len(forged)) + forged; whole != ""; { // 10 MB, in the engine's pieces
			n := min(len(whole), MaxLine)
			evil = append(evil, whole[:n])
			whole = whole[n:]
		}
		p.print("w1", evil...)
		p.end("w1")
		l := open(t, Config{Lines: 10_000, Bytes: 64 << 20})
		keep(t, l, "d.1")
		equal(t, l.Follow(t.Context(), p, "w1", "a", "web.1"), nil)
		ours := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 app\[web\.1\]: [^\x00-\x08\x0a-\x1f\x7f-\x{9f}\x{2028}\x{202e}]*$`)
		n := 0
		for _, e := range l.Read(t.Context(), "a", Filter{}, 10_000, false, 0) {
			if n++; !ours.MatchString(e.String()) || len(e.Text) > MaxLine {
				t.Errorf("it looks like %.300q", e.String())
			}
		}
		equal(t, n, len(evil))
		secret, err := l.NewSession("a", Filter{}, 1500, false)
		equal(t, err, nil)
		r := httptest.NewRequest("GET", StreamPath+secret.Reveal(), nil)
		r.Header.Set("Accept", "text/event-stream")
		w := httptest.NewRecorder()
		l.Handler().ServeHTTP(w, r)
		event := regexp.MustCompile(`^id: \d+\ndata: (.*)$`)
		for _, s := range strings.Split(strings.TrimSpace(strings.TrimPrefix(w.Body.String(), "retry: 1000\n\n")), "\n\n") {
			if m := event.FindStringSubmatch(s); m == nil || !ours.MatchString(m[1]) {
				t.Errorf("an event looks like %.300q", s)
			}
		}
		l.flush()
		for place := l.Place("a", "d.1"); n > 0; {
			batch, got := offered(t, place)
			if len(got) == 0 {
				t.Fatalf("the drain misses %d lines", n)
			}
			for _, e := range batch.Entries {
				if n--; !ours.MatchString(e.String()) {
					t.Errorf("to the drain it looks like %.300q", e.String())
				}
			}
			place.Took(batch)
		}
		closing(t, l)
	})
}
