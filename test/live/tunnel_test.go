package live

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// serving starts a command of our CLI that goes on until it is interrupted, and returns where it listens. It is
// interrupted at the end of the test, which it must take well.
func (w *world) serving(t *testing.T, args ...string) (address string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), w.Binary, args...)
	c.Env, c.Stderr = w.Env, os.Stderr
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Wait(); err != nil && err != context.Canceled {
			t.Errorf("%v, interrupted, ends with %v", args, err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if address = regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(line); address == "" {
		t.Fatalf("%v says %q, %v", args, line, err)
	}
	return address
}

// runReachesIntoADyno forwards a port, and comes through a proxy, into a dyno and out of it by its own network.
func (w *world) runReachesIntoADyno(t *testing.T) {
	get := func(c *http.Client, url string) (string, error) {
		res, err := c.Get(url)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return string(b), err
	}
	forward := w.serving(t, "ps:forward", "0:5000", "--app", "run-app")
	for range 3 {
		if got, err := get(&http.Client{Timeout: 20 * time.Second}, "http://"+forward+"/"); !strings.Contains(got, "web.1") || err != nil {
			t.Errorf("by ps:forward: %q, %v", got, err)
		}
	}
	proxy, err := url.Parse("socks5://" + w.serving(t, "ps:socks", "--port", "0", "--app", "run-app"))
	if err != nil {
		t.Fatal(err)
	}
	through := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}}
	for _, host := range []string{"0.0.0.0", "1.web.run-app.app.localspace"} { // the dyno, and its name in the space
		if got, err := get(through, "http://"+host+":5000/"); !strings.Contains(got, "web.1") || err != nil {
			t.Errorf("by ps:socks to %s: %q, %v", host, got, err)
		}
	}
	for _, address := range []string{"0.0.0.0:1", "169.254.169.254:80", "nowhere.app.localspace:80"} {
		if got, err := get(through, "http://"+address+"/"); err == nil {
			t.Errorf("by ps:socks, %s answers %q", address, got)
		}
	}
	c, _, errs := w.cloister(t.Context(), "ps:forward", "0:5000", "--app", "run-app", "--dyno", "web.7")
	if c.Run() == nil || !strings.Contains(errs.String(), "has no dyno web.7") {
		t.Errorf("a dyno that is not there: %s", errs)
	}
}
