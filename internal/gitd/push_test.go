package gitd

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

func TestPushIsABuild(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%v", h2), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.h2 = h2
			// What a .gitattributes file says about archives must not change what is deployed.
			commit := w.commit(map[string]string{"Procfile": "web: x\n", "lib/a.txt": "a", "test/b.txt": "$Format:%H$",
				".gitattributes": "/test export-ignore\n*.txt export-subst\n"})
			out := w.git("push", w.url("owner", "shop.git"), "main")
			var remote []string
			for line := range strings.SplitSeq(out, "\n") {
				if s, ok := strings.CutPrefix(line, "remote: "); ok {
					remote = append(remote, strings.TrimRight(s, " "))
				}
			}
			equal(t, remote, []string{
				"",
				"Compressing source files... done.",
				"Building source:",
				"",
				"-----> Building on the Debian-12 stack",
				"red",
				"-----> Launching...",
				"       Released v6",
				"",
				"Verifying deploy... done.",
			})
			w.says(out, "* [new branch]      main -> main")
			equal(t, w.platform.builds(), []built{{commit, "change 4 files", map[string]string{
				"Procfile": "web: x\n", "lib/a.txt": "a", "test/b.txt": "$Format:%H$",
				".gitattributes": "/test export-ignore\n*.txt export-subst\n"}, nil}})
			equal(t, w.ref("refs/heads/main"), commit)
			if w.platform.size < 100 {
				t.Errorf("size of the repository is %d", w.platform.size)
			}

			next := w.commit(map[string]string{"c": "c"})
			w.git("push", w.url("owner", "shop.git"), "HEAD:main")
			equal(t, w.ref("refs/heads/main"), next)
			w.git("push", "-f", w.url("owner", "shop.git"), commit+":main")
			equal(t, w.ref("refs/heads/main"), commit)
			equal(t, len(w.platform.builds()), 3)
		})
	}
}

func TestFailedBuildLeavesTheBranch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.commit(map[string]string{"a": "1"})
	w.git("push", w.url("owner", "shop.git"), "main")
	w.platform.wait = func(_ context.Context, out io.Writer) (Outcome, error) {
		io.WriteString(out, "-----> Go app detected\n")
		return Outcome{Message: "Push rejected, failed to compile Go app."}, nil
	}
	w.commit(map[string]string{"a": "2"})
	w.fails([]string{
		"remote: -----> Go app detected",
		"remote:  !     Push rejected, failed to compile Go app.",
		"remote:  !     Push failed",
		"remote: !       Push rejected to shop.",
		"! [remote rejected] main -> main (pre-receive hook declined)",
	}, "push", w.url("owner", "shop.git"), "main")
	equal(t, w.ref("refs/heads/main"), first)

	w.platform.wait = nil
	w.platform.start = func(Push) error { return errFull }
	w.fails([]string{"remote:  !     Internal server error.", "pre-receive hook declined"}, "push", w.url("owner", "shop.git"), "main")
	equal(t, w.ref("refs/heads/main"), first)
}

func TestOtherBranchesAndTagsAreOnlyStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	commit := w.commit(map[string]string{"a": "1"})
	w.git("tag", "-a", "v1", "-m", "one")
	out := w.git("push", w.url("owner", "shop.git"), "main:feature/x", "v1")
	w.says(out, "remote: Pushed to non-master branch, skipping build.")
	equal(t, len(w.platform.builds()), 0)
	equal(t, w.ref("refs/heads/feature/x"), commit)
	w.git("push", w.url("owner", "shop.git"), ":feature/x")
	equal(t, w.ref("refs/heads/feature/x"), "")

	w.git("push", w.url("owner", "shop.git"), "main:feature/y", "main:master")
	equal(t, len(w.platform.builds()), 1)
	clone := t.TempDir()
	w.git("clone", "-q", w.url("owner", "shop.git"), clone) // which checks out master, since that is what is deployed
	if _, err := os.Stat(filepath.Join(clone, "a")); err != nil {
		t.Error(err)
	}
}

func TestPushesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.MaxRefs = 5 })
	w.commit(map[string]string{"a": "1"})
	url := w.url("owner", "shop.git")
	w.fails([]string{"Both main and master are pushed"}, "push", url, "main", "main:master")
	w.git("push", url, "main")
	w.fails([]string{"The branch main can not be deleted"}, "push", url, ":main")
	w.fails([]string{"Only branches and tags can be pushed", "refs/replace/"}, "push", url, "HEAD:refs/replace/"+w.git("rev-parse", "HEAD"))
	w.fails([]string{"Only branches and tags can be pushed"}, "push", url, "HEAD:refs/pull/1")
	w.fails([]string{"remote:  !     A push may change at most 5"}, "push", url, "HEAD:b1", "HEAD:b2", "HEAD:b3", "HEAD:b4", "HEAD:b5", "HEAD:b6")
	equal(t, len(w.platform.builds()), 1)
	for i := range 49 {
		path := filepath.Join(string(w.handler.path(shopID)), "refs", "heads", fmt.Sprintf("b%d", i))
		if err := os.WriteFile(path, []byte(w.ref("refs/heads/main")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.fails([]string{"The repository has 50 branches and tags"}, "push", url, "HEAD:new")

	w.git("tag", "-a", "v1", "-m", "one")
	w.fails([]string{"main"}, "push", "-f", url, "v1:main")
	equal(t, len(w.platform.builds()), 1)
}

func TestSubmodulesAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(map[string]string{"a": "1"})
	commit := w.git("rev-parse", "HEAD")
	w.git("update-index", "--add", "--cacheinfo", "160000,"+commit+",vendor/lib")
	w.commit(map[string]string{".gitmodules": "[submodule \"lib\"]\n\tpath = vendor/lib\n\turl = https://git.example.com/lib.git\n" +
		"[include]\n\tpath = /etc/hostname\n"})
	w.git("push", w.url("owner", "shop.git"), "main")
	got := w.platform.builds()
	equal(t, len(got), 1)
	equal(t, got[0].Submodules, []cloister.Submodule{{Path: "vendor/lib", URL: "https://git.example.com/lib.git", Commit: commit}})

	w.commit(map[string]string{".gitmodules": "[submodule \"lib\"]\n\tpath = vendor/lib\n\turl = file:///etc\n"})
	w.fails([]string{`Submodule "vendor/lib" has the address "file:///etc"`}, "push", w.url("owner", "shop.git"), "main")
	w.commit(map[string]string{".gitmodules": ""})
	w.fails([]string{"No submodule mapping was found"}, "push", w.url("owner", "shop.git"), "main")
	equal(t, len(w.platform.builds()), 1)
}

func TestShallowCheckoutCanBeDeployed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 5 {
		w.commit(map[string]string{"a": fmt.Sprint(i)})
	}
	shallow := t.TempDir()
	w.git("clone", "-q", "--depth=1", "file://"+w.dir, shallow)
	w.git("-C", shallow, "push", w.url("owner", "shop.git"), "main")
	equal(t, w.ref("refs/heads/main"), w.git("rev-parse", "HEAD"))
	commit := w.commit(map[string]string{"a": "from the full repository"})
	w.git("push", w.url("owner", "shop.git"), "main")
	equal(t, w.ref("refs/heads/main"), commit)
	clone := t.TempDir()
	w.git("clone", "-q", w.url("owner", "shop.git"), clone)
	equal(t, w.git("-C", clone, "rev-parse", "HEAD"), commit)
}

func TestLimitsOfSize(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.MaxPush, c.MaxSource = 3<<20, 2<<20 })
	random := make([]byte, 5<<20)
	for i, x := 0, uint32(1); i < len(random); i++ {
		x = x*1664525 + 1013904223
		random[i] = byte(x >> 24)
	}
	w.commit(map[string]string{"big": string(random)})
	w.fails([]string{"pack exceeds maximum allowed size"}, "push", w.url("owner", "shop.git"), "main")
	w.git("checkout", "-q", "--orphan", "zeros")
	w.git("rm", "-q", "-f", "big")
	w.commit(map[string]string{"zeros": strings.Repeat("\x00", 4<<20)}) // next to nothing in a pack
	w.fails([]string{"The files of this commit take more than 2 MB"}, "push", w.url("owner", "shop.git"), "HEAD:main")
	equal(t, len(w.platform.builds()), 0)
	equal(t, w.ref("refs/heads/main"), "")
}

func TestPushesToOneAppAreBuiltInTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.commit(map[string]string{"a": "1"})
	w.git("push", w.url("owner", "shop.git"), "main")
	second := w.commit(map[string]string{"a": "2"})
	w.git("branch", "third", first)
	w.git("checkout", "-q", "third")
	w.commit(map[string]string{"a": "3"})

	building, finish := make(chan bool), make(chan bool)
	w.platform.wait = func(ctx context.Context, out io.Writer) (Outcome, error) {
		building <- true
		<-finish
		return Outcome{Succeeded: true}, nil
	}
	type ended struct {
		out string
		err error
	}
	one, two := make(chan ended, 1), make(chan ended, 1)
	go func() {
		out, err := w.try("push", w.url("owner", "shop.git"), second+":main")
		one <- ended{out, err}
	}()
	<-building
	go func() {
		out, err := w.try("push", "-f", w.url("owner", "shop.git"), "third:main")
		two <- ended{out, err}
	}()
	eventually(t, "the second push waits", func() bool {
		w.handler.queue.mu.Lock()
		defer w.handler.queue.mu.Unlock()
		return w.handler.queue.lanes[shopID].count == 2
	})
	w.git("push", w.url("owner", "shop.git"), "third:other") // needs no turn
	finish <- true
	e := <-one
	if e.err != nil {
		t.Errorf("first push: %v\n%s", e.err, e.out)
	}
	e = <-two
	if e.err == nil {
		t.Errorf("second push succeeded:\n%s", e.out)
	}
	w.says(e.out, "Another push to this app is being built. Waiting", "Somebody else has pushed meanwhile")
	equal(t, w.ref("refs/heads/main"), second)
	equal(t, len(w.handler.queue.lanes), 0)
}

func TestWhoGoesAwayCancelsTheBuild(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%v", h2), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.h2 = h2
			w.commit(map[string]string{"a": "1"})
			building, cancelled := make(chan bool, 1), make(chan error, 1)
			w.platform.wait = func(ctx context.Context, out io.Writer) (Outcome, error) {
				building <- true
				<-ctx.Done()
				cancelled <- ctx.Err()
				return Outcome{}, ctx.Err()
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c := w.command(ctx, "push", w.url("owner", "shop.git"), "main")
			c.Stderr = io.Discard
			c.WaitDelay = time.Second
			group(c)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			select {
			case <-building:
			case <-ctx.Done():
				t.Fatal("no build")
			}
			killGroup(c)
			c.Wait()
			select {
			case err := <-cancelled:
				equal(t, err == context.Canceled, true)
			case <-time.After(20 * time.Second):
				t.Fatal("the build goes on")
			}
			equal(t, w.ref("refs/heads/main"), "")
			eventually(t, "the quarantine is removed", func() bool {
				left, _ := filepath.Glob(filepath.Join(string(w.handler.path(shopID)), "objects", "*incoming*"))
				return len(left) == 0
			})
			w.platform.mu.Lock()
			w.platform.wait = nil
			w.platform.mu.Unlock()
			w.git("push", w.url("owner", "shop.git"), "main") // the turn was given back
		})
	}
}

func TestBuildThatTalksToNobodyIsCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(map[string]string{"a": "1"})
	building, cancelled := make(chan bool, 1), make(chan error, 1)
	w.platform.wait = func(ctx context.Context, out io.Writer) (Outcome, error) {
		building <- true
		for {
			if _, err := io.WriteString(out, "still building\n"); err != nil {
				cancelled <- ctx.Err() // whoever sees the error must see that it is a cancellation
				return Outcome{}, err
			}
		}
	}
	c := w.command(t.Context(), "push", w.url("owner", "shop.git"), "main")
	c.Stderr = io.Discard
	group(c)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-building
	killGroup(c)
	c.Wait()
	equal(t, <-cancelled == context.Canceled, true)
}

func TestLongBuildOutlastsTheServersDeadlines(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%v", h2), func(t *testing.T) {
			t.Parallel()
			w := newWorldBehind(t, 500*time.Millisecond)
			w.h2 = h2
			w.commit(map[string]string{"a": "1"})
			w.platform.wait = func(ctx context.Context, out io.Writer) (Outcome, error) {
				select {
				case <-ctx.Done():
					return Outcome{}, ctx.Err()
				case <-time.After(1500 * time.Millisecond): // the passing of time is what is tested
					return Outcome{Succeeded: true}, nil
				}
			}
			w.says(w.git("push", w.url("owner", "shop.git"), "main"), "Verifying deploy... done.")
		})
	}
}

func TestManyPacksAreTidiedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	commit := w.commit(map[string]string{"a": "1"})
	w.git("push", w.url("owner", "shop.git"), "main")
	repo := string(w.handler.path(shopID))
	for i := range tidyPacks {
		blob := w.commit(map[string]string{"a": fmt.Sprint(i)})
		c := w.command(t.Context(), "pack-objects", "-q", filepath.Join(repo, "objects", "pack", "pack"))
		c.Stdin = strings.NewReader(blob + "\n")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	w.git("push", w.url("owner", "shop.git"), "main:other")
	eventually(t, "there are few packs", func() bool {
		packs, _ := filepath.Glob(filepath.Join(repo, "objects", "pack", "*.pack"))
		return len(packs) > 0 && len(packs) < 5
	})
	equal(t, w.ref("refs/heads/main"), commit)
}
