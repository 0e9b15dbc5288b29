package gitd

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/cloister-dev/cloister"
)

// receive takes a push. It ends when git has, and git when the hook has: at the end of the build.
func (h *Handler) receive(w http.ResponseWriter, r *http.Request, actor cloister.Actor, app cloister.App, repo repository) error {
	const more = 1 << 20 // git's own limit is for the pack alone, and has the better message
	q, err := open(w, r, receivePack, h.config.MaxPush+more)
	if err != nil {
		return err
	}
	buffered := bufio.NewReader(q)
	commands, err := readCommands(buffered, h.config.MaxRefs)
	if err != nil {
		return complain(w, q, commands, err)
	}
	if err := h.room(); err != nil {
		return complain(w, q, commands, err)
	}
	select {
	case h.pushes <- struct{}{}:
		defer func() { <-h.pushes }()
	default:
		return complain(w, q, commands, cloister.Errorf(cloister.Unavailable, "Too many pushes are going on. Try again in a few minutes."))
	}
	defer h.quarantines.enter(repo)()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	p, err := h.listen(ctx, actor, app, repo)
	if err != nil {
		return err
	}
	defer p.close()
	c := h.command(ctx, repo, "receive-pack", "--stateless-rpc", string(repo))
	c.Env = append(c.Env, "GIT_PROTOCOL="+protocol(r), socketVariable+"="+p.path(), secretVariable+"="+p.secret.Reveal())
	began := time.Now()
	ended, copied, err := exchange(c, w, io.MultiReader(bytes.NewReader(commands), buffered), q, receivePack)
	if err != nil {
		return err
	}
	done := p.end()
	if r.Context().Err() != nil {
		h.log.Info("push was abandoned", "app", app.ID, "user", actor.User.Email, "took", time.Since(began))
	}
	h.note(r.Context(), "push went wrong", repo, ended, copied)
	if done.accepted {
		h.pushed(context.WithoutCancel(r.Context()), actor, app, repo, done.built)
		h.log.Info("push was taken", "app", app.ID, "user", actor.User.Email, "built", done.built, "took", time.Since(began))
	}
	return nil
}

// complain refuses a push in the way in which git shows it: here it hides the text of an HTTP error. When the client
// can not be told so, it returns err.
func complain(w http.ResponseWriter, q *request, commands []byte, err error) error {
	if !bytes.Contains(commands, []byte("side-band-64k")) || cloister.KindOf(err) == cloister.Internal {
		return err
	}
	q.drain()
	noCache(w.Header())
	w.Header().Set("Content-Type", "application/x-"+receivePack+"-result")
	newAnswer(w).Write([]byte(pktLine("\x03" + failure(cloister.MessageOf(err)))))
	return nil
}

// pushed does what is to be done after a repository has changed. None of it can undo the push.
func (h *Handler) pushed(ctx context.Context, actor cloister.Actor, app cloister.App, repo repository, built string) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if built != "" {
		if _, err := h.command(ctx, repo, "symbolic-ref", "HEAD", built).output(); err != nil {
			h.log.Warn("HEAD was not moved", "app", app.ID, "to", built, "error", err)
		}
	}
	size, err := repo.size()
	if err == nil {
		err = h.platform.Pushed(ctx, actor, app.ID, size)
	}
	if err != nil {
		h.log.Warn("size of repository was not noted", "app", app.ID, "error", err)
	}
	h.tidy(repo)
}
