package live

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/engine/remote"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// TestRun runs commands in one-off dynos, by our CLI and by the bare protocol.
func TestRun(t *testing.T) {
	s := Start(t)
	w := &world{Server: s, api: &heroku.Client{URL: s.API, Token: s.Token}}
	w.deploy(t, "priory", "run-app")
	t.Run("exit statuses are told", w.runTellsExitStatus)
	t.Run("a hundred megabytes go in and out", w.runCarriesEverything)
	t.Run("a window is resized", w.runResizesWindow)
	t.Run("connections are made from inside", w.runReachesIntoADyno)
	t.Run("memory is limited", w.runLimitsMemory)
	t.Run("what dynos use is logged", w.usageIsLogged)
	t.Run("dynos are scaled, and errors counted", w.scalesByItself)
	t.Run("a client that vanishes hangs up", w.runHangsUp)
	t.Run("a killed control ends sessions", func(t *testing.T) { w.runEndsWith(t, "control") })
	t.Run("a killed node ends sessions", func(t *testing.T) { w.runEndsWith(t, "node") })
}

// cloister is a command of our CLI, to be run.
func (w *world) cloister(ctx context.Context, args ...string) (c *exec.Cmd, out, errs *bytes.Buffer) {
	c = exec.CommandContext(ctx, w.Binary, args...)
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	c.Env, c.Stdout, c.Stderr = w.Env, out, errs
	return c, out, errs
}

func (w *world) runTellsExitStatus(t *testing.T) {
	for _, want := range []int{0, 7, 255} {
		c, out, errs := w.cloister(t.Context(), "run", "-x", "--app", "run-app", "--", "bash", "-c", fmt.Sprintf("echo $DYNO; exit %d", want))
		c.Run()
		if got := c.ProcessState.ExitCode(); got != want || !strings.HasPrefix(out.String(), "run.") {
			t.Errorf("status %d, want %d: %s%s", got, want, out, errs)
		}
	}
}

func (w *world) runCarriesEverything(t *testing.T) {
	const size = 100 << 20
	source := func() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), size) }
	want := sha256.New()
	io.Copy(want, source())
	got := sha256.New()
	c, _, errs := w.cloister(t.Context(), "run", "--app", "run-app", "cat")
	c.Stdin, c.Stdout = source(), got
	began := time.Now()
	if err := c.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs)
	}
	if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Error("what came back is not what was sent")
	}
	t.Logf("100 MB there and back in %v", time.Since(began))
}

// A shell is a session by the bare protocol.
type shell struct {
	*tls.Conn
	in   *bufio.Reader
	dyno heroku.Dyno
}

