//go:build !linux

package main

import (
	"context"
	"errors"
	"runtime"

	"github.com/cloister-dev/cloister/internal/cli"
)

// serverInit has nothing to do where there are no dynos.
func serverInit() {}

// serverCommands are the commands of the server, which say here that they need Linux: spaces are network namespaces,
// and dynos are containers.
func serverCommands() []cli.ServerCommand {
	refuse := func(context.Context, []string) error {
		return errors.New("the server runs on Linux, and this is " + runtime.GOOS + "; this program speaks to a server elsewhere: cloister login --url URL")
	}
	var commands []cli.ServerCommand
	for _, name := range []string{"server", "node", "control", "router", "hook", "stacks:build", "stacks:ensure", "stacks:pull"} {
		commands = append(commands, cli.ServerCommand{Name: name, Help: "On Linux only.", Run: refuse})
	}
	return commands
}

// serverChecks looks for what a server needs: nothing that this system could have.
func serverChecks(context.Context) []cli.Check { return nil }

// serverIsolation has nothing to attack.
var serverIsolation func(ctx context.Context, only []string, told func(cli.Attack)) error
