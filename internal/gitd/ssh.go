package gitd

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"time"

	"github.com/cloister-dev/cloister"
)

// sshCommand is what a client of git runs at the other end of SSH.
var sshCommand = regexp.MustCompile(`^git[ -](upload-pack|receive-pack) '?/?([a-z0-9-]+)(?:\.git)?/?'?$`)

// A Stream is a client's end of a connection by SSH.
type Stream struct {
	In       io.Reader
	Out, Err io.Writer
	Protocol string // GIT_PROTOCOL of the client
}

// ServeSSH does what a client asks for by SSH, on behalf of somebody whose key it has, and returns the exit status. It is the
// same service as by HTTP: of a push, refs are advertised and then the rest is one request.
func (h *Handler) ServeSSH(ctx context.Context, actor cloister.Actor, command string, s Stream) int {
	err := h.serveSSH(ctx, actor, command, s)
	if err == nil {
		return 0
	}
	if cloister.KindOf(err) == cloister.Internal && ctx.Err() == nil {
		h.log.Error("git by SSH failed", "command", command, "user", actor.User.Email, "err", err)
	}
	io.WriteString(s.Err, failure(cloister.MessageOf(err)))
	return 128 // as git itself
}

func (h *Handler) serveSSH(ctx context.Context, actor cloister.Actor, command string, s Stream) error {
	m := sshCommand.FindStringSubmatch(command)
	if m == nil || cloister.ValidAppName(m[2]) != nil {
		return cloister.Errorf(cloister.Invalid, "Only git is served here. The address of an app's repository is ssh://git@HOST:PORT/APP.git, with the app's name in lower case.")
	}
	t := target{app: m[2], service: "git-" + m[1]}
	app, repo, err := h.repository(ctx, actor, t)
	if err != nil {
		return err
	}
	if t.service == uploadPack {
		return h.uploadSSH(ctx, repo, s)
	}
	w := &streamed{out: s.Out, header: http.Header{}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/", s.In)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-"+receivePack+"-request")
	r.Header.Set("Git-Protocol", s.Protocol)
	t.bare = true
	if err := h.advertise(w, r, t, repo); err != nil {
		return err
	}
	return h.receive(w, r, actor, app, repo)
}

// uploadSSH sends what a client fetches, of whom one connection asks as often as it takes.
func (h *Handler) uploadSSH(ctx context.Context, repo repository, s Stream) error {
	select {
	case h.reads <- struct{}{}:
		defer func() { <-h.reads }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stuck := time.AfterFunc(stuckAfter, cancel) // or whoever says nothing would keep others from fetching
	defer stuck.Stop()
	c := h.command(ctx, repo, "upload-pack", "--strict", string(repo))
	if protocolHeader.MatchString(s.Protocol) {
		c.Env = append(c.Env, "GIT_PROTOCOL="+s.Protocol)
	}
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	c.Stdout = io.MultiWriter(s.Out, alive{stuck})
	if err := c.Start(); err != nil {
		return err
	}
	go func() { // ends with the connection
		io.Copy(in, io.TeeReader(&limited{r: s.In, left: maxRequest, max: maxRequest}, alive{stuck}))
		in.Close()
	}()
	h.note(ctx, "fetch by SSH went wrong", repo, c.wait())
	return nil
}

// alive is told what goes to and fro, and puts off the end by that.
type alive struct{ *time.Timer }

func (a alive) Write(b []byte) (int, error) {
	a.Reset(stuckAfter)
	return len(b), nil
}

// A streamed answer is one by SSH, which has no head.
type streamed struct {
	out    io.Writer
	header http.Header
}

func (s *streamed) Header() http.Header         { return s.header }
func (s *streamed) WriteHeader(int)             {}
func (s *streamed) Flush()                      {}
func (s *streamed) Write(b []byte) (int, error) { return s.out.Write(b) }
