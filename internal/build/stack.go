package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/stacks"
)

// The user that apps run as and builds run as, in every stack.
const (
	userID    = 1000
	userName  = "heroku"
	appDir    = "/app"
	imageUser = "1000:1000"
)

// stackDate is the newest date in a stack of ours. It makes images of the same packages equal to the byte, and it is
// the date that they are said to be from.
var stackDate = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// BuildStack makes the run and the build image of a stack that package stacks has a recipe for, out of Debian
// packages, and keeps them in the store. It takes packages from where the machine takes its own, and remembers them
// in the store's directory, so that the second time is fast. It must run as root, and needs mmdebstrap. The lines it
// writes to out are for people.
func BuildStack(ctx context.Context, store *Store, name string, out io.Writer) (cloister.Stack, error) {
	recipe, err := stacks.Find(name)
	if err != nil {
		return cloister.Stack{}, cloister.Errorf(cloister.NotFound, "%s.", strings.ToUpper(err.Error()[:1])+err.Error()[1:])
	}
	b, done, err := newBootstrap(store, "Stack "+name, recipe.Suite, out)
	if err != nil {
		return cloister.Stack{}, err
	}
	defer done()
	fmt.Fprintf(out, "-----> Making the run and the build image of %s; this takes a minute or two\n", name)
	runTar, buildTar, err := b.both(ctx, recipe)
	if err != nil {
		return cloister.Stack{}, fmt.Errorf("make stack %s: %w", name, err)
	}

	runLayer, err := store.NewLayer(0, func(w io.Writer) error { return copySystem(runTar, w) })
	if err != nil {
		return cloister.Stack{}, fmt.Errorf("pack the run image of %s: %w", name, err)
	}
	defer runLayer.Drop()
	buildLayer, err := store.NewLayer(0, func(w io.Writer) error { return copyDifference(runTar, buildTar, w) })
	if err != nil {
		return cloister.Stack{}, fmt.Errorf("pack the build image of %s: %w", name, err)
	}
	defer buildLayer.Drop()

	stack := cloister.Stack{Name: name, CreatedAt: time.Now().UTC()}
	run, err := stackImage(runLayer)
	if err == nil {
		stack.RunImage, err = store.Put(ctx, run, name+" run")
	}
	if err != nil {
		return cloister.Stack{}, err
	}
	build, err := stackImage(runLayer, buildLayer)
	if err == nil {
		stack.BuildImage, err = store.Put(ctx, build, name+" build")
	}
	if err != nil {
		return cloister.Stack{}, err
	}
	fmt.Fprintf(out, "       Done: %s to run apps, %s more to build them\n", megabytes(runLayer.size), megabytes(buildLayer.size))
	return stack, nil
}

// stackImage is an image of the given layers, for the stack's user.
func stackImage(layers ...*Layer) (v1.Image, error) {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, l := range layers {
		var err error
		if img, err = mutate.Append(img, mutate.Addendum{Layer: l, MediaType: types.OCILayer}); err != nil {
			return nil, fmt.Errorf("add a layer: %w", err)
		}
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = "linux", runtime.GOARCH, v1.Time{Time: stackDate}
	file.Config = v1.Config{
		User:       imageUser,
		WorkingDir: appDir,
		Env:        []string{"PATH=" + runPath, "HOME=" + appDir, "LANG=C.UTF-8"},
		Cmd:        []string{"/bin/bash"},
	}
	return mutate.ConfigFile(img, file)
}

// A bootstrap turns lists of packages into tar files of whole file systems, by mmdebstrap.
type bootstrap struct {
	suite string
	work  string // scratch
	debs  string // packages downloaded before
	out   io.Writer
}

// newBootstrap is a bootstrap of a suite, and what to do when it is done with. what is to be made, for whom it cannot be.
func newBootstrap(store *Store, what, suite string, out io.Writer) (*bootstrap, func(), error) {
	if os.Geteuid() != 0 {
		return nil, nil, cloister.Errorf(cloister.Forbidden, "%s is made by root. Run this as root.", what)
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		return nil, nil, cloister.Errorf(cloister.Unavailable, "%s is made by mmdebstrap, which is not installed. Install the package mmdebstrap.", what)
	}
	work, err := os.MkdirTemp(store.path("cache"), "bootstrap-")
	if err != nil {
		return nil, nil, fmt.Errorf("make room for %s: %w", what, err)
	}
	debs := store.path("cache", "debs-"+suite)
	if err := os.MkdirAll(debs, 0o755); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("make the cache of packages: %w", err), os.RemoveAll(work))
	}
	return &bootstrap{suite: suite, work: work, debs: debs, out: out}, func() { os.RemoveAll(work) }, nil
}

// both makes the file systems of the run and of the build image, at the same time.
func (b *bootstrap) both(ctx context.Context, r stacks.Recipe) (run, build string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var both sync.WaitGroup
	part := func(name string, packages []string, to *string) func() {
		return func() {
			tar, err := b.run(ctx, name, packages)
			if err != nil {
				cancel(fmt.Errorf("%s image: %w", name, err)) // the first failure is the one that counts
			}
			*to = tar
		}
	}
	both.Go(part("run", r.Run, &run))
	both.Go(part("build", slices.Concat(r.Run, r.Build), &build))
	both.Wait()
	return run, build, context.Cause(ctx)
}

