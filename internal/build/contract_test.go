package build

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// pack makes a tar.gz of files below one directory, as a forge's download of a repository is.
func pack(t *testing.T, files map[string]string) []byte {
	t.Helper()
	below := map[string]string{}
	for name, content := range files {
		below["repo-1234567/"+name] = content
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(source(t, below))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// shelf serves files over HTTP, as /name, and git repositories, as /git/name.
func shelf(t *testing.T, files map[string][]byte, repos string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		data, ok := files[r.URL.Path[1:]]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(data)
	})
	if repos != "" {
		libexec, err := exec.Command("git", "--exec-path").Output()
		if err != nil {
			t.Fatal(err)
		}
		mux.Handle("/git/", &cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(libexec)), "git-http-backend"), Root: "/git",
			Env: []string{"GIT_PROJECT_ROOT=" + repos, "GIT_HTTP_EXPORT_ALL=1"}, Logger: nil})
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// repository makes a git repository in dir of files and returns its commit.
func repository(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	for name, content := range files {
		file := filepath.Join(dir, strings.TrimSuffix(name, "*"))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		git("init", "--quiet")
	}
	git("add", "--all")
	git("commit", "--quiet", "--message", "x")
	return git("rev-parse", "HEAD")
}

// slugFiles are the files that a slug adds to its stack: name to content.
func slugFiles(t *testing.T, s *Store, slug cloister.Slug) map[string]string {
	t.Helper()
	img, err := s.Image(slug.Image)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	r, err := layers[len(layers)-1].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := map[string]string{}
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeDir {
			out[h.Name] = string(data)
		}
		if h.Uid != 1000 || h.Gid != 1000 {
			t.Errorf("%s belongs to %d:%d", h.Name, h.Uid, h.Gid)
		}
	}
}

func TestBuildpacksRunByTheClassicContract(t *testing.T) {
	first := map[string]string{
		"bin/detect*":  "#!/bin/bash\n[ -f \"$1/kind\" ] && echo First",
		"bin/compile*": "#!/bin/bash\necho \"       args $# ${1%_*} ${3%_*} stack=$STACK version=$SOURCE_VERSION request=$REQUEST_ID home=$HOME secret=${SECRET-unset}\"\ncp \"$3/SECRET\" \"$1/from-env-dir\"; cat \"$2/note\" 2>/dev/null; echo \"       seen before\" > \"$2/note\"\nmkdir -p $1/.profile.d; echo 'export A=1' > $1/.profile.d/a.sh; echo 'export HANDED=on' > \"$(dirname $0)/../export\"; id -u; ls \"$1\"\n",
	}
	second := map[string]string{
		"bin/detect*":  "#!/bin/bash\necho Second",
		"bin/compile*": "#!/bin/bash\necho \"       handed ${HANDED-nothing}\"",
		"bin/release*": "#!/bin/bash\nprintf -- '---\\naddons: []\\ndefault_process_types:\\n  web: from second\\n  console: \"irb: x\"\\n'",
	}
	url := shelf(t, map[string][]byte{"first.tgz": pack(t, first), "second.tar.gz": pack(t, second)}, "")
	b := newBench(t, Config{})
	makeJob := func() Job {
		job := b.job(pack(t, map[string]string{"kind": "", "Procfile": "web: bin/mine\n", "docs/a/x.md": "x", "keep.md": "x", "big.bin": "x", ".slugignore": "*.bin\n/docs\n!keep.md\n"}))
		job.Flatten = true
		job.Buildpacks = []cloister.Buildpack{{URL: url + "/first.tgz"}, {Name: "mine", URL: url + "/second.tar.gz"}}
		job.Config = map[string]cloister.Secret{"SECRET": "the\nsecret"}
		return job
	}
	job := makeJob()
	result, said, err := b.build(t, job)
	if err != nil {
		t.Fatal(err)
	}
	want := "-----> Building on the Debian-12 stack\n-----> Using buildpacks:\n       1. " + url + "/first.tgz\n       2. mine\n-----> First app detected\n" +
		"       args 3 /tmp/build /tmp/env stack=debian-12 version=" + job.Version + " request=" + job.BuildID + " home=/app secret=unset\n1000\n" +
		"Procfile\nfrom-env-dir\nkeep.md\nkind\n-----> Second app detected\n       handed on\n-----> Discovering process types\n" +
		"       Procfile declares types     -> web\n       Default types for buildpack -> console\n-----> Compressing...\n       Done: "
	if !strings.HasPrefix(said, want) {
		t.Errorf("transcript:\n%s\nwant:\n%s", said, want)
	}
	if s := result.Slug; s.Detected != "Second" || !maps.Equal(s.ProcessTypes, map[string]string{"web": "bin/mine", "console": "irb: x"}) {
		t.Errorf("slug: %+v", s)
	}
	files := slugFiles(t, b.store, result.Slug)
	if got, want := slices.Sorted(maps.Keys(files)), []string{"app/.profile.d/a.sh", "app/.slugignore", "app/Procfile", "app/from-env-dir", "app/keep.md", "app/kind"}; !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	if files["app/from-env-dir"] != "the\nsecret" {
		t.Errorf("ENV_DIR had %q", files["app/from-env-dir"])
	}
	if _, said, err = b.build(t, makeJob()); err != nil || !strings.Contains(said, "       seen before\n") {
		t.Errorf("the cache was not kept: %v", err)
	}
	if err := b.DropCache(t.Context(), b.app); err != nil {
		t.Fatal(err)
	}
	if _, said, err = b.build(t, makeJob()); err != nil || strings.Contains(said, "seen before") {
		t.Errorf("the cache was kept after it was dropped: %v", err)
	}
	for _, w := range b.yard.started {
		if w.Space != Space || w.Owner != Space || w.Env["SECRET"] != "" || w.Size.Memory == 0 || w.Volumes[0].Size == 0 {
			t.Errorf("workload: %+v", w)
		}
	}
}

