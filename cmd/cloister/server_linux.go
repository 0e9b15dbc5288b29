package main

import (
	"context"

	"github.com/cloister-dev/cloister/internal/cli"
	"github.com/cloister-dev/cloister/internal/server"
)

// serverInit has to come before anything else: on Linux the binary is also the first process of every dyno.
func serverInit() { server.Init() }

// serverCommands are the commands that run a server, or look after one on this machine.
func serverCommands() []cli.ServerCommand { return server.Commands() }

// serverChecks is what doctor looks for on this machine.
func serverChecks(ctx context.Context) []cli.Check { return server.Checks(ctx) }

// serverIsolation attacks the spaces of the server on this machine.
var serverIsolation = server.Isolation
