package build

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// Space is the id of the space that builds run in, and the owner of their workloads.
const Space = "builds"

// Paths inside a sandbox. Scratch space, of a hard size, is all of /tmp.
const (
	scratchPath = "/tmp"
	cachePath   = "/cache"
	cacheDir    = cachePath + "/app" // a volume may have a lost+found at its top
	toolDir     = scratchPath + "/cloister"
	runnerPath  = toolDir + "/runner.sh"
	caPath      = toolDir + "/ca-certificates.crt"
)

//go:embed script/runner.sh
var runner []byte

// caVariables point the tools of a build at the bundle of certificates.
var caVariables = []string{"SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "PIP_CERT",
	"REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO", "BUNDLE_SSL_CA_CERT", "npm_config_cafile"}

// A sandbox is the workload of one build. It idles; each step of the build is run in it by Exec.
type sandbox struct {
	engine  engine.Engine
	id      string
	scratch string // id of its volume
}

// openSandbox starts the sandbox of a job and puts the runner into it.
func (b *Builder) openSandbox(ctx context.Context, job Job) (_ *sandbox, err error) {
	if err := b.engine.EnsureSpace(ctx, b.config.Space); err != nil {
		return nil, fmt.Errorf("make the network of builds: %w", err)
	}
	// An id runs once, ever. The build of a server that died is run again under another one.
	id := "build-" + job.BuildID + "-" + cloister.NewID()[:8]
	box := &sandbox{engine: b.engine, id: id, scratch: "scratch-" + id}
	env := map[string]string{
		"PATH": buildPath, "HOME": appDir, "LANG": "C.UTF-8", "DYNO": "build.1", "STACK": job.Stack.Name,
		"REQUEST_ID": job.BuildID, "SOURCE_VERSION": job.Version, "BUILDPACK_LOG_FILE": "/dev/null",
		"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "http:https",
	}
	for k, v := range b.config.Env {
		env[k] = v
	}
	bundle := b.bundle()
	if bundle != nil {
		for _, name := range caVariables {
			env[name] = caPath
		}
	}
	b.hold(id)
	defer func() {
		if err != nil {
			b.closeSandbox(ctx, box)
		}
	}()
	err = b.engine.Start(ctx, engine.Workload{
		ID: id, Owner: Space, Space: b.config.Space.ID, Subnet: engine.Dynos, Zone: job.Zone, Image: job.Stack.BuildImage,
		Command: []string{"sleep", "infinity"}, Env: env, Dir: "/", Size: job.Limits, Hostname: "build",
		Volumes: []engine.Volume{
			{ID: box.scratch, Path: scratchPath, Size: b.config.Scratch},
			{ID: cacheVolume(job.AppID), Path: cachePath, Size: b.config.Cache},
		},
		Labels: map[string]string{"build": job.BuildID, "app": job.AppID},
	})
	if err != nil {
		return nil, fmt.Errorf("start the sandbox: %w", err)
	}
	if err := box.await(ctx); err != nil {
		return nil, err
	}
	files := map[string]file{"runner.sh": {data: runner, mode: 0o755}}
	if bundle != nil {
		files["ca-certificates.crt"] = file{data: bundle, mode: 0o644}
	}
	if err := box.write(ctx, toolDir, files); err != nil {
		return nil, fmt.Errorf("put the runner into the sandbox: %w", err)
	}
	return box, nil
}

// bundle is the machine's bundle of certificates, or nil if builds need none.
func (b *Builder) bundle() []byte {
	if b.config.CABundle == "" {
		return nil
	}
	data, err := os.ReadFile(b.config.CABundle)
	if err != nil {
		b.log.Warn("certificates for builds could not be read", "file", b.config.CABundle, "error", err)
		return nil
	}
	return data
}

