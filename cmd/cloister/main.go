// Command cloister is all of Cloister in one program: the command line for people, and, on Linux, the server.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/cloister-dev/cloister/internal/cli"
)

// version is set by the release build.
var version = "dev"

func main() {
	serverInit()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program whatever it does
	status := cli.Main(ctx, os.Args[1:], cli.Options{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Version: version,
		Server:  serverCommands(),
		Checks:  serverChecks,

		Isolation: serverIsolation,
	})
	stop()
	os.Exit(status)
}
