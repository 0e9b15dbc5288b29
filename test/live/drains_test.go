package live

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/drain/draintest"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// TestDrains has two dynos count to 50 000 each while control is killed, and a receiver of each kind see all of it.
func TestDrains(t *testing.T) {
	secure, authority := draintest.Trust()
	s := Start(t, "CLOISTER_DRAIN_PRIVATE=true", "CLOISTER_CA_BUNDLE="+bundle(t, authority))
	w := &world{Server: s, api: &heroku.Client{URL: s.API, Token: s.Token}}
	w.deploy(t, "cellar", "chatty")

	web := &counts{next: map[string]int{}}
	var seen sync.Map // ids of frames: one that comes again is the same
	receiver := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		if _, again := seen.LoadOrStore(r.Header.Get("Logplex-Frame-Id"), true); again {
			return
		}
		for line := range strings.Lines(string(body)) {
			if m := framed.FindStringSubmatch(line); m != nil {
				web.add(m[1], m[2])
			}
		}
	}))
	receiver.TLS = secure
	receiver.StartTLS()
	t.Cleanup(receiver.Close)
	syslog, file := draintest.Rsyslog(t, secure)
	for _, url := range []string{receiver.URL + "/in", syslog} {
		w.Cloister(t, "drains:add", url, "--app", "chatty")
	}
	began := time.Now()
	for range 2 {
		w.Cloister(t, "run:detached", "--app", "chatty", "--", "python3", "-c", counting)
	}
	Eventually(t, time.Minute, "lines come", func() bool { return web.sum() > 5000 })
	w.Kill(t, "control")
	if n := web.sum(); n > 90_000 {
		t.Errorf("control was killed when %d lines had come: they are printed too fast", n)
	}
	Eventually(t, 2*time.Minute, "the HTTPS receiver has all lines", func() bool { return web.complete() })
	var last *counts
	Eventually(t, 2*time.Minute, "rsyslog has all lines", func() bool {
		last = readCounts(t, file)
		return last.complete()
	})
	t.Logf("2 x 50 000 lines came to both within %v; %d came twice by HTTPS, %d by syslog", time.Since(began).Round(100*time.Millisecond), web.again, last.again)
	for name, c := range map[string]*counts{"HTTPS": web, "syslog": last} {
		for _, wrong := range c.wrong {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

// counting prints numbers at about 5000 lines a second, half of what a dyno may.
const counting = `import sys, time
for i in range(50000):
    sys.stdout.write("n=%d\n" % i)
    if i % 50 == 49:
        sys.stdout.flush()
        time.sleep(0.01)
`

var framed = regexp.MustCompile(`^\d+ <\d+>1 \S+ \S+ app (run\.\d+) - n=(\d+)\n$`)

// counts are the numbers that have come from each dyno.
type counts struct {
	mu    sync.Mutex
	next  map[string]int // by dyno: the number to come
	again int            // lines that had come already: what control had sent when it was killed
	wrong []string
}

func (c *counts) add(dyno, number string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, _ := strconv.Atoi(number)
	switch next := c.next[dyno]; {
	case n == next:
		c.next[dyno]++
	case n < next:
		c.again++
	case len(c.wrong) < 10:
		c.wrong = append(c.wrong, fmt.Sprintf("of %s, %d comes where %d should", dyno, n, next))
	}
}

func (c *counts) sum() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, next := range c.next {
		n += next
	}
	return n
}

// complete reports whether all have come, or there is no use in waiting for them.
func (c *counts) complete() bool {
	sum := c.sum()
	c.mu.Lock()
	defer c.mu.Unlock()
	return sum == 100_000 || len(c.wrong) > 0
}

// readCounts reads what rsyslog wrote.
func readCounts(t *testing.T, file string) *counts {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := &counts{next: map[string]int{}}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text()) // the token, "app", the dyno, "-", the text
		if len(w) == 5 && w[1] == "app" && strings.HasPrefix(w[4], "n=") {
			c.add(w[2], w[4][2:])
		}
	}
	return c
}

// bundle is a file of whom this machine trusts, and one more.
func bundle(t *testing.T, one *x509.Certificate) string {
	t.Helper()
	all, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(file, append(all, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.Raw})...), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Dir(file), filepath.Dir(filepath.Dir(file))} { // control reads it, who is not root
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return file
}
