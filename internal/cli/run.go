package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/cloister-dev/cloister/internal/cli/term"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// oneOff is a command for a one-off dyno. Its flags may stand before or, as Heroku's users write them, inside and
// after the command, up to "--".
type oneOff struct {
	appFlag
	Env      string   `short:"e" placeholder:"K=V;K=V" help:"More environment variables."`
	Size     string   `short:"s" placeholder:"SIZE" help:"The dyno's size."`
	Type     string   `placeholder:"TYPE" help:"Run as this process type."`
	ExitCode bool     `short:"x" name:"exit-code" help:"End with the command's exit status."`
	NoTTY    bool     `name:"no-tty" help:"Give the command no terminal."`
	Command  []string `arg:"" optional:"" passthrough:"" help:"The command."`
}

// words are the command, after the flags inside it have been taken out.
func (c *oneOff) words() ([]string, error) {
	values := map[string]*string{"-a": &c.App, "--app": &c.App, "-r": &c.Remote, "--remote": &c.Remote, "-s": &c.Size,
		"--size": &c.Size, "--type": &c.Type, "-e": &c.Env, "--env": &c.Env}
	flags := map[string]*bool{"-x": &c.ExitCode, "--exit-code": &c.ExitCode, "--no-tty": &c.NoTTY}
	var words []string
	for args := c.Command; len(args) > 0; {
		arg := args[0]
		args = args[1:]
		name, value, attached := strings.Cut(arg, "=")
		switch {
		case arg == "--":
			words = append(words, args...)
			args = nil
		case flags[arg] != nil:
			*flags[arg] = true
		case values[name] != nil && attached && strings.HasPrefix(name, "--"):
			*values[name] = value
		case values[arg] != nil && len(args) > 0:
			*values[arg] = args[0]
			args = args[1:]
		default:
			words = append(words, arg)
		}
	}
	if len(words) == 0 {
		return nil, complain("Usage: cloister run COMMAND\n\nExample: cloister run bash")
	}
	return words, nil
}

// commandLine joins words for the shell that runs the command. A single word is taken as a whole command line.
func commandLine(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if w == "" || strings.ContainsAny(w, " \t\n\"'\\$`") {
			quoted[i] = shellWord(w)
		}
	}
	return strings.Join(quoted, " ")
}

// shellWord is w as any shell reads it back.
func shellWord(w string) string { return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'" }

// marked is command with a line at the end of its output by which the exit status becomes known, if it is asked for.
func (c *oneOff) marked(command string) string {
	if c.ExitCode {
		command += " ; echo \"" + exitMark + "$?\""
	}
	return command
}

// options are what is asked for.
func (c *oneOff) options(s *Session, command string, attach bool) heroku.DynoCreateOpts {
	env := heroku.Env{"TERM": first(s.getenv("TERM"), "dumb")}
	if columns, rows := s.Term.Size(); columns > 0 && !c.NoTTY {
		env["COLUMNS"], env["LINES"] = strconv.Itoa(columns), strconv.Itoa(rows)
	}
	for pair := range strings.SplitSeq(c.Env, ";") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			env[strings.TrimSpace(k)] = v
		}
	}
	return heroku.DynoCreateOpts{Command: command, Attach: attach, Env: env, Size: c.Size, Type: c.Type,
		ForceNoTTY: attach && (c.NoTTY || !term.IsTerminal(s.Term.In))}
}

// create asks for the dyno.
func (c *oneOff) create(ctx context.Context, s *Session, h *heroku.Client, app, command string, attach bool) (heroku.Dyno, error) {
	in := c.options(s, command, attach)
	d, err := h.CreateDyno(ctx, app, in)
	for try := 0; heroku.StatusOf(err) == 409 && try < 2; try++ { // the release is not ready yet
		d, err = h.CreateDyno(ctx, app, in)
	}
	return d, err
}

var errNoAddress = errors.New("the server gave no address to attach to")

type run struct{ oneOff }

// Run runs a command in a one-off dyno and connects it with this terminal.
func (c *run) Run(ctx context.Context, s *Session) error {
	return c.attached(ctx, s, "on ", func(h *heroku.Client, app, command string) (heroku.Dyno, error) {
		return c.create(ctx, s, h, app, command, true)
	})
}

// attached asks for a dyno that runs the command, and connects this terminal with it.
func (c *oneOff) attached(ctx context.Context, s *Session, where string, ask func(h *heroku.Client, app, command string) (heroku.Dyno, error)) error {
	words, err := c.words()
	if err != nil {
		return err
	}
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	command := commandLine(words)
	a := s.Term.Start("Running %s %s%s", command, where, app)
	d, err := ask(h, app, c.marked(command))
	if err == nil && d.AttachURL == nil {
		err = errNoAddress
	}
	if err != nil {
		a.Failed(err)
		return err
	}
	return c.connect(ctx, s, h, app, d, a)
}

// connect connects this terminal with the command of a dyno until the command ends.
func (c *oneOff) connect(ctx context.Context, s *Session, h *heroku.Client, app string, d heroku.Dyno, a *term.Action) error {
	a.Status("starting, %s", d.Name)
	roots, err := s.roots()
	if err != nil {
		a.Failed(err)
		return err
	}
	conn, err := rendezvous(ctx, *d.AttachURL, roots, false)
	if err != nil {
		a.Failed(err)
		return err
	}
	defer conn.Close()
	a.End("up, %s (%s)", d.Name, d.Size)
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		s.Term.Windows(watching, func(columns, rows int) { // a server that cannot do it leaves the size as it was
			h.ResizeDyno(watching, app, d.ID, heroku.Window{Columns: heroku.Pointer(heroku.Int(columns)), Lines: heroku.Pointer(heroku.Int(rows))})
		})
	})
	status, err := s.attach(ctx, conn, c.NoTTY)
	stop()
	watch.Wait()
	switch {
	case err != nil:
		return err
	case status < 0 && conn.closes: // such a server tells the status always
		return errBroken
	case !c.ExitCode:
		return nil
	case status < 0:
		return errors.New("the connection ended before the command told its exit status")
	case status > 0:
		return exitStatus(status)
	}
	return nil
}

type runInside struct {
	Dyno string `arg:"" help:"The dyno, such as web.1."`
	oneOff
}

// Run runs a command inside a dyno that runs already and connects it with this terminal.
func (c *runInside) Run(ctx context.Context, s *Session) error {
	return c.attached(ctx, s, "inside "+c.Dyno+" of ", func(h *heroku.Client, app, command string) (heroku.Dyno, error) {
		return h.RunInside(ctx, app, c.Dyno, c.options(s, command, true))
	})
}

type runDetached struct{ oneOff }

// Run starts a command in a one-off dyno and leaves it alone.
func (c *runDetached) Run(ctx context.Context, s *Session) error {
	words, err := c.words()
	if err != nil {
		return err
	}
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	var d heroku.Dyno
	err = s.during("Running "+commandLine(words)+" on "+app, func() (_ string, err error) {
		d, err = c.create(ctx, s, h, app, commandLine(words), false)
		return d.Name, err
	})
	if err != nil {
		return err
	}
	s.Term.Line("Run cloister logs --app %s --dyno %s to view the output.", app, d.Name)
	return nil
}