// shell runs a command on a terminal of 80 columns and 25 lines.
func (w *world) shell(t testing.TB, app, command string) *shell {
	t.Helper()
	d, err := w.api.CreateDyno(t.Context(), app, heroku.DynoCreateOpts{Command: command, Attach: true,
		Env: heroku.Env{"TERM": "dumb", "COLUMNS": "80", "LINES": "25"}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(*d.AttachURL)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(w.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c, err := tls.Dial("tcp", u.Host, &tls.Config{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(c, "%s?%s\r\n", strings.TrimPrefix(u.Path, "/"), u.RawQuery)
	s := &shell{c, bufio.NewReader(c), d}
	if line, err := s.in.ReadString('\n'); line != "rendezvous\r\n" {
		t.Fatalf("it begins with %q, %v", line, err)
	}
	return s
}

// says waits until the output has a text.
func (s *shell) says(t testing.TB, text string) {
	t.Helper()
	var seen strings.Builder
	for !strings.Contains(seen.String(), text) {
		b, err := s.in.ReadByte()
		if err != nil {
			t.Fatalf("%q never came, but %q: %v", text, seen.String(), err)
		}
		seen.WriteByte(b)
	}
}

func (w *world) runResizesWindow(t *testing.T) {
	s := w.shell(t, "run-app", "bash")
	io.WriteString(s, "stty size\n")
	s.says(t, "25 80")
	if err := w.api.ResizeDyno(t.Context(), "run-app", s.dyno.ID, heroku.Window{Columns: heroku.Pointer(heroku.Int(97)), Lines: heroku.Pointer(heroku.Int(31))}); err != nil {
		t.Fatal(err)
	}
	// The new size is on its way by another connection.
	io.WriteString(s, "until [ \"$(stty size)\" = '31 97' ]; do sleep 0.02; done; echo it is $((40+2))\n")
	s.says(t, "it is 42")
	io.WriteString(s, "exit\n")
	if _, err := io.Copy(io.Discard, s.in); err != nil {
		t.Errorf("the end is not clean: %v", err)
	}
	w.nothingRuns(t)
}

func (w *world) runLimitsMemory(t *testing.T) {
	c, out, errs := w.cloister(t.Context(), "run", "-x", "--size", "private-xs", "--app", "run-app", "--", "bash", "-c",
		`x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done`)
	c.Run()
	if got := c.ProcessState.ExitCode(); got != 137 {
		t.Errorf("status %d: %s%s", got, out, errs)
	}
	w.logged(t, "Process running mem=5") // of 512 MB: what was measured at the end
	w.logged(t, "Error R15 (Memory quota vastly exceeded)")
}

// usageIsLogged has a dyno that is busy say so.
func (w *world) usageIsLogged(t *testing.T) {
	w.Cloister(t, "features:enable", "log-runtime-metrics", "--app", "run-app")
	defer w.Cloister(t, "features:disable", "log-runtime-metrics", "--app", "run-app")
	w.logged(t, "sample#memory_quota=1024.00MB")
	w.logged(t, "sample#load_avg_1m=")
	used, err := remote.Dial(filepath.Join(w.Run, "node.sock")).Usage(t.Context(), "")
	if err != nil || len(used) == 0 {
		t.Fatalf("nothing uses anything: %v", err)
	}
	for _, u := range used {
		if u.RSS < 1<<20 || u.RSS > u.Limit || u.CPU <= 0 || u.PIDs < 1 {
			t.Errorf("a dyno uses %+v", u)
		}
	}
}

// scalesByItself has a minimum kept, and sees what the router tells of an app without dynos counted.
func (w *world) scalesByItself(t *testing.T) {
	w.Cloister(t, "ps:autoscale:enable", "--min", "2", "--max", "2", "--p95", "500", "--app", "run-app")
	w.settled(t, "run-app", 2, w.version(t, "run-app"))
	w.logged(t, "heroku[autoscale]: Scaled web from ")
	w.Cloister(t, "ps:scale", "web=0", "--app", "run-app")
	if said := w.Cloister(t, "ps:autoscale", "--app", "run-app"); !strings.Contains(said, "off") {
		t.Errorf("after it was scaled by hand: %s", said)
	}
	w.settled(t, "run-app", 0, w.version(t, "run-app"))
	res, err := Client(w.HTTP).Get(w.url(t, "run-app"))
	if err != nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("an app without dynos answers %v, %v", res, err)
	}
	res.Body.Close()
	w.logged(t, "code=H14")
	Eventually(t, 30*time.Second, "H14 is counted", func() bool {
		return strings.Contains(w.Cloister(t, "apps:errors", "--app", "run-app"), "H14")
	})
	w.measured(t, `cloister_up{part="engine"} 1`, `cloister_router_errors_total{app="run-app",code="H14",space="priory"} 1`,
		`cloister_dynos_wanted{app="run-app",space="priory",type="web"} 0`, `cloister_process_threads{process="control"} `,
		`cloister_process_resident_memory_bytes{process="node"} `, `cloister_process_cpu_seconds_total{process="router"} `)
	w.Cloister(t, "ps:scale", "web=4", "--app", "run-app")
	w.settled(t, "run-app", 4, w.version(t, "run-app"))
}

// measured asks as Prometheus does, and for a line that begins with each of these.
func (w *world) measured(t *testing.T, lines ...string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.API+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("metrics: %d %s %v", res.StatusCode, text, err)
	}
	for _, l := range lines {
		if !strings.Contains("\n"+string(text), "\n"+l) {
			t.Errorf("%s is not among the metrics:\n%s", l, text)
		}
	}
}

func (w *world) runHangsUp(t *testing.T) {
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	c, _, _ := w.cloister(ctx, "run", "--app", "run-app", "sleep", "1000")
	in, err := c.StdinPipe() // stays open
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	w.oneRuns(t)
	kill()
	c.Wait()
	w.nothingRuns(t)
	w.logged(t, "Client connection closed. Sending SIGHUP to all processes")
	w.logged(t, "Process exited with status 129")
}

func (w *world) runEndsWith(t *testing.T, process string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, _, errs := w.cloister(ctx, "run", "--app", "run-app", "sleep", "1000")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	w.oneRuns(t)
	w.Kill(t, process)
	killed := time.Now()
	err = c.Wait()
	t.Logf("the client ends after %v with %v: %s", time.Since(killed), err, strings.TrimSpace(errs.String()))
	if took := time.Since(killed); took > 10*time.Second || err == nil || !strings.Contains(errs.String(), "the connection to the dyno broke") {
		t.Errorf("after %v its client ends with %v: %s", took, err, errs)
	}
	w.Cloister(t, "server", "--wait", "60s")
	w.nothingRuns(t)
}

// oneRuns waits until a one-off dyno is up.
func (w *world) oneRuns(t *testing.T) {
	t.Helper()
	Eventually(t, 20*time.Second, "a one-off dyno is up", func() bool {
		all, err := w.api.Dynos(t.Context(), "run-app")
		for _, d := range all {
			if err == nil && d.Type == "run" && d.State == "up" {
				return true
			}
		}
		return false
	})
}

// nothingRuns waits until no one-off dyno is left, neither in the API nor in the engine.
func (w *world) nothingRuns(t *testing.T) {
	t.Helper()
	left := ""
	Eventually(t, 60*time.Second, "nothing of a one-off dyno is left", func() bool {
		left = ""
		all, err := w.api.Dynos(t.Context(), "run-app")
		if err != nil {
			return false
		}
		for _, d := range all {
			if d.Type == "run" {
				left += d.Name
			}
		}
		seen, err := remote.Dial(filepath.Join(w.Run, "node.sock")).List(t.Context(), "")
		for _, s := range seen {
			if strings.HasPrefix(s.Owner, "run/") {
				left += s.ID
			}
		}
		return err == nil && left == ""
	})
}

// logged waits until the app's log has a text.
func (w *world) logged(t *testing.T, text string) {
	t.Helper()
	Eventually(t, 20*time.Second, "the log says "+text, func() bool {
		return strings.Contains(w.Cloister(t, "logs", "--app", "run-app", "-n", "1500"), text)
	})
}
