package live

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// TestCodes has real apps and clients break every rule that has a code, and reads what the client gets and what the log
// says. R15 is in TestRun. H24, of a router that ends before a request does, is not one of private spaces, and is in the
// router's own tests. All wait for their time at once, for as long as the most patient: 75 seconds (H20).
func TestCodes(t *testing.T) {
	s := Start(t, "CLOISTER_DRAIN_PRIVATE=true")
	w := &world{Server: s, api: &heroku.Client{URL: s.API, Token: s.Token}}
	w.Cloister(t, "spaces:create", "bedlam", "--team", w.Team)
	w.Cloister(t, "spaces:wait", "bedlam")
	for app, config := range map[string][]string{"rogue-app": nil, "neighbour": nil, "mute-app": {"BIND=never"}, "late-app": {"BIND=never"}, "deaf-app": {"BIND=deaf"}, "busy-app": nil, "blank-app": nil, "rotten-app": nil} {
		w.Cloister(t, "create", app, "--space", "bedlam", "--no-remote")
		if config != nil {
			w.Cloister(t, append([]string{"config:set", "--app", app}, config...)...)
		}
	}
	w.Cloister(t, "ps:boot-timeout", "3", "--app", "mute-app")
	w.Cloister(t, "ps:boot-timeout", "180", "--app", "late-app")
	w.pushRogue(t, "late-app")
	var late sync.WaitGroup // for a client with more patience than all others
	late.Go(func() { t.Run("late", w.codeOfLateness) })
	for _, app := range []string{"mute-app", "deaf-app", "busy-app", "rogue-app", "neighbour"} {
		w.pushRogue(t, app)
	}
	for _, app := range []string{"deaf-app", "busy-app", "rogue-app", "neighbour"} {
		w.Cloister(t, "ps:wait", "--app", app)
	}
	pace := w.neighbour(t)
	atOnce(t, map[string]func(*testing.T){
		"requests": w.codesOfRequests, "clients": w.codesOfClients, "boot": w.codesOfBooting, "deaf": w.codeOfDeafness, "stop": w.codeOfStubbornness, "attach": w.codesOfAttaching, "drain": w.codeOfDrains, "states": w.codesOfStates, "names": w.codeOfNames, "backlog": w.codeOfBacklog,
	})
	late.Wait()
	t.Run("flood", w.codesOfFloods)
	t.Logf("meanwhile the neighbour answered %s", pace())
	t.Run("refused", w.codeOfRefusal)
	t.Run("ours", w.codesOfOurs)
	if text := w.Cloister(t, "logs", "--app", "rogue-app", "-n", "1500"); strings.Contains(text, "R14") {
		t.Error("there is an R14, which private spaces do not have")
	}
}

// atOnce runs tests that do little but wait beside each other, however few processors there are.
func atOnce(t *testing.T, tests map[string]func(*testing.T)) {
	var all sync.WaitGroup
	for name, test := range tests {
		all.Go(func() { t.Run(name, test) })
	}
	all.Wait()
}

// pushRogue pushes the app that breaks the rules.
func (w *world) pushRogue(t *testing.T, app string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/rogue")); err != nil {
		t.Fatal(err)
	}
	if out, err := w.pushDir(dir, app, "first"); err != nil {
		t.Fatalf("push %s: %v\n%s", app, err, out)
	}
}

// neighbour asks another app of the space all the time, which must not suffer. The function it returns ends that, and
// tells how fast it was.
func (w *world) neighbour(t *testing.T) (pace func() string) {
	stop, done := make(chan struct{}), make(chan struct{})
	client, url := Client(w.HTTP), w.url(t, "neighbour")
	var took []time.Duration
	go func() {
		defer close(done)
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			began := time.Now()
			res, err := client.Get(url)
			if err != nil || res.StatusCode != http.StatusOK {
				t.Errorf("beside an app that breaks all rules, another answers %v, %v", res, err)
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			took = append(took, time.Since(began))
		}
	}()
	return sync.OnceValue(func() string {
		close(stop)
		<-done
		slices.Sort(took)
		return fmt.Sprintf("%d requests, p50 %s, p99 %s", len(took), took[len(took)/2], took[len(took)*99/100])
	})
}

