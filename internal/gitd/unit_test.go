package gitd

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

func group(c *exec.Cmd)     { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
func killGroup(c *exec.Cmd) { syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }

func TestHookNeedsTheSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, err := w.handler.listen(t.Context(), cloister.Actor{}, cloister.App{ID: shopID}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var out strings.Builder
	exit := RunHook(t.Context(), []string{"pre-receive"}, strings.NewReader(""), &out,
		[]string{socketVariable + "=" + p.path(), secretVariable + "=guess"})
	equal(t, exit, 1)
	equal(t, out.String(), "\n !     The push was not finished: the server has gone away. Push again.\n\n")
	equal(t, p.end().accepted, false)
	exit = RunHook(t.Context(), []string{"pre-receive"}, strings.NewReader(""), io.Discard, nil)
	equal(t, exit, 1)
	exit = RunHook(t.Context(), []string{"update"}, strings.NewReader(""), io.Discard, nil)
	equal(t, exit, 1)
}

func TestHookEndsWhenTheServerDoes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Skip("the temporary directory's path is too long for a socket")
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			c.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	equal(t, RunHook(ctx, []string{"pre-receive"}, strings.NewReader(""), io.Discard, []string{socketVariable + "=" + path}), 1)
	equal(t, ctx.Err(), nil)
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/shop.git/info/refs": true, "/Shop.GIT/x": true, "/..%2f.git/": true, "/shop.git": true,
		"/apps/shop": false, "/apps/shop.git": false, "/": false, "/spaces/x.git/y": false,
	} {
		r, err := http.NewRequest("GET", "http://h"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if Match(r) != want {
			t.Errorf("%s: want %v", path, want)
		}
	}
}

func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	q := newQueue()
	leave, err := q.enter(t.Context(), "a", func() { t.Error("the first one waits") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waiting, gone := make(chan bool), make(chan error)
	for range maxWaiting {
		go func() {
			_, err := q.enter(ctx, "a", func() { waiting <- true })
			gone <- err
		}()
		<-waiting
	}
	_, err = q.enter(t.Context(), "a", func() {})
	equal(t, cloister.KindOf(err), cloister.RateLimit)
	other, err := q.enter(t.Context(), "b", func() { t.Error("another app waits") })
	if err != nil {
		t.Fatal(err)
	}
	other()
	cancel()
	for range maxWaiting {
		equal(t, <-gone == context.Canceled, true)
	}
	leave()
	leave()
	equal(t, len(q.lanes), 0)
}

func TestSubmoduleAddresses(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://example.com/a.git": true, "http://example.com/a": true, "git://example.com/a": true,
		"ext::sh -c id": false, "-u./x": false, "file:///etc": false, "/etc": false, "../sibling.git": false,
		"ssh://git@example.com/a": false, "git@example.com:a": false, "https://": false, "https://-x/": false,
		"https://example.com/a\nb": false, "https:\\\\example.com": false, "": false, "https:///etc": false,
	} {
		if fetchable(address) != ok {
			t.Errorf("%q: want %v", address, ok)
		}
	}
	for path, ok := range map[string]bool{
		"vendor/a": true, "a": true, "": false, "/a": false, "../a": false, "a/../b": false, "a/.GIT/b": false, ".git": false,
		"-a": false, "a//b": false, "a\nb": false, "a\\b": false,
	} {
		if plainPath(path) != ok {
			t.Errorf("path %q: want %v", path, ok)
		}
	}
}

func FuzzReadCommands(f *testing.F) {
	f.Add([]byte(pktLine(zero+" "+zero+" refs/heads/main\x00report-status") + "0000PACK"))
	f.Add([]byte("0004"))
	f.Add([]byte("fff0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bufio.NewReader(bytes.NewReader(b))
		all, err := readCommands(r, 10)
		if err != nil {
			return
		}
		rest, _ := io.ReadAll(r)
		if !bytes.Equal(append(all, rest...), b) {
			t.Fatalf("%q became %q and %q", b, all, rest)
		}
		if !bytes.HasSuffix(all, []byte("0000")) || len(all) > 11*65520 {
			t.Fatalf("commands %q", all)
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	var b bytes.Buffer
	writeFrame(&b, frameText, []byte("hello"))
	f.Add(b.Bytes())
	f.Add([]byte{frameHello, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		kind, content, err := readFrame(r)
		if err != nil {
			return
		}
		var again bytes.Buffer
		writeFrame(&again, kind, content)
		if !bytes.Equal(again.Bytes(), b[:len(b)-r.Len()]) {
			t.Fatalf("%q became %q", b, again.Bytes())
		}
	})
}

func FuzzSubmoduleURLs(f *testing.F) {
	f.Add([]byte("submodule.a.path\nvendor/a\x00submodule.a.url\nhttps://x/y\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for path, url := range submoduleURLs(b) {
			if strings.Contains(path+url, "\x00") {
				t.Fatalf("%q gives %q, %q", b, path, url)
			}
		}
	})
}

func FuzzJudge(f *testing.F) {
	f.Add("refs/heads/main", zero, strings.Repeat("a", 40))
	f.Fuzz(func(t *testing.T, ref, old, new string) {
		v, err := judge([]update{{Old: old, New: new, Ref: ref}}, "refs/heads/main")
		if err == nil && v.build != nil && (!deploys[ref] || new == zero) {
			t.Fatalf("%q is built", ref)
		}
		if err == nil && strings.ContainsAny(ref, "\n\x00 ") {
			t.Fatalf("%q passes", ref)
		}
	})
}
