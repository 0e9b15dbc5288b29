package gitd

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestCloneAndFetch(t *testing.T) {
	for _, protocol := range []string{"0", "1", "2"} {
		t.Run("protocol "+protocol, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.commit(map[string]string{"a": "1"})
			commit := w.commit(map[string]string{"a": "2"})
			w.git("push", w.url("owner", "shop.git"), "main")
			v := "protocol.version=" + protocol
			clone := t.TempDir()
			w.git("-c", v, "clone", "-q", w.url("viewer", "shop.git"), clone)
			equal(t, w.git("-C", clone, "rev-parse", "HEAD"), commit)
			shallow := t.TempDir()
			w.git("-c", v, "clone", "-q", "--depth=1", w.url("viewer", "shop.git"), shallow)
			equal(t, w.git("-C", shallow, "rev-list", "--count", "HEAD"), "1")
			w.git("-C", shallow, "-c", v, "fetch", "-q", "--unshallow")
			equal(t, w.git("-C", shallow, "rev-list", "--count", "HEAD"), "2")
			next := w.commit(map[string]string{"a": "3"})
			w.git("push", w.url("owner", "shop.git"), "main")
			w.git("-C", clone, "-c", v, "pull", "-q")
			equal(t, w.git("-C", clone, "rev-parse", "HEAD"), next)
		})
	}
}

func TestCloneOfAnEmptyRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out := w.git("clone", w.url("owner", "shop.git"), t.TempDir())
	w.says(out, "You appear to have cloned an empty repository")
}

func TestWhoMayNotIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(map[string]string{"a": "1"})
	w.fails([]string{"Authentication failed", "remote: !     Invalid credentials."}, "push", w.url("stranger", "shop.git"), "main")
	w.fails([]string{"could not read Username"}, "push", w.url("", "shop.git"), "main")
	w.fails([]string{"remote: !     You do not have access to deploy to the app shop.", "403"}, "push", w.url("viewer", "shop.git"), "main")
	w.fails([]string{"remote: !     No such app as shpo.", "not found"}, "push", w.url("owner", "shpo.git"), "main")
	equal(t, len(w.platform.builds()), 0)

	res, err := w.server.Client().Get(w.url("", "shop.git/info/refs?service=git-receive-pack"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	equal(t, res.StatusCode, 401)
	equal(t, res.Header.Get("WWW-Authenticate"), `Basic realm="Cloister", charset="UTF-8"`)
	for path, status := range map[string]int{
		"shop.git/HEAD":                            200,
		"shop.git/info/refs":                       403, // the dumb protocol
		"shop.git/info/refs?service=git-shell":     403,
		"shop.git/config":                          404,
		"shop.git/objects/info/packs":              404,
		"shop.git/git-upload-pack":                 404, // needs POST
		"shop.git/info/refs?service=../../bin/git": 403,
	} {
		res, err := w.server.Client().Get(w.url("owner", path))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, status)
		}
	}
}