// says waits until an app's log has a line that matches.
func (w *world) says(t *testing.T, app, pattern string) {
	t.Helper()
	line := regexp.MustCompile(pattern)
	var last string
	for deadline := time.Now().Add(100 * time.Second); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		if last = w.log(t, app); line.MatchString(last) {
			return
		}
	}
	t.Errorf("%s's log has no %s, but\n%s", app, pattern, tail([]byte(last), 5000))
}

// log is the end of an app's log.
func (w *world) log(t *testing.T, app string) string {
	t.Helper()
	session, err := w.api.CreateLogSession(t.Context(), app, heroku.LogSessionCreateOpts{Lines: heroku.Pointer(heroku.Int(1500))})
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Get(session.LogplexURL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// codesOfRequests are those that answers of the app lead to.
func (w *world) codesOfRequests(t *testing.T) {
	tests := map[string]func(*testing.T){}
	for path, c := range map[string]struct {
		status int
		line   string
	}{
		"/silent":   {503, `at=error code=H12 desc="Request timeout" method=GET path="/silent" host=\S+ request_id=\S+ fwd="127.0.0.1" dyno=web.1 connect=\d+ms service=(29|30)\d\d\dms status=503 bytes=\d+`},
		"/hangup":   {503, `at=error code=H13 desc="Connection closed without response" method=GET path="/hangup".* status=503`},
		"/nonsense": {503, `at=error code=H17 desc="Poorly formatted HTTP response" method=GET path="/nonsense".* status=503`},
		"/cookie":   {502, `at=error code=H25 desc="HTTP restriction: oversized cookie" method=GET path="/cookie".* status=502`},
		"/header":   {502, `at=error code=H25 desc="HTTP restriction: oversized header" method=GET path="/header".* status=502`},
		"/status":   {502, `at=error code=H25 desc="HTTP restriction: oversized status line" method=GET path="/status".* status=502`},
		"/length":   {502, `at=error code=H25 desc="HTTP restriction: invalid content length" method=GET path="/length".* status=502`},
		"/stall":    {0, `at=error code=H15 desc="Idle connection" method=GET path="/stall".* service=5[45]\d\d\dms status=503`},
		"/cut":      {0, `at=error code=H18 desc="Server Request Interrupted" method=GET path="/cut".* status=503`},
	} {
		tests[path[1:]] = func(t *testing.T) {
			client := Client(w.HTTP)
			client.Timeout = 90 * time.Second
			res, err := client.Get(w.url(t, "rogue-app") + path)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if c.status == 0 { // a part of the answer, which does not end as an answer does
				if res.StatusCode != 200 || err == nil || string(body) != "ten bytes." {
					t.Errorf("the client got %d %q, %v", res.StatusCode, body, err)
				}
			} else if res.StatusCode != c.status || err != nil || !strings.Contains(string(body), "Application error") {
				t.Errorf("the client got %d %q, %v", res.StatusCode, body, err)
			}
			w.says(t, "rogue-app", `heroku\[router\]: `+c.line)
		}
	}
	atOnce(t, tests)
}

// codesOfClients are those that clients bring upon themselves.
func (w *world) codesOfClients(t *testing.T) {
	host := strings.TrimPrefix(w.url(t, "rogue-app"), "http://")
	tests := map[string]func(*testing.T){}
	for name, c := range map[string]struct {
		request string
		status  string // the first line of the answer; "" for a client that leaves before there is one
		line    string
	}{
		"expect": {"GET /e HTTP/1.1\r\nHost: " + host + "\r\nExpect: a miracle\r\n\r\n", "HTTP/1.1 417 Expectation Failed",
			`at=error code=H26 desc="Request Error: unsupported expect header value" method=GET path="/e".* status=417`},
		"chunk": {"POST /read?c HTTP/1.1\r\nHost: " + host + "\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", "HTTP/1.1 400 Bad Request",
			`at=error code=H26 desc="Request Error: bad chunk" method=POST path="/read\?c".* status=400`},
		"left": {"GET /silent?left HTTP/1.1\r\nHost: " + host + "\r\n\r\n", "",
			`at=warning code=H27 desc="Client Request Interrupted" method=GET path="/silent\?left".* status=499`},
		"stalled": {"POST /read?s HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 100\r\n\r\nten bytes.", "stays",
			`at=warning code=H28 desc="Client Connection Idle" method=POST path="/read\?s".* status=499`},
	} {
		tests[name] = func(t *testing.T) {
			conn, err := net.Dial("tcp", w.HTTP)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(90 * time.Second))
			if _, err := io.WriteString(conn, c.request); err != nil {
				t.Fatal(err)
			}
			switch c.status {
			case "":
				w.says(t, "rogue-app", `app\[web.1\]: asked for /silent\?left`)
				conn.Close()
			case "stays":
				if got, err := io.ReadAll(conn); err != nil && len(got) > 0 {
					t.Errorf("the client got %q, %v", got, err)
				}
			default:
				if got, err := bufio.NewReader(conn).ReadString('\n'); strings.TrimSpace(got) != c.status {
					t.Errorf("the client got %q, %v", got, err)
				}
			}
			w.says(t, "rogue-app", `heroku\[router\]: `+c.line)
		}
	}
	atOnce(t, tests)
}

// codesOfBooting are of a web dyno that never binds its port, and then of an app that has no other.
func (w *world) codesOfBooting(t *testing.T) {
	w.says(t, "mute-app", `heroku\[web.1\]: Error R10 \(Boot timeout\) -> Web process failed to bind to \$PORT within 3 seconds of launch\n(.*\n)*.*heroku\[web.1\]: Stopping process with SIGKILL\n(.*\n)*.*heroku\[web.1\]: Process exited with status 137\n(.*\n)*.*State changed from starting to crashed`)
	Eventually(t, 60*time.Second, "mute-app has crashed for good", func() bool {
		return strings.Contains(w.Cloister(t, "ps", "--app", "mute-app"), "crashed")
	})
	w.answers(t, "mute-app", "/", 503, "Application error")
	w.says(t, "mute-app", `heroku\[router\]: at=error code=H10 desc="App crashed" method=GET path="/".* dyno= connect= service= status=503`)
}

// codeOfLateness is of a request that waits for a dyno which takes too long.
func (w *world) codeOfLateness(t *testing.T) {
	w.answers(t, "late-app", "/", 503, "Application error")
	w.says(t, "late-app", `heroku\[router\]: at=error code=H20 desc="App boot timeout" method=GET path="/".* dyno= connect= service= status=503`)
}

// codeOfDeafness is of a dyno that lets nobody connect once its queue is full.
func (w *world) codeOfDeafness(t *testing.T) {
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() { w.answers(t, "deaf-app", "/", 503, "Application error") })
	}
	w.says(t, "deaf-app", `heroku\[router\]: at=error code=H19 desc="Backend connection timeout" method=GET path="/".* dyno=web.1 connect= service= status=503`)
	clients.Wait()
}

