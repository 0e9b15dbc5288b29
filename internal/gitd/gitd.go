package gitd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/cloister-dev/cloister"
)

// A Platform is what git needs to know and to have done.
type Platform interface {
	// Authenticate finds out whose token it is that was shown from an address. Unauthorized if nobody's.
	Authenticate(ctx context.Context, from string, token cloister.Secret) (cloister.Actor, error)
	// Repository finds the app that the actor may read, or write. NotFound or Forbidden otherwise.
	Repository(ctx context.Context, actor cloister.Actor, appName string, write bool) (cloister.App, error)
	// StartBuild reads the source to its end, keeps it, and starts a build of it.
	StartBuild(ctx context.Context, actor cloister.Actor, appID string, in Push) (buildID string, err error)
	// WaitBuild writes the build's output to out until the build has failed, or has succeeded and was released, which
	// the output says too.
	// When ctx is done first, the person who pushed has gone: it cancels the build and returns ctx's error.
	WaitBuild(ctx context.Context, actor cloister.Actor, appID, buildID string, out io.Writer) (Outcome, error)
	// WaitRelease writes the output of a release command to out, and reports whether it succeeded.
	WaitRelease(ctx context.Context, actor cloister.Actor, appID, releaseID string, out io.Writer) (bool, error)
	// Pushed notes the size of an app's repository in bytes, after it has changed.
	Pushed(ctx context.Context, actor cloister.Actor, appID string, repoSize int64) error
}

// A Push is what somebody wants to have built.
type Push struct {
	Commit     string
	Message    string    // the first line of the commit's message
	Source     io.Reader // a tar archive of the commit's files; an error when the push broke off or is too big
	Submodules []cloister.Submodule
}

// An Outcome is how a build ended.
type Outcome struct {
	Succeeded bool
	Release   string // id of the release that it made, if that has a release command
	Message   string // when it failed: why, in a line that the output does not have yet
}

// Config says where repositories are and what they may grow to.
type Config struct {
	Dir     string // required: bare repositories, by app id
	Hook    string // required: absolute path of the cloister binary, run as `<binary> hook pre-receive`
	Sockets string // required: a directory with a short path, for a socket during each push

	MaxPush   int64 // bytes of one push; default 1 GB
	MaxSource int64 // bytes of the files of one commit; default 1 GB
	MaxRefs   int   // in one push; ten times as many in a repository; default 1000
	Pushes    int   // at once; default 64
	Reads     int   // clones and fetches that are prepared at once; default 16

	// Room tells why there is no room for a push, or nil. A nil Room is always nil.
	Room func() error
}

// Handler serves all repositories.
type Handler struct {
	config      Config
	platform    Platform
	log         *slog.Logger
	git         string // path of git
	queue       *queue
	quarantines quarantines
	pushes      chan struct{} // one value for each push that goes on
	reads       chan struct{}
	tidying     sync.Mutex
	stop        chan struct{} // closed by Close
	wg          sync.WaitGroup
}

// New prepares the directories and the hook and returns the handler, for requests that Match.
func New(c Config, p Platform, log *slog.Logger) (*Handler, error) {
	if c.Dir == "" || c.Sockets == "" || !filepath.IsAbs(c.Hook) {
		return nil, errors.New("serve git: a directory for repositories, one for sockets and the hook's absolute path are required")
	}
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("serve git: %w", err)
	}
	or(&c.MaxPush, 1<<30)
	or(&c.MaxSource, 1<<30)
	or(&c.MaxRefs, 1000)
	or(&c.Pushes, 64)
	or(&c.Reads, 16)
	for _, dir := range []*string{&c.Dir, &c.Sockets} {
		if *dir, err = filepath.Abs(*dir); err != nil {
			return nil, fmt.Errorf("serve git: %w", err)
		}
		if err := os.MkdirAll(*dir, 0o700); err != nil {
			return nil, fmt.Errorf("serve git: %w", err)
		}
	}
	if n := len(socketPath(c.Sockets)); n > 104 { // what sockaddr_un holds, on every system
		return nil, fmt.Errorf("serve git: the path of the sockets' directory is %d bytes too long", n-104)
	}
	h := &Handler{config: c, platform: p, log: log, git: git, queue: newQueue(), stop: make(chan struct{}),
		pushes: make(chan struct{}, c.Pushes), reads: make(chan struct{}, c.Reads)}
	h.cleanUp()
	if err := h.installHook(); err != nil {
		return nil, fmt.Errorf("serve git: %w", err)
	}
	return h, nil
}

// Close ends the work in the background. Requests must have ended before.
func (h *Handler) Close() {
	close(h.stop)
	h.wg.Wait()
}

// cleanUp removes what an earlier process left behind when it was killed.
func (h *Handler) cleanUp() {
	for _, pattern := range []string{socketPattern(h.config.Sockets), filepath.Join(h.config.Dir, "new-*")} {
		left, _ := filepath.Glob(pattern)
		for _, path := range left {
			os.RemoveAll(path)
		}
	}
}

// ServeHTTP serves one request of a git client.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t, ok := parse(r)
	if !ok {
		refuse(w, cloister.Errorf(cloister.NotFound, "There is nothing here. The address of an app's repository is https://HOST/APP.git, with the app's name in lower case."))
		return
	}
	if err := h.serve(w, r, t); err != nil {
		if cloister.KindOf(err) == cloister.Internal && r.Context().Err() == nil {
			h.log.Error("git request went wrong", "app", t.app, "service", t.service, "error", err)
		}
		refuse(w, err)
	}
}

// serve answers, or returns the error that is the answer. Once it has begun to answer it returns nil.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, t target) error {
	actor, err := h.authenticate(r)
	if err != nil {
		return err
	}
	app, repo, err := h.repository(r.Context(), actor, t)
	if err != nil {
		return err
	}
	switch t.what {
	case "HEAD":
		return h.serveHead(w, r, repo)
	case "info/refs":
		return h.advertise(w, r, t, repo)
	case uploadPack:
		return h.upload(w, r, repo)
	default:
		return h.receive(w, r, actor, app, repo)
	}
}

// repository finds what somebody asks for, if they may.
func (h *Handler) repository(ctx context.Context, actor cloister.Actor, t target) (cloister.App, repository, error) {
	app, err := h.platform.Repository(ctx, actor, t.app, t.service == receivePack)
	if cloister.KindOf(err) == cloister.NotFound {
		err = cloister.Errorf(cloister.NotFound, "No such app as %s. Look for a mistake in the name with `git remote -v`, or create the app with `heroku create %s`.", t.app, t.app)
	}
	if err == nil && t.service == receivePack && t.what != receivePack { // a push begins
		err = h.room()
	}
	if err != nil {
		return app, "", err
	}
	repo, err := h.open(ctx, app.ID)
	return app, repo, err
}

// room tells why no push can be taken now: git itself would only say that it could not unpack.
func (h *Handler) room() error {
	if h.config.Room == nil {
		return nil
	}
	return h.config.Room()
}

func or[T int | int64](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
