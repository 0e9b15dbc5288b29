//go:build !linux

package main

import (
	"context"
	"errors"
	"runtime"

	"github.com/cloister-dev/cloister/internal/cli"
)

// serverCommands are the commands of the server, which say here that they need Linux: spaces are network namespaces,
// and dynos are containers.
func serverCommands() []cli.ServerCommand {
	refuse := func(context.Context, []string) error {
		return errors.New("the server runs on Linux, and this is " + runtime.GOOS + "; this program speaks to a server elsewhere: cloister login --url URL")
	}
	return []cli.ServerCommand{{Name: "server", Help: "Run the server (on Linux).", Run: refuse},
		{Name: "node", Help: "Run the part that runs dynos (on Linux).", Run: refuse},
		{Name: "control", Help: "Run the part that decides (on Linux).", Run: refuse},
		{Name: "router", Help: "Run the part that answers requests (on Linux).", Run: refuse},
		{Name: "stacks:build", Help: "Build a stack (on Linux).", Run: refuse},
		{Name: "hook", Help: "Answer git on the server (on Linux).", Run: refuse}}
}

// serverChecks looks for what a server needs: nothing that this system could have.
func serverChecks(context.Context) []cli.Check { return nil }