// raw sends a request line as it is, which no client library would.
func raw(t *testing.T, w *world, path string) string {
	t.Helper()
	r, err := http.NewRequest("GET", w.server.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = path
	r.SetBasicAuth("", "owner")
	res, err := w.server.Client().Do(r)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.Status + " " + string(b)
}

func TestPathTricks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(map[string]string{"a": "1"})
	w.git("push", w.url("owner", "shop.git"), "main")
	w.platform.mu.Lock() // names that a careless platform might let through
	for _, name := range []string{"..", "../shop", "Shop", "shop.git", "hooks", "", "shop/../shop", "shop\x00", shopID} {
		w.platform.apps[name] = cloister.App{ID: shopID, Name: name}
	}
	delete(w.platform.apps, "hooks")
	w.platform.mu.Unlock()
	const refs = "/info/refs?service=git-upload-pack"
	for _, path := range []string{
		"/../shop.git", "/..%2fshop.git", "/%2e%2e/shop.git", "/shop%2egit", "/Shop.git", "/SHOP.GIT", "/shop.git/", "/shop.git/.",
		"/shop.git/../shop.git", "//shop.git", "/./shop.git", "/shop.git%00", "/shop%00.git", "/shop.git.git", "/-u.git",
		"/hooks", "/hooks.git", "/" + shopID + ".git", "/..git", "/.git", "/x/shop.git", "/shop.git%0a", "/sh%6fp.git", "/shop.git\\",
	} {
		if got := raw(t, w, path+refs); strings.HasPrefix(got, "200") {
			t.Errorf("%s: %s", path, got)
		}
	}
	if got := raw(t, w, "/shop.git"+refs); !strings.HasPrefix(got, "200") {
		t.Errorf("the good path: %s", got)
	}
	entries, err := os.ReadDir(w.handler.config.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	equal(t, names, []string{shopID + ".git", "hooks"})
}

// post sends a body to a service as git would.
func post(t *testing.T, w *world, service, encoding string, body []byte) (int, string) {
	t.Helper()
	r, err := http.NewRequest("POST", w.url("", "shop.git/"+service), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("", "owner")
	r.Header.Set("Content-Type", "application/x-"+service+"-request")
	if encoding != "" {
		r.Header.Set("Content-Encoding", encoding)
	}
	res, err := w.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestForgedRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	commit := w.commit(map[string]string{"a": "1"})
	w.git("push", w.url("owner", "shop.git"), "main")

	status, _ := post(t, w, receivePack, "", []byte("not a packet"))
	equal(t, status, 400)
	status, _ = post(t, w, receivePack, "br", []byte("0000"))
	equal(t, status, 400)
	status, _ = post(t, w, receivePack, "gzip", []byte("0000"))
	equal(t, status, 400)
	status, _ = post(t, w, receivePack, "", []byte("0000")) // how git asks whether it may
	equal(t, status, 200)
	r, _ := http.NewRequest("POST", w.url("owner", "shop.git/git-receive-pack"), strings.NewReader("0000"))
	r.Header.Set("Content-Type", "text/plain") // as a page in a browser could
	res, err := w.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	equal(t, res.StatusCode, 400)

	for _, ref := range []string{"refs/heads/a\nb", "refs/heads/../../x", "refs/heads/a\x1b[31m", "../../etc/x", "HEAD", "refs/heads/-u", "refs/heads/a.lock", "refs/heads/a b"} {
		line := zero + " " + commit + " " + ref + "\x00report-status side-band-64k"
		if ref == "refs/heads/-u" {
			continue // allowed by git, harmless: it is never an argument
		}
		_, body := post(t, w, receivePack, "", []byte(pktLine(line)+"0000"))
		if strings.Contains(body, "ok "+ref) {
			t.Errorf("ref %q was taken: %q", ref, body)
		}
	}
	entries, err := filepath.Glob(filepath.Join(string(w.handler.path(shopID)), "refs", "heads", "*"))
	if err != nil || len(entries) != 1 {
		t.Errorf("refs: %v, %v", entries, err)
	}
}

func TestCompressedRequestIsUnpackedUpToItsLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	commit := w.commit(map[string]string{"a": "1"})
	w.git("push", w.url("owner", "shop.git"), "main")
	zip := func(s string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.WriteString(z, s)
		z.Close()
		return b.Bytes()
	}
	status, body := post(t, w, uploadPack, "gzip", zip(pktLine("want "+commit+"\n")+"0000"+pktLine("done\n")))
	equal(t, status, 200)
	if !strings.Contains(body, "NAK") || !strings.Contains(body, "PACK") {
		t.Errorf("answer %.100q", body)
	}
	bomb := pktLine("want "+commit+"\n") + "0000" + strings.Repeat(pktLine("have "+zero+"\n"), 700_000)
	_, body = post(t, w, uploadPack, "gzip", zip(bomb))
	if strings.Contains(body, "PACK") {
		t.Error("a request of 35 MB was answered")
	}
}

func TestPushWithoutRoomIsRefusedInWords(t *testing.T) {
	t.Parallel()
	var full atomic.Bool
	const says = "The disk of the server is full. Free some space."
	w := newWorld(t, func(c *Config) {
		c.Room = func() error {
			if full.Load() {
				return cloister.Errorf(cloister.Unavailable, says)
			}
			return nil
		}
	})
	w.commit(map[string]string{"a": "1"})
	w.git("push", w.url("owner", "shop.git"), "main")
	full.Store(true)
	first := w.ref("refs/heads/main")
	w.commit(map[string]string{"a": "2"})
	w.fails([]string{"remote: !     " + says}, "push", w.url("owner", "shop.git"), "main")
	w.fails([]string{"remote: !     " + says}, "push", w.url("owner", "blog.git"), "main") // which has no repository yet
	equal(t, w.ref("refs/heads/main"), first)
	w.git("clone", "-q", w.url("viewer", "shop.git"), t.TempDir()) // which takes no room
	// The disk may become full between the two requests of a push.
	full.Store(false)
	request := "00a8" + zero + " " + first + " refs/heads/x\x00 report-status side-band-64k"
	request += strings.Repeat(" ", 0xa8-len(request)) + "0000"
	full.Store(true)
	req, err := http.NewRequest("POST", w.server.URL+"/shop.git/git-receive-pack", strings.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("heroku", "owner")
	req.Header.Set("Content-Type", "application/x-git-receive-pack-request")
	res, err := w.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(b), says) {
		t.Errorf("got %d %q %v", res.StatusCode, b, err)
	}
	full.Store(false)
	w.git("push", w.url("owner", "shop.git"), "main")
}
