package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/cloister-dev/cloister"
)

// An attempt is a build under way.
type attempt struct {
	*Builder
	job Job
	out *transcript
	box *sandbox

	dir      string      // BUILD_DIR
	env      string      // ENV_DIR
	packs    []buildpack // in the order they run
	detected string      // the last buildpack's name for the app
	stage    string      // what is going on, for the message of a time-out
}

func (r *attempt) run(ctx context.Context) (Result, error) {
	var err error
	r.out.heading("Building on the %s stack", title(r.job.Stack.Name))
	r.stage = "preparing the build"
	if r.box, err = r.openSandbox(ctx, r.job); err != nil {
		return Result{}, err
	}
	defer r.closeSandbox(ctx, r.box)

	mark := cloister.NewID()[:8]
	r.dir, r.env = scratchPath+"/build_"+mark, scratchPath+"/env_"+mark
	r.stage = "receiving the source"
	if err := r.receive(ctx); err != nil {
		return Result{}, err
	}
	r.stage = "fetching the buildpacks"
	if err := r.gather(ctx); err != nil {
		return Result{}, err
	}
	for i := range r.packs {
		if err := r.compile(ctx, i); err != nil {
			return Result{}, err
		}
	}
	r.stage = "packing the slug"
	types, err := r.processTypes(ctx)
	if err != nil {
		return Result{}, err
	}
	slug, err := r.pack(ctx)
	if err != nil {
		return Result{}, err
	}
	slug.ProcessTypes = types
	used := make([]cloister.Buildpack, len(r.packs))
	for i, p := range r.packs {
		used[i] = p.given
	}
	return Result{Slug: slug, Buildpacks: used}, nil
}

// receive streams the source into the sandbox and completes it there: submodules come, ignored files go.
func (r *attempt) receive(ctx context.Context) error {
	err := r.box.unpack(ctx, r.dir, func(w io.Writer) error {
		return copySource(r.job.Source, w, r.job.Checksum, r.config.MaxSource)
	}, runnerPath, "unpack", r.dir)
	if err != nil {
		return err
	}
	if r.job.Flatten {
		if err := r.must(ctx, "The source could not be unpacked.", "flatten", r.dir); err != nil {
			return err
		}
	}
	for _, m := range r.job.Submodules {
		name, err := cleanName(m.Path)
		if err != nil || name == "." || strings.HasPrefix(name, ".git/") || name == ".git" {
			return cloister.Errorf(cloister.Invalid, "The submodule %s has a path that is not allowed.", quoteShort(m.Path))
		}
		if !strings.HasPrefix(m.URL, "https://") && !strings.HasPrefix(m.URL, "http://") {
			return cloister.Errorf(cloister.Invalid, "The submodule %s is at %s. Only https:// and http:// URLs can be fetched during a build.", name, quoteShort(m.URL))
		}
		if !isCommit(m.Commit) {
			return cloister.Errorf(cloister.Invalid, "The submodule %s names no commit.", name)
		}
		r.out.heading("Fetching submodule %s", name)
		if err := r.must(ctx, "The submodule "+name+" could not be fetched.", "submodule", r.dir, name, m.URL, m.Commit); err != nil {
			return err
		}
	}
	if err := r.must(ctx, "The files in .slugignore could not be removed.", "tidy", r.dir); err != nil {
		return err
	}
	vars := map[string]file{}
	for name, value := range r.job.Config {
		vars[name] = file{data: []byte(value.Reveal()), mode: 0o600}
	}
	if err := r.box.write(ctx, r.env, vars); err != nil {
		return fmt.Errorf("write the config vars: %w", err)
	}
	exit, err := r.box.step(ctx, nil, r.out, r.out, "cache", cacheDir, strconv.FormatInt(r.config.Cache, 10))
	if err == nil && exit != 0 {
		err = errors.New("the cache cannot be written")
	}
	return err
}

// must runs a step of the runner whose failure is the source's fault, and shows what it prints.
func (r *attempt) must(ctx context.Context, complaint string, args ...string) error {
	exit, err := r.box.step(ctx, nil, r.out, r.out, args...)
	if err != nil {
		return err
	}
	if exit != 0 {
		return cloister.Errorf(cloister.Invalid, "%s", complaint)
	}
	return nil
}

