package live

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
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

// codeOfBacklog is of a dyno that has as many requests as it may.
func (w *world) codeOfBacklog(t *testing.T) {
	host := strings.TrimPrefix(w.url(t, "busy-app"), "http://")
	wait := func() {
		c, err := net.Dial("tcp", w.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "GET /silent HTTP/1.1\r\nHost: %s\r\n\r\n", host)
	}
	for range 200 {
		wait()
	}
	client := Client(w.HTTP)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		wait() // in case that our own request had the place of one of them
		res, err := client.Get(w.url(t, "busy-app"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(body), "Application error") && err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the client gets %d %q, %v, and the log says\n%s", res.StatusCode, body, err, w.log(t, "busy-app"))
		}
	}
	w.says(t, "busy-app", `heroku\[router\]: at=error code=H11 desc="Backlog too deep" method=GET path="/".* dyno= connect= service= status=503`)
}
