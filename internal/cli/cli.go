// Package cli is the command line of Cloister: Heroku's commands, under Heroku's names, in Heroku's words, for a server
// that speaks the Heroku Platform API.
//
// A command is a struct whose fields are its flags and whose Run does the work: it asks the server by package heroku
// and prints by package term. The package knows nothing of how the server works, imports none of it, and decides
// nothing that the server decides: it builds for every system that has a terminal.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kong"
)

// Options are what a command line has around it. Only Args' meaning is the package's own.
type Options struct {
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
	Getenv  func(string) string
	Environ func() []string // for the programs it starts
	Dir     string          // the working directory; "" is the process's own
	Now     func() time.Time
	Version string

	Server []ServerCommand                   // commands of the server, which take their own arguments
	Checks func(ctx context.Context) []Check // what doctor finds out about this machine; may be nil

	// Isolation attacks the spaces of this machine's server and tells of each attack; nil where there can be no server.
	Isolation func(ctx context.Context, only []string, told func(Attack)) error
}

// A ServerCommand is a command whose arguments belong to somebody else.
type ServerCommand struct {
	Name string
	Help string
	Run  func(ctx context.Context, args []string) error
}

// Main runs one command line, without the program's name, and returns the exit status: 0, 1 for whatever went wrong,
// or the status of a command that has its own.
func Main(ctx context.Context, args []string, o Options) int {
	s := newSession(o)
	if len(args) > 0 {
		for _, c := range o.Server {
			if c.Name == args[0] {
				return s.exit(ctx, c.Run(ctx, args[1:]))
			}
		}
	}
	return s.exit(ctx, s.run(ctx, args))
}

// An exitStatus ends the program with a status of its own, and without a message.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// A complaint is an error in words for the person who typed the command: they are printed as they are.
type complaint string

func (c complaint) Error() string { return string(c) }

func complain(format string, args ...any) error { return complaint(fmt.Sprintf(format, args...)) }

func (s *Session) run(ctx context.Context, args []string) (err error) {
	// kong ends the program by itself after --help and --version; here that is a panic, caught below.
	defer func() {
		if r := recover(); r != nil {
			status, ok := r.(exitStatus)
			if !ok {
				panic(r)
			}
			if err = nil; status != 0 {
				err = status
			}
		}
	}()
	var c commands
	options := []kong.Option{
		kong.Name("cloister"),
		kong.Description("Private Spaces that you own. The commands are Heroku's; 'cloister COMMAND --help' says more of each."),
		kong.Vars{"version": "cloister/" + s.version},
		kong.Writers(s.Term.Out, s.Term.Err),
		kong.Exit(func(status int) { panic(exitStatus(status)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.ExplicitGroups(groups),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
	}
	for _, sc := range s.server {
		options = append(options, kong.DynamicCommand(sc.Name, sc.Help, "server", &listed{}))
	}
	parser, err := kong.New(&c, options...)
	if err != nil {
		return err
	}
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case args[0] == "help":
		args = append(args[1:len(args):len(args)], "--help")
	}
	command, err := parser.Parse(unalias(args))
	if err != nil {
		var parse *kong.ParseError
		if errors.As(err, &parse) && parse.Context.Command() != "" {
			return complain("%v\nSee more help with --help", err)
		}
		return err
	}
	s.setup(c.Globals)
	return command.Run()
}

// groups are the headings of the help, in their order.
var groups = []kong.Group{
	{Key: "spaces", Title: "Spaces"},
	{Key: "apps", Title: "Apps"},
	{Key: "dynos", Title: "Dynos"},
	{Key: "config", Title: "Config vars, releases, logs"},
	{Key: "addons", Title: "Add-ons"},
	{Key: "build", Title: "Domains, buildpacks, stacks"},
	{Key: "people", Title: "People"},
	{Key: "tools", Title: "Heroku's tools, git, this machine"},
	{Key: "server", Title: "The server (each has a --help of its own)"},
}

// A listed command is one of the server's, so that the help shows it. Main runs it before kong sees it.
type listed struct {
	Args []string `arg:"" optional:"" passthrough:""`
}