// run makes work/name.tar. Every package is unpacked and configured by mmdebstrap itself, in its own chroot: a hook
// that called apt or dpkg would act on this machine if one option were missing.
func (b *bootstrap) run(ctx context.Context, name string, packages []string) (string, error) {
	conf, sources := filepath.Join(b.work, name+".conf"), filepath.Join(b.work, name+".list")
	if err := os.WriteFile(conf, []byte(aptOptions(ctx)), 0o644); err != nil {
		return "", err
	}
	target := filepath.Join(b.work, name+".tar")
	args := []string{
		"--mode=root", "--variant=apt", "--format=tar", "--quiet",
		"--aptopt=" + conf,
		"--dpkgopt=force-unsafe-io", // it is a scratch directory: no need for an fsync per file
		"--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=path-exclude=/usr/share/info/*",
		"--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-include=/usr/share/doc/*/copyright",
		"--dpkgopt=path-exclude=/usr/share/locale/*",
		"--skip=download/empty,essential/unlink,cleanup/apt", // so that packages survive until they are put by
		`--setup-hook=mkdir -p "$1/usr/share/man/man1"`,      // some packages fail to make links where there is no directory
		`--setup-hook=mkdir -p "$1/var/cache/apt/archives" && find "$DEBS" -name "*.deb" -exec cp -t "$1/var/cache/apt/archives" {} +`,
		`--customize-hook=` + keepPackages,
		fmt.Sprintf(`--customize-hook=chroot "$1" groupadd --gid %d %s`, userID, userName),
		fmt.Sprintf(`--customize-hook=chroot "$1" useradd --uid %d --gid %d --home-dir %s --no-create-home --shell /bin/bash %s`, userID, userID, appDir, userName),
		fmt.Sprintf(`--customize-hook=install -d -m 0755 -o %d -g %d "$1%s"`, userID, userID, appDir),
		`--setup-hook=mkdir -p "$1/etc/postgresql-common" && echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"`, // data are on volumes
		"--include=" + strings.Join(packages, ","),
		b.suite, target,
	}
	if list := aptSources(ctx, b.suite); list != "" {
		if err := os.WriteFile(sources, []byte(list), 0o644); err != nil {
			return "", err
		}
		args = append(args, sources)
	}
	cmd := exec.CommandContext(ctx, "mmdebstrap", args...)
	cmd.Env = append(os.Environ(), "DEBS="+b.debs, "TMPDIR="+b.work, "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
		"SOURCE_DATE_EPOCH="+strconv.FormatInt(stackDate.Unix(), 10))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it unmounts what it mounted
	cmd.WaitDelay = 30 * time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() == nil {
			fmt.Fprintf(b.out, "%s\n", tail(said.Bytes(), 4096))
		}
		return "", errors.Join(fmt.Errorf("mmdebstrap: %w", err), ctx.Err())
	}
	if info, err := os.Stat(target); err != nil || info.Size() == 0 {
		return "", errors.Join(fs.ErrNotExist, err)
	}
	return target, nil
}

// keepPackages puts packages by. Each appears whole, since another bootstrap may be looking.
const keepPackages = `for deb in "$1"/var/cache/apt/archives/*.deb; do
	name=$(basename "$deb")
	[ -e "$DEBS/$name" ] || { cp "$deb" "$DEBS/$name.$$" && mv "$DEBS/$name.$$" "$DEBS/$name"; }
done`

// aptSources is where this machine takes packages of the suite from, as lines of a sources.list. It is "" if the
// machine does not run that suite; mmdebstrap then knows where Debian keeps it.
func aptSources(ctx context.Context, suite string) string {
	said, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages").Output()
	if err != nil {
		return ""
	}
	option := ""
	const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
	if _, err := os.Stat(keyring); err == nil {
		option = "[signed-by=" + keyring + "] "
	}
	var out []string
	main := false
	for line := range strings.Lines(string(said)) {
		f := strings.Fields(line)
		if len(f) != 3 || f[1] != suite && f[1] != suite+"-updates" && f[1] != suite+"-security" || f[2] != "main" {
			continue
		}
		main = main || f[1] == suite
		if entry := "deb " + option + strings.Join(f, " ") + "\n"; !slices.Contains(out, entry) {
			out = append(out, entry)
		}
	}
	if !main {
		return ""
	}
	return strings.Join(out, "")
}

// aptOptions is what of the machine's apt configuration says how to reach the archive: proxies, certificates, and
// how old an archive may be.
func aptOptions(ctx context.Context) string {
	out := "APT::Install-Recommends \"false\";\n"
	said, err := exec.CommandContext(ctx, "apt-config", "dump", "Acquire").Output()
	if err != nil {
		return out
	}
	for line := range strings.Lines(string(said)) {
		for _, p := range []string{"http::", "https::", "Check-", "Retries", "ForceIPv"} {
			if strings.HasPrefix(line, "Acquire::"+p) {
				out += line
			}
		}
	}
	return out
}

func tail(b []byte, n int) []byte {
	if len(b) > n {
		b = b[len(b)-n:]
	}
	return bytes.TrimSpace(b)
}