// codeOfStubbornness is of a process that does not end when it is told to.
func (w *world) codeOfStubbornness(t *testing.T) {
	w.Cloister(t, "ps:scale", "stubborn=1", "--app", "neighbour")
	w.says(t, "neighbour", `app\[stubborn.1\]: deaf to SIGTERM`)
	w.Cloister(t, "ps:scale", "stubborn=0", "--app", "neighbour")
	w.says(t, "neighbour", `heroku\[stubborn.1\]: Stopping all processes with SIGTERM\n(.*\n)*.*heroku\[stubborn.1\]: Error R12 \(Exit timeout\) -> At least one process failed to exit within 30 seconds of SIGTERM\n(.*\n)*.*heroku\[stubborn.1\]: Stopping remaining processes with SIGKILL\n(.*\n)*.*heroku\[stubborn.1\]: Process exited with status 137`)
}

// codesOfAttaching are of one-off dynos whose client never comes, or leaves and is not heard.
func (w *world) codesOfAttaching(t *testing.T) {
	if _, err := w.api.CreateDyno(t.Context(), "neighbour", heroku.DynoCreateOpts{Command: "bash", Attach: true}); err != nil {
		t.Fatal(err)
	}
	s := w.shell(t, "neighbour", `bash -c "trap '' HUP; echo deaf to SIGHUP; while :; do sleep 1; done"`)
	s.says(t, "deaf to SIGHUP")
	s.Close()
	w.says(t, "neighbour", `heroku\[run.\d+\]: Error R16 \(Detached\) -> An attached process is not responding to SIGHUP after its external connection was closed`)
	w.says(t, "neighbour", `heroku\[run.\d+\]: Error R13 \(Attach error\) -> Failed to attach to process`)
}

