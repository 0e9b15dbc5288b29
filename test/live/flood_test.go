package live

import (
	"bufio"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// codesOfFloods are of an app that writes more than anybody can read, and of a reader that does not keep up.
func (w *world) codesOfFloods(t *testing.T) {
	session, err := w.api.CreateLogSession(t.Context(), "rogue-app", heroku.LogSessionCreateOpts{Tail: true})
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Get(session.LogplexURL) // of a flood that does not fit in what the kernel keeps for a connection: 20 MB
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	w.answers(t, "rogue-app", "/flood", 200, "well")
	w.says(t, "rogue-app", `heroku\[logplex\]: Error L10 \(output buffer overflow\): \d+ messages dropped since \S+ web.1 writes more than 10000 lines a second`)
	defer time.AfterFunc(time.Minute, func() { res.Body.Close() }).Stop()
	lines := bufio.NewScanner(res.Body) // which has waited until now
	dropped := regexp.MustCompile(`heroku\[logplex\]: L11 \(Tail buffer overflow\) -> This tail session dropped \d+ messages since `)
	for lines.Scan() {
		if dropped.MatchString(lines.Text()) {
			return
		}
	}
	t.Errorf("the reader was never told that it is too slow: %v", lines.Err())
}
