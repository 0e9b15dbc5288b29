package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type psExec struct {
	oneOff
	Dyno string `short:"d" default:"web.1" placeholder:"DYNO" help:"The dyno (${default})."`
}

// Run runs a command, or a shell, inside a dyno that runs already. Heroku's needs a buildpack for it; this does not.
func (c *psExec) Run(ctx context.Context, s *Session) error {
	in := runInside{Dyno: c.Dyno, oneOff: c.oneOff}
	if len(in.Command) == 0 {
		in.Command = []string{"bash"}
	}
	return in.Run(ctx, s)
}

type psCopy struct {
	appFlag
	Dyno   string `short:"d" default:"web.1" placeholder:"DYNO" help:"The dyno (${default})."`
	Output string `short:"o" placeholder:"FILE" help:"Where to put it; else a file of the same name here."`
	File   string `arg:"" help:"The file in the dyno, below /app unless it begins with /."`
}

// Run copies a file out of a dyno. A file that is here already is left alone.
func (c *psCopy) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	name := c.Output
	if name == "" {
		name = path.Base(c.File)
	}
	out, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if os.IsExist(err) {
		return complain("%s exists already. Say another name with --output.", name)
	} else if err != nil {
		return err
	}
	err = s.during(fmt.Sprintf("Copying %s from %s of %s", c.File, c.Dyno, app), func() (string, error) {
		return "", c.copy(ctx, s, h, app, out)
	})
	if err = errors.Join(err, out.Close()); err != nil {
		os.Remove(name)
	}
	return err
}

func (c *psCopy) copy(ctx context.Context, s *Session, h *heroku.Client, app string, out *os.File) error {
	command := (&oneOff{ExitCode: true}).marked("cat -- " + shellWord(c.File))
	d, err := h.RunInside(ctx, app, c.Dyno, heroku.DynoCreateOpts{Command: command, Attach: true, ForceNoTTY: true})
	if err != nil {
		return err
	}
	if d.AttachURL == nil {
		return errNoAddress
	}
	roots, err := s.roots()
	if err != nil {
		return err
	}
	conn, err := rendezvous(ctx, *d.AttachURL, roots, false)
	if err != nil {
		return err
	}
	defer conn.Close()
	status, err := output(out, conn)
	switch {
	case err != nil:
		return fmt.Errorf("copy %s: %w", c.File, err)
	case status < 0:
		return errors.New("the connection ended before the file did")
	case status > 0: // what came is what cat complains of
		why := make([]byte, 500)
		n, _ := out.ReadAt(why, 0)
		return complain("%s", strings.TrimSpace(string(why[:n])))
	}
	return nil
}