func TestGitBuildpackAndSubmodulesAreFetchedInside(t *testing.T) {
	repos := t.TempDir()
	dir := func(name string) string {
		d := filepath.Join(repos, name)
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
		return d
	}
	pack, lib := dir("pack"), dir("lib")
	old := repository(t, pack, map[string]string{"bin/detect": "#!/bin/bash\necho Old", "bin/compile": "#!/bin/bash\nfind . -type f | sort"})
	repository(t, pack, map[string]string{"bin/detect": "#!/bin/bash\necho New"})
	commit := repository(t, lib, map[string]string{"lib.txt": "one"})
	repository(t, lib, map[string]string{"lib.txt": "two"})
	url := shelf(t, nil, repos) + "/git/"
	b := newBench(t, Config{})
	for ref, kind := range map[string]string{"": "New", "#main": "New", "#" + old: "Old"} {
		job := b.job(source(t, map[string]string{"a": ""}))
		job.Buildpacks = []cloister.Buildpack{{URL: url + "pack/.git" + ref}}
		job.Submodules = []cloister.Submodule{{Path: "vendor/lib", URL: url + "lib/.git", Commit: commit}}
		result, said, err := b.build(t, job)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(said, "-----> "+kind+" app detected\n./a\n./vendor/lib/lib.txt\n") {
			t.Errorf("%s: not a %s app with its submodule", ref, kind)
		}
		if got := slugFiles(t, b.store, result.Slug)["app/vendor/lib/lib.txt"]; got != "one" {
			t.Errorf("the submodule has %q", got)
		}
	}
	for _, m := range []cloister.Submodule{{Path: "../x", URL: url, Commit: commit}, {Path: "x", URL: "ext::sh -c id", Commit: commit}, {Path: "x", URL: "https://h/x", Commit: "--upload-pack=id"}, {Path: "x", URL: url + "none", Commit: commit}} {
		job := b.job(source(t, map[string]string{"a": ""}))
		job.Submodules = []cloister.Submodule{m}
		if _, said, err := b.build(t, job); cloister.KindOf(err) != cloister.Invalid || !strings.Contains(said, " !     The submodule ") {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

func TestFailuresAreExplained(t *testing.T) {
	bad := func(compile string) []byte {
		return pack(t, map[string]string{"bin/detect*": "#!/bin/bash\n[ -f \"$1/yes\" ] && echo Test || { echo 'no yes here' >&2; exit 1; }", "bin/compile*": "#!/bin/bash\n" + compile})
	}
	url := shelf(t, map[string][]byte{"fails.tgz": bad("echo '       oh'; exit 2"), "large.tgz": bad("head -c 3000000 /dev/urandom > big"), "fifo.tgz": bad("mkfifo pipe"), "none.tgz": pack(t, map[string]string{"README": ""})}, "")
	b := newBench(t, Config{MaxSlug: 2 << 20})
	yes := map[string]string{"yes": ""}
	for _, c := range []struct {
		name, buildpack string
		files           map[string]string
		want            string
	}{
		{"nothing known", "", map[string]string{"a.txt": ""}, " !     No default language could be detected for this app.\n"},
		{"incompatible", url + "/fails.tgz", map[string]string{"a": ""}, "-----> App not compatible with buildpack: " + url + "/fails.tgz\n       no yes here\n       More info: "},
		{"compile", url + "/fails.tgz", yes, "-----> Test app detected\n       oh\n !     Push rejected, failed to compile Test app.\n\n !     Push failed\n"},
		{"too large", url + "/large.tgz", yes, " !     Compiled slug size: 2.9M is too large (max is 2M).\n"},
		{"pipe in the slug", url + "/fifo.tgz", yes, `" is a device or a pipe`},
		{"no buildpack there", url + "/none.tgz", yes, " !     There is no buildpack at "},
		{"nothing there", url + "/missing.tgz", yes, " could not be fetched.\n"},
		{"unknown name", "acme/cobol", yes, ` !     Buildpack "acme/cobol" is neither`},
		{"procfile", "heroku/procfile", map[string]string{"Procfile": "web bin/x"}, " !     Procfile, line 1: "},
		{"yarn", "heroku/nodejs", map[string]string{"package.json": "{}", "yarn.lock": ""}, " !     This buildpack installs with npm, and does not read yarn.lock.\n"},
		{"python version", "heroku/python", map[string]string{"requirements.txt": "", "runtime.txt": "python-3.9.1\n"}, " !     Python 3.9.1, which runtime.txt asks for, is not on the stack debian-12; its Python is 3.11.\n"},
		{"poetry", "heroku/python", map[string]string{"pyproject.toml": "", "poetry.lock": ""}, " !     This buildpack installs with pip, and does not read poetry.lock.\n"},
		{"go version", "heroku/go", map[string]string{"go.mod": "module x\n\ngo banana\n"}, " !     The Go version \"banana\" in go.mod is no version of Go.\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			job := b.job(source(t, c.files))
			if c.buildpack != "" {
				job.Buildpacks = []cloister.Buildpack{{URL: c.buildpack}}
			}
			_, said, err := b.build(t, job)
			if cloister.KindOf(err) != cloister.Invalid {
				t.Errorf("error %v of kind %s", err, cloister.KindOf(err))
			}
			if !strings.Contains(said, c.want) || !strings.HasSuffix(said, "\n !     Push failed\n") {
				t.Errorf("the transcript lacks %q", c.want)
			}
		})
	}
	t.Run("hostile source", func(t *testing.T) {
		_, said, err := b.build(t, b.job(archive(t, regular("ok"), regular("../evil"))))
		if cloister.KindOf(err) != cloister.Invalid || !strings.Contains(said, `its entry "../evil" leads outside`) {
			t.Error(err)
		}
	})
}

func TestBuildIsCutShort(t *testing.T) {
	slow := pack(t, map[string]string{"bin/detect*": "#!/bin/bash\necho Slow", "bin/compile*": "#!/bin/bash\necho started; sleep 1000 & wait"})
	url := shelf(t, map[string][]byte{"slow.tgz": slow}, "")
	for name, c := range map[string]struct {
		timeout time.Duration
		want    string
	}{"timeout": {2 * time.Second, " !     Timed out compiling Slow app (2s).\n"}, "cancel": {0, " !     Build canceled.\n"}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{Timeout: c.timeout})
			job := b.job(source(t, map[string]string{"a": ""}))
			job.Buildpacks = []cloister.Buildpack{{URL: url + "/slow.tgz"}}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var said safeBuffer
			out := io.Writer(&said)
			if c.timeout == 0 {
				out = io.MultiWriter(&said, onText{"started", cancel})
			}
			_, err := b.Build(ctx, job, out)
			if name == "timeout" && cloister.KindOf(err) != cloister.Invalid || name == "cancel" && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if !strings.Contains(said.String(), c.want) {
				t.Errorf("the transcript lacks %q:\n%s", c.want, said.String())
			}
			if len(b.yard.workloads) != 0 || len(b.yard.volumes) != 1 {
				t.Errorf("left: %v %v", b.yard.workloads, b.yard.volumes)
			}
		})
	}
}