// compile runs one buildpack: detection, then the work.
func (r *attempt) compile(ctx context.Context, i int) error {
	p := r.packs[i]
	r.stage = "running " + p.given.Name
	if p.detected == "" {
		name, said, err := r.detect(ctx, p)
		if err != nil {
			return err
		}
		if name == "" {
			r.out.heading("App not compatible with buildpack: %s", p.given.URL)
			r.out.detail("%s", said)
			r.out.detail("More info: https://devcenter.heroku.com/articles/buildpacks#detection-failure")
			return told("the app is not compatible with buildpack %s", p.given.Name)
		}
		p.detected = name
	}
	r.detected = p.detected
	r.stage = "compiling " + p.detected + " app"
	r.out.heading("%s app detected", p.detected)
	args := []string{"compile", r.dir, cacheDir, r.env, p.dir}
	for _, earlier := range r.packs[:i] {
		args = append(args, earlier.dir)
	}
	exit, err := r.box.step(ctx, nil, r.out, r.out, args...)
	if err != nil {
		return err
	}
	if exit == 137 {
		r.out.mistake("A process was killed, most likely because the build needed more than %s of memory.", megabytes(r.job.Limits.Memory))
	}
	if exit != 0 {
		r.out.mistake("Push rejected, failed to compile %s app.", p.detected)
		return told("failed to compile %s app", p.detected)
	}
	return nil
}

// detect asks a buildpack for its name for the app; "" if the app is not of its kind.
func (r *attempt) detect(ctx context.Context, p buildpack) (name, said string, err error) {
	var out, errs bytes.Buffer
	exit, err := r.box.step(ctx, nil, limited(&out), limited(&errs), "detect", p.dir, r.dir)
	if err != nil {
		return "", "", err
	}
	if exit != 0 {
		return "", strings.TrimSpace(errs.String() + out.String()), nil
	}
	name, _, _ = strings.Cut(strings.TrimSpace(out.String()), "\n")
	if name = strings.Map(printable, name); name == "" {
		name = path.Base(p.given.Name)
	}
	return name[:min(len(name), 100)], "", nil
}

// processTypes are those of the Procfile over those of the last buildpack.
func (r *attempt) processTypes(ctx context.Context) (map[string]string, error) {
	r.out.heading("Discovering process types")
	last := r.packs[len(r.packs)-1]
	var said bytes.Buffer
	exit, err := r.box.step(ctx, nil, limited(&said), r.out, "release", last.dir, r.dir)
	if err != nil {
		return nil, err
	}
	if exit != 0 {
		return nil, cloister.Errorf(cloister.Invalid, "The bin/release of buildpack %s failed.", last.given.Name)
	}
	defaults, err := parseRelease(said.Bytes())
	if err != nil {
		return nil, cloister.Errorf(cloister.Invalid, "What the bin/release of buildpack %s says is no proper YAML: %v.", last.given.Name, err)
	}
	said.Reset()
	if exit, err = r.box.step(ctx, nil, limited(&said), r.out, "show", r.dir+"/Procfile"); err != nil {
		return nil, err
	}
	if exit != 0 {
		return nil, cloister.Errorf(cloister.Invalid, "The Procfile could not be read.")
	}
	declared, err := ParseProcfile(said.String(), r.job.MaxTypes)
	if err != nil {
		return nil, err
	}
	for name := range declared {
		delete(defaults, name)
	}
	r.out.detail("Procfile declares types     -> %s", names(declared))
	if len(defaults) > 0 {
		r.out.detail("Default types for buildpack -> %s", names(defaults))
	}
	maps.Copy(defaults, declared)
	return defaults, nil
}

// pack makes a layer of the finished directory and an image of the layer.
func (r *attempt) pack(ctx context.Context) (cloister.Slug, error) {
	r.out.heading("Compressing...")
	layer, err := r.store.NewLayer(r.config.MaxSlug, func(w io.Writer) error { return r.takeOut(ctx, w) })
	if errors.Is(err, errTooLarge) {
		r.out.mistake("Compiled slug size: %s is too large (max is %.0fM).", megabytes(layer.size), float64(r.config.MaxSlug)/(1<<20))
		return cloister.Slug{}, told("the slug is too large: %s", megabytes(layer.size))
	}
	if err != nil {
		return cloister.Slug{}, err
	}
	defer layer.Drop()
	r.out.detail("Done: %s", megabytes(layer.size))
	return r.store.putSlug(ctx, r.job.Stack, r.job.AppName, layer, cloister.Slug{
		AppID: r.job.AppID, Commit: r.job.Version, Detected: r.detected,
	})
}