// codesOfStates are of apps that have nobody to answer.
func (w *world) codesOfStates(t *testing.T) {
	w.answers(t, "blank-app", "/", 503, "Nothing here yet")
	w.says(t, "blank-app", `heroku\[router\]: at=info code=H81 desc="Blank app" method=GET path="/".* status=503`)
	w.Cloister(t, "maintenance:on", "--app", "blank-app")
	Eventually(t, 10*time.Second, "blank-app is down for maintenance", func() bool {
		_, body := w.patient(t, "blank-app", "/m")
		return strings.Contains(body, "Down for maintenance")
	})
	w.says(t, "blank-app", `heroku\[router\]: at=info code=H80 desc="Maintenance mode" method=GET path="/m".* status=503`)
	w.Cloister(t, "config:set", "MAINTENANCE_PAGE_URL=https://pages.test/soon", "--app", "blank-app")
	Eventually(t, 10*time.Second, "the app's own page is shown", func() bool {
		_, body := w.patient(t, "blank-app", "/")
		return strings.Contains(body, `<iframe src="https://pages.test/soon">`)
	})
}

// codeOfNames is of a TLS client that names one app and asks another.
func (w *world) codeOfNames(t *testing.T) {
	name := func(app string) string { return strings.Split(strings.TrimPrefix(w.url(t, app), "http://"), ":")[0] }
	conn, err := tls.Dial("tcp", w.HTTPS, &tls.Config{ServerName: name("neighbour"), InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /n HTTP/1.1\r\nHost: %s\r\n\r\n", name("rogue-app"))
	if got, err := bufio.NewReader(conn).ReadString('\n'); strings.TrimSpace(got) != "HTTP/1.1 495 TLS Certificate Mismatch" {
		t.Errorf("the client got %q, %v", got, err)
	}
	w.says(t, "rogue-app", `heroku\[router\]: at=error code=H32 desc="TLS Certificate Mismatch" method=GET path="/n".* status=495`)
}

// codeOfDrains is of a drain whose certificate nobody has signed.
func (w *world) codeOfDrains(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
		"-days", "1", "-keyout", dir+"/key", "-out", dir+"/cert").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	own, err := tls.LoadX509KeyPair(dir+"/cert", dir+"/key")
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go io.Copy(io.Discard, conn)
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	w.Cloister(t, "drains:add", "syslog+tls://localhost:"+port, "--app", "blank-app")
	w.says(t, "blank-app", `heroku\[logplex\]: Error L14 \(certificate validation\): error=".*certificate.*" uri="syslog\+tls://localhost:`+port)
}

// codeOfRefusal is of a dyno that has closed its port. It is not the one whose log is still filling with a flood.
func (w *world) codeOfRefusal(t *testing.T) {
	w.answers(t, "neighbour", "/close", 200, "bye")
	w.answers(t, "neighbour", "/after", 503, "Application error")
	w.says(t, "neighbour", `heroku\[router\]: at=error code=H21 desc="Backend connection refused" method=GET path="/after".* dyno=web.1 connect= service= status=503`)
}

// patient asks an app with all the patience it takes.
func (w *world) patient(t *testing.T, app, path string) (int, string) {
	t.Helper()
	client := Client(w.HTTP)
	client.Timeout = 100 * time.Second
	res, err := client.Get(w.url(t, app) + path)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return res.StatusCode, string(body)
}

func (w *world) answers(t *testing.T, app, path string, status int, text string) {
	t.Helper()
	if got, body := w.patient(t, app, path); got != status || !strings.Contains(body, text) {
		t.Errorf("GET %s of %s: %d %q", path, app, got, body)
	}
}