// onText calls then when text is written.
type onText struct {
	text string
	then func()
}

func (o onText) Write(p []byte) (int, error) {
	if strings.Contains(string(p), o.text) {
		o.then()
	}
	return len(p), nil
}

func TestWhatAnEarlierServerLeftIsSwept(t *testing.T) {
	b := newBench(t, Config{})
	left := engine.Workload{ID: "build-x-1", Owner: Space, Image: b.stack.BuildImage, Volumes: []engine.Volume{{ID: "scratch-build-x-1", Path: "/tmp"}}}
	if err := b.yard.Start(t.Context(), left); err != nil {
		t.Fatal(err)
	}
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(b.yard.workloads) != 0 || len(b.yard.volumes) != 0 {
		t.Errorf("left: %v %v", b.yard.workloads, b.yard.volumes)
	}
}

func TestStaticSiteIsBuiltAndServed(t *testing.T) {
	b := newBench(t, Config{})
	result, said, err := b.build(t, b.job(source(t, map[string]string{"public/index.html": "Hello from Static, release v7\n", "private.txt": "x", "Procfile": "worker: sleep 1000\n"})))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said, "-----> Using buildpack: heroku-community/static\n") || !strings.Contains(said, "       Default types for buildpack -> web\n") {
		t.Error("the transcript lacks the buildpack or its process type")
	}
	answers(t, b.yard, result.Slug, "Hello from Static, release v7")
}