// takeOut streams the finished directory out of the sandbox.
func (r *attempt) takeOut(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	in, out := io.Pipe()
	exited := make(chan error, 1)
	go func() {
		exit, err := r.box.step(ctx, nil, out, r.out, "pack", r.dir)
		if err == nil && exit != 0 {
			err = fmt.Errorf("tar exited with status %d", exit)
		}
		out.CloseWithError(err)
		exited <- err
	}()
	err := copySlug(in, w, r.config.Scratch)
	if err == nil {
		_, err = io.Copy(io.Discard, in) // tar's padding
	}
	in.CloseWithError(err)
	if err != nil {
		cancel(err)
	}
	return errors.Join(err, <-exited)
}

// putSlug keeps an image of the stack's run image and one layer, and completes the slug with what is known of it.
func (s *Store) putSlug(ctx context.Context, stack cloister.Stack, app string, layer *Layer, slug cloister.Slug) (cloister.Slug, error) {
	base, err := s.Image(stack.RunImage)
	if err != nil {
		return cloister.Slug{}, fmt.Errorf("open the run image of %s: %w", stack.Name, err)
	}
	img, err := mutate.Append(base, mutate.Addendum{Layer: layer, MediaType: types.OCILayer, History: v1.History{CreatedBy: "cloister build", Created: v1.Time{Time: stackDate}}})
	if err != nil {
		return cloister.Slug{}, fmt.Errorf("add the slug to the run image: %w", err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		return cloister.Slug{}, err
	}
	file = file.DeepCopy()
	file.Created = v1.Time{Time: time.Now().UTC()}
	file.Config.User, file.Config.WorkingDir, file.Config.Entrypoint = imageUser, appDir, nil
	if img, err = mutate.ConfigFile(img, file); err != nil {
		return cloister.Slug{}, err
	}
	if slug.Image, err = s.Put(ctx, img, app); err != nil {
		return cloister.Slug{}, err
	}
	slug.Stack, slug.Size, slug.Checksum = stack.Name, layer.size, "SHA256:"+layer.digest.Hex
	return slug, nil
}

// A toldError is a failure that the transcript has explained already.
type toldError struct{ error }

func (e toldError) Unwrap() error { return e.error }

func told(format string, args ...any) error {
	return toldError{cloister.Errorf(cloister.Invalid, format, args...)}
}

// explain ends the transcript of a failed build, and returns the error as the caller gets it.
func (r *attempt) explain(err error) error {
	var known toldError
	switch {
	case errors.As(err, &known):
		err = known.error
	case errors.Is(err, errTimeout):
		r.out.mistake("Timed out %s (%s).", r.stage, minutes(r.config.Timeout))
		err = cloister.Errorf(cloister.Invalid, "timed out %s", r.stage)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		r.out.mistake("Build canceled.")
	case cloister.KindOf(err) != cloister.Internal:
		r.out.mistake("%s", cloister.MessageOf(err))
	default:
		r.out.mistake("The platform could not run this build. It is not your app's fault; try again, or ask the operator.")
		err = fmt.Errorf("%s: %w", r.stage, err)
	}
	fmt.Fprintln(r.out)
	r.out.mistake("Push failed")
	return err
}

func title(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func names(types map[string]string) string {
	if len(types) == 0 {
		return "(none)"
	}
	return strings.Join(slices.Sorted(maps.Keys(types)), ", ")
}

func minutes(d time.Duration) string {
	if d%time.Minute != 0 || d == 0 {
		return d.String()
	}
	return fmt.Sprintf("%d minutes", d/time.Minute)
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

func isCommit(s string) bool {
	return len(s) >= 40 && strings.Trim(s, "0123456789abcdef") == ""
}

// limited keeps at most 128 KiB of what a step prints for us to read.
func limited(b *bytes.Buffer) io.Writer { return &short{b} }

type short struct{ b *bytes.Buffer }

func (s *short) Write(p []byte) (int, error) {
	if room := 128<<10 - s.b.Len(); room > 0 {
		s.b.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}
