package gitd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/logs"
)

// build has a commit built, and tells of it in the words that people know from Heroku.
func (p *push) build(ctx context.Context, conn net.Conn, commit string) error {
	show := func(format string, args ...any) { fmt.Fprintf(text{conn}, format, args...) }
	show("\nCompressing source files... ")
	if err := writeFrame(conn, frameSource, []byte(commit)); err != nil {
		return err
	}
	var info about
	if err := expect(conn, frameAbout, &info); err != nil {
		return err
	}
	if err := validSubmodules(info.Submodules); err != nil {
		return err
	}
	source := &archive{conn: conn, left: p.h.config.MaxSource, max: p.h.config.MaxSource}
	id, err := p.h.platform.StartBuild(ctx, p.actor, p.app.ID,
		Push{Commit: commit, Message: info.Message, Source: source, Submodules: info.Submodules})
	if source.err != nil && source.err != io.EOF {
		err = source.err // the true cause of whatever the platform made of it
	}
	if err != nil {
		return err
	}
	show("done.\nBuilding source:\n\n")

	// The hook says nothing any more. When it ends before it is told to, the person who pushed is gone.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	gone := func() { cancel(errors.New("the push was broken off")) }
	p.watch.Go(func() {
		io.Copy(io.Discard, conn)
		gone()
	})
	out, err := p.h.platform.WaitBuild(ctx, p.actor, p.app.ID, id, logs.CleanWriter(audience{text{conn}, gone}))
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	case !out.Succeeded:
		if out.Message != "" {
			show("\n%s\n%s", failure(logs.Clean(out.Message)), failure("Push failed"))
		}
		show("\nVerifying deploy...\n\n!       Push rejected to %s.\n\n", p.app.Name)
		return errShown
	}
	show("Verifying deploy... done.\n")
	if out.Release == "" {
		return nil
	}
	show("Running release command...\n\n")
	ok, err := p.h.platform.WaitRelease(ctx, p.actor, p.app.ID, out.Release, logs.CleanWriter(audience{text{conn}, gone}))
	switch {
	case err != nil: // it is built, and the release goes on without us
		show("\nThe release goes on. Follow it with `heroku releases:output`.\n")
	case ok:
		show("Waiting for release.... done.\n")
	default:
		show("Waiting for release.... failed.\n")
	}
	return nil
}

// An audience gets the output. When it can not be written to, it is gone, and that is known before anybody wonders
// about the error.
type audience struct {
	io.Writer
	gone func()
}

func (a audience) Write(p []byte) (int, error) {
	n, err := a.Writer.Write(p)
	if err != nil {
		a.gone()
	}
	return n, err
}

// An archive is the tar archive that the hook sends.
type archive struct {
	conn      net.Conn
	rest      []byte // of the last frame
	left, max int64
	err       error
}

func (a *archive) Read(p []byte) (int, error) {
	for len(a.rest) == 0 && a.err == nil {
		a.rest, a.err = a.next()
	}
	if len(a.rest) == 0 {
		return 0, a.err
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

func (a *archive) next() ([]byte, error) {
	kind, content, err := readFrame(a.conn)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read source from hook: %w", noEOF(err))
	case kind == frameDone:
		return nil, io.EOF
	case kind == frameBroken:
		return nil, cloister.Errorf(cloister.Invalid, "%s", content)
	case kind != frameData:
		return nil, fmt.Errorf("read source from hook: frame %q came", kind)
	}
	if a.left -= int64(len(content)); a.left < 0 {
		return nil, cloister.Errorf(cloister.TooLarge, "The files of this commit take more than %d MB, which is the limit for a build. Remove large files with `git rm`.", a.max>>20)
	}
	return content, nil
}

// noEOF makes sure that a broken stream does not look like one that is complete.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
