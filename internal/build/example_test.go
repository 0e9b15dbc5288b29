package build

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

func TestExamplesAreBuiltAndAnswer(t *testing.T) {
	for _, c := range []struct{ dir, detected, buildpack string }{
		{"go", "Go", "heroku/go"}, {"nodejs", "Node.js", "heroku/nodejs"}, {"python", "Python", "heroku/python"},
	} {
		t.Run(c.dir, func(t *testing.T) {
			b := newBench(t, Config{})
			first, said, err := b.build(t, b.job(sourceOf(t, "../../examples/"+c.dir)))
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range []string{
				"-----> Building on the Debian-12 stack\n",
				"-----> Determining which buildpack to use for this app\n",
				"-----> Using buildpack: " + c.buildpack + "\n",
				"-----> " + c.detected + " app detected\n",
				"-----> Discovering process types\n       Procfile declares types     -> web, worker\n",
				"-----> Compressing...\n       Done: ",
			} {
				if !strings.Contains(said, line) {
					t.Errorf("the transcript lacks %q", line)
				}
			}
			s := first.Slug
			if s.Detected != c.detected || s.Stack != "debian-12" || s.ProcessTypes["worker"] == "" || s.Size < 1000 || !strings.HasPrefix(s.Checksum, "SHA256:") || s.Commit == "" {
				t.Errorf("slug: %+v", s)
			}
			if want := (cloister.Buildpack{Name: c.buildpack, URL: c.buildpack}); len(first.Buildpacks) != 1 || first.Buildpacks[0] != want {
				t.Errorf("buildpacks: %v", first.Buildpacks)
			}
			start := time.Now()
			second := b.job(sourceOf(t, "../../examples/"+c.dir))
			second.Buildpacks = first.Buildpacks
			if _, _, err := b.build(t, second); err != nil {
				t.Fatal(err)
			}
			t.Logf("again, with a cache: %s", time.Since(start).Round(time.Millisecond))
			answers(t, b.yard, first.Slug, "Hello from "+c.detected+", release v7")
		})
	}
}

// answers starts the web process of a slug as a dyno would, asks it for its front page, and stops it.
func answers(t *testing.T, y *yard, slug cloister.Slug, want string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // a busy machine
	defer cancel()
	w := engine.Workload{ID: "web-" + cloister.NewID()[:8], Image: slug.Image, Env: map[string]string{
		"PORT": fmt.Sprint(port), "PATH": runPath, "HOME": appDir, "HEROKU_RELEASE_VERSION": "v7", "DYNO": "web.1"}}
	if err := y.Start(ctx, w); err != nil {
		t.Fatal(err)
	}
	defer y.Drop(context.Background(), w.ID)
	var said safeBuffer
	exited := make(chan int, 1)
	go func() {
		exit, _ := y.Exec(ctx, w.ID, engine.Process{Command: DynoCommand(slug.ProcessTypes["web"])}, engine.Terminal{Out: &said, Err: &said})
		exited <- exit
	}()
	var got string
	for got == "" {
		if ctx.Err() != nil {
			t.Fatalf("no answer; the dyno said:\n%s", said.String())
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/", port), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := http.DefaultClient.Do(r); err == nil {
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			got = string(body)
		} else {
			time.Sleep(50 * time.Millisecond)
		}
	}
	if !strings.HasPrefix(got, want) {
		t.Errorf("the app answered %q, want %q", got, want)
	}
	if _, err := y.Exec(ctx, w.ID, engine.Process{Command: []string{"/bin/bash", "-c", `kill -TERM $(pgrep -u 1000 | grep -v "^$$\$")`}}, engine.Terminal{Out: &said, Err: &said}); err != nil {
		t.Fatal(err)
	}
	select {
	case exit := <-exited:
		if exit != 0 {
			t.Errorf("after SIGTERM the web process exited with %d:\n%s", exit, said.String())
		}
	case <-ctx.Done():
		t.Errorf("the web process ignores SIGTERM:\n%s", said.String())
	}
	if !strings.Contains(said.String(), "GET / ") {
		t.Errorf("no line was logged for the request:\n%s", said.String())
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
