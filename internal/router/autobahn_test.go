package router

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/cloister-dev/cloister"
)

// suite is the Autobahn test suite, as somebody has packed it with the Python that it needs, for Java.
var suite = []string{"me.normanmaurer.maven.autobahntestsuite:autobahntestsuite-maven-plugin:0.1.5", "org.python:jython-standalone:2.7.1"}

// TestWebSocketsAreCarriedAsTheyAre runs the cases of the Autobahn test suite against a server, and against the same one through the
// router: whatever the server does well or badly with odd frames, the router must not make a difference.
func TestWebSocketsAreCarriedAsTheyAre(t *testing.T) {
	jars := getSuite(t)
	at := backend(t, echo)
	w := newWorld(t, patient)
	w.publish(func(r *cloister.Routes) {
		r.Apps = []cloister.Route{route("demo", at)}
		r.Apps[0].Hosts = []string{"localhost"}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "java", "-Xmx512m", "-cp", jars, "org.python.util.jython", "-B", "-Dpython.cachedir.skip=true", "testdata/websocket_cases.py",
		fmt.Sprintf("ws://localhost:%d", at.Port()), "ws://localhost:"+w.router.HTTPAddr().String()[strings.LastIndexByte(w.router.HTTPAddr().String(), ':')+1:])
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out[max(0, len(out)-3000):])
	}
	verdicts := map[string]map[string]string{"direct": {}, "through": {}}
	good := 0
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) != 5 || f[0] != "VERDICT" {
			continue
		}
		verdicts[f[1]][f[2]] = f[3] + ", at the end " + f[4]
		if f[1] == "through" && f[3] == "OK" {
			good++
		}
	}
	if n := len(verdicts["direct"]); n < 240 || len(verdicts["through"]) != n || good < n/2 {
		t.Fatalf("%d cases, %d through the router, %d good:\n%s", n, len(verdicts["through"]), good, out[max(0, len(out)-3000):])
	}
	for id, want := range verdicts["direct"] {
		if got := verdicts["through"][id]; got != want {
			t.Errorf("case %s: %s, and through the router %s", id, want, got)
		}
	}
	t.Logf("%d cases, %d of them good, none other through the router", len(verdicts["direct"]), good)
}

// echo sends all messages back.
func echo(rw http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(rw, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(64 << 20)
	ctx := context.Background() // the request's is over when its connection is another thing
	for {
		kind, from, err := c.Reader(ctx)
		if err != nil {
			return
		}
		to, err := c.Writer(ctx, kind)
		if err != nil {
			return
		}
		if _, err := io.Copy(to, from); err != nil || to.Close() != nil {
			return
		}
	}
}

// getSuite is the class path of the suite, which is kept in the user's cache.
func getSuite(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: the Autobahn test suite needs %s (apt-get install default-jre-headless maven)", tool)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "cloister", "autobahn")
	var jars []string
	for _, artifact := range suite {
		part := strings.Split(artifact, ":")
		jar := filepath.Join(dir, part[1]+"-"+part[2]+".jar")
		if _, err := os.Stat(jar); err != nil {
			if out, err := exec.Command("mvn", "-B", "-q", "dependency:copy", "-Dartifact="+artifact, "-DoutputDirectory="+dir).CombinedOutput(); err != nil {
				t.Skipf("SKIPPED: the Autobahn test suite is not to be had: %v\n%s", err, out)
			}
		}
		jars = append(jars, jar)
	}
	return strings.Join(jars, string(filepath.ListSeparator))
}
