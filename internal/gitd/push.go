package gitd

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/cloister-dev/cloister"
)

// The environment variables that tell the hook where the server is and how to prove that it belongs to this push.
const (
	socketVariable = "CLOISTER_PUSH_SOCKET"
	secretVariable = "CLOISTER_PUSH_SECRET"
)

// A push is one push that goes on: the server's end of the socket that its hook connects to.
type push struct {
	h      *Handler
	actor  cloister.Actor
	app    cloister.App
	repo   repository
	secret cloister.Secret
	socket *net.UnixListener
	cancel context.CancelFunc
	closed sync.Once
	served chan struct{} // closed when nobody serves the hook any more
	watch  sync.WaitGroup

	leave    func() // gives the turn back; nil when it has none. Written before served is closed
	accepted bool   // the hook was told to let the push pass
	built    string // the ref that was built
}

// listen makes the socket of a push, and serves the one hook that connects to it.
func (h *Handler) listen(ctx context.Context, actor cloister.Actor, app cloister.App, repo repository) (*push, error) {
	path := socketPath(h.config.Sockets)
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen for hook: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for hook: %w", err), socket.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &push{h: h, actor: actor, app: app, repo: repo, secret: cloister.NewToken(), socket: socket,
		cancel: cancel, served: make(chan struct{})}
	go func() {
		defer close(p.served)
		p.serve(ctx)
	}()
	return p, nil
}

// socketPath is a new name for a socket, always of the same length.
func socketPath(dir string) string {
	return filepath.Join(dir, cloister.NewToken().Reveal()[:16]+".push")
}

func socketPattern(dir string) string { return filepath.Join(dir, "*.push") }

func (p *push) path() string { return p.socket.Addr().String() }

// A result is how a push ended, as far as the hook knows: git may still have refused a ref after it.
type result struct {
	accepted bool
	built    string
}

// end waits until nobody serves the hook any more, which must have ended, and returns what became of the push.
func (p *push) end() result {
	p.socket.Close()
	<-p.served
	return result{accepted: p.accepted, built: p.built}
}

// close gives up everything that belongs to the push, and lets the next one to the same app have its turn. It comes
// after git has ended, since only then the branch has moved.
func (p *push) close() {
	p.closed.Do(func() {
		p.cancel()
		p.end()
		if p.leave != nil {
			p.leave()
		}
	})
}

// serve talks to the hook.
func (p *push) serve(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { p.socket.Close() })
	defer stop()
	conn, err := p.socket.Accept()
	if err != nil {
		return // the push ended before its hook ran
	}
	defer p.watch.Wait()
	defer conn.Close()
	stopConn := context.AfterFunc(ctx, func() { conn.Close() })
	defer stopConn()
	var in hello
	if err := expect(conn, frameHello, &in); err != nil {
		p.h.log.Warn("hook was not understood", "app", p.app.ID, "error", err)
		return
	}
	if subtle.ConstantTimeCompare([]byte(in.Secret), []byte(p.secret.Reveal())) != 1 {
		p.h.log.Warn("somebody without the secret connected to a push", "app", p.app.ID)
		return
	}
	status := byte(0)
	if err := p.handle(ctx, conn, in.Updates); err != nil {
		status = 1
		if !errors.Is(err, errShown) {
			if cloister.KindOf(err) == cloister.Internal && ctx.Err() == nil {
				p.h.log.Error("push was not served", "app", p.app.ID, "error", err)
			}
			io.WriteString(text{conn}, "\n"+failure(cloister.MessageOf(err))+"\n")
		}
	}
	// Accepted before the hook knows: it may be told, let git go on, and end before this goes on.
	p.accepted = status == 0
	if err := writeFrame(conn, frameExit, []byte{status}); err != nil {
		p.accepted = false
	}
}

// errShown is a refusal that the person who pushes has been told of already.
var errShown = errors.New("push was refused")

// handle decides about a push and does what it asks for. An error refuses it.
func (p *push) handle(ctx context.Context, conn net.Conn, updates []update) error {
	head, err := p.h.head(ctx, p.repo)
	if err != nil {
		return err
	}
	v, err := judge(updates, head)
	if err != nil {
		return err
	}
	if err := p.h.roomForRefs(ctx, p.repo, updates); err != nil {
		return err
	}
	if v.skipped {
		io.WriteString(text{conn}, "Pushed to non-master branch, skipping build.\n")
	}
	if v.build == nil {
		return nil
	}
	p.leave, err = p.h.queue.enter(ctx, p.app.ID, func() {
		io.WriteString(text{conn}, "Another push to this app is being built. Waiting for it to finish...\n")
	})
	if err != nil {
		return err
	}
	now, err := p.h.tip(ctx, p.repo, v.build.Ref)
	if err != nil {
		return err
	}
	if now != v.build.Old {
		return cloister.Errorf(cloister.Conflict, "Somebody else has pushed meanwhile. Look at their change with `git fetch`, then push again.")
	}
	if err := p.build(ctx, conn, v.build.New); err != nil {
		return err
	}
	p.built = v.build.Ref
	return nil
}

// roomForRefs refuses a push that would make a repository of more refs than anybody can list.
func (h *Handler) roomForRefs(ctx context.Context, repo repository, updates []update) error {
	creates := false
	for _, u := range updates {
		creates = creates || u.Old == zero
	}
	if !creates {
		return nil
	}
	most := 10 * h.config.MaxRefs
	out, err := h.command(ctx, repo, "for-each-ref", "--format=.", fmt.Sprintf("--count=%d", most)).output()
	if err != nil {
		return err
	}
	if len(out)/2+1 >= most { // a dot and a newline each
		return cloister.Errorf(cloister.Invalid, "The repository has %d branches and tags, which is the limit. Delete some first.", most)
	}
	return nil
}

// text shows what is written to it to the person who pushes.
type text struct{ conn io.Writer }

func (t text) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), 32<<10)
		if err := writeFrame(t.conn, frameText, rest[:n]); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(p), nil
}