// closeSandbox leaves nothing of a sandbox behind but the app's cache. It does so also when ctx is done.
func (b *Builder) closeSandbox(ctx context.Context, box *sandbox) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	defer b.letGo(box.id)
	err := b.engine.Drop(ctx, box.id)
	if err == nil {
		err = b.engine.DropVolume(ctx, box.scratch)
	}
	if err != nil && cloister.KindOf(err) != cloister.NotFound {
		b.log.Error("sandbox was not removed", "workload", box.id, "error", err)
	}
}

// await returns when the sandbox runs.
func (s *sandbox) await(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := s.engine.Events(ctx)
	tick := time.NewTicker(250 * time.Millisecond) // events are hints, and may be lost
	defer tick.Stop()
	for {
		all, err := s.engine.List(ctx, Space)
		if err != nil {
			return fmt.Errorf("look for the sandbox: %w", err)
		}
		for _, w := range all {
			switch {
			case w.ID != s.id:
			case w.Phase == engine.Running:
				return nil
			case w.Phase == engine.Exited:
				return fmt.Errorf("the sandbox exited at once, with status %d", w.ExitStatus)
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case _, open := <-events:
			if !open {
				events = nil
			}
		case <-tick.C:
		}
	}
}

// step runs a step of the runner. What it prints goes to out and errs; nil is nowhere.
func (s *sandbox) step(ctx context.Context, in io.Reader, out, errs io.Writer, args ...string) (exit int, err error) {
	return s.exec(ctx, in, out, errs, append([]string{runnerPath}, args...)...)
}

func (s *sandbox) exec(ctx context.Context, in io.Reader, out, errs io.Writer, command ...string) (int, error) {
	exit, err := s.engine.Exec(ctx, s.id, engine.Process{Command: command}, engine.Terminal{In: in, Out: out, Err: errs})
	if ctx.Err() != nil {
		return exit, context.Cause(ctx)
	}
	if err != nil {
		return exit, fmt.Errorf("run %s in the sandbox: %w", command[min(1, len(command)-1)], err)
	}
	return exit, nil
}

// unpack streams into dir the tar that write writes. If both ends fail, the writer's error tells why.
func (s *sandbox) unpack(ctx context.Context, dir string, write func(io.Writer) error, command ...string) error {
	r, w := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		err := write(w)
		w.CloseWithError(err)
		wrote <- err
	}()
	var said bytes.Buffer
	exit, err := s.exec(ctx, r, nil, &said, command...)
	r.CloseWithError(errSandboxDone)
	switch werr := <-wrote; {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case werr != nil && !errors.Is(werr, errSandboxDone):
		return werr
	case err != nil:
		return err
	case exit != 0:
		return cloister.Errorf(cloister.Invalid, "The files could not be unpacked: %s", tail(said.Bytes(), 500))
	}
	return nil
}

var errSandboxDone = errors.New("the sandbox reads no more")

// A file is one to be put into the sandbox.
type file struct {
	data []byte
	mode int64
}

// write puts files into dir, without the help of the runner.
func (s *sandbox) write(ctx context.Context, dir string, files map[string]file) error {
	return s.unpack(ctx, dir, func(w io.Writer) error {
		out := tar.NewWriter(w)
		for name, f := range files {
			h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: f.mode, Size: int64(len(f.data)), ModTime: stackDate}
			if err := out.WriteHeader(h); err != nil {
				return err
			}
			if _, err := out.Write(f.data); err != nil {
				return err
			}
		}
		return out.Close()
	}, "/bin/bash", "-c", `mkdir -p "$1" && tar --extract --file=- --directory="$1" --no-same-owner`, "bash", dir)
}

// writeTree puts a directory of ours, such as a bundled buildpack, into dir. Everything in bin may be executed.
func (s *sandbox) writeTree(ctx context.Context, dir string, tree fs.FS) error {
	files := map[string]file{}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(tree, name)
		files[name] = file{data: data, mode: 0o755}
		return err
	})
	if err != nil {
		return err
	}
	return s.write(ctx, dir, files)
}

func cacheVolume(appID string) string { return "cache-" + appID }
