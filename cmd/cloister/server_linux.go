package main

import (
	"context"

	"github.com/cloister-dev/cloister/internal/cli"
	"github.com/cloister-dev/cloister/internal/server"
)

func init() { server.Init() } // before main reads its arguments: see server.Init

// serverCommands are the commands of the server.
func serverCommands() []cli.ServerCommand { return server.Commands() }

// serverChecks is what doctor looks for on the server's machine.
func serverChecks(ctx context.Context) []cli.Check { return server.Checks(ctx) }
