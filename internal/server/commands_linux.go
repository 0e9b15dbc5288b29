package server

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/cli"
	"github.com/cloister-dev/cloister/internal/engine/local/inside"
	"github.com/cloister-dev/cloister/internal/gitd"
	"github.com/cloister-dev/cloister/internal/isolation"
)

// Init has to be called before anything else in main: the binary is also the first process of every dyno.
func Init() {
	inside.Main()
	isolation.Main() // and, by another name, of the probes of `cloister doctor isolation`
}

// Commands are the commands of the binary that run a server, or look after one on this machine.
func Commands() []cli.ServerCommand {
	return []cli.ServerCommand{
		{Name: "server", Help: "Run Cloister on this machine; --check, --login, --wait, --running, --upgrade and --down look after it.", Run: runServer},
		{Name: "node", Help: "Run the engine: networks and containers. Started by server.", Run: process(RunNode)},
		{Name: "control", Help: "Run the API, git and the work loop. Started by server.", Run: process(RunControl)},
		{Name: "router", Help: "Run the router. Started by server.", Run: process(RunRouter)},
		{Name: "hook", Help: "The git hook of a push. Started by git.", Run: func(ctx context.Context, args []string) error {
			if status := gitd.RunHook(ctx, args, os.Stdin, os.Stdout, os.Environ()); status != 0 {
				os.Exit(status) // it has said why
			}
			return nil
		}},
		{Name: "users:create", Help: "Make a user: users:create EMAIL, with the password on standard input, or a random one that is printed. Root only.", Run: putUser(true)},
		{Name: "users:password", Help: "Give a user another password: users:password EMAIL, as for users:create. Root only.", Run: putUser(false)},
		{Name: "backup", Help: "Write all that the server keeps, encrypted, to a file: backup FILE, or - for standard output. Root only.", Run: runBackup},
		{Name: "backup:verify", Help: "Restore a backup into a place that is thrown away, and say what is wrong with it: backup:verify FILE.", Run: runVerify},
		{Name: "restore", Help: "Make an installation of a backup, where there is none: restore [--key FILE] FILE. Root only.", Run: runRestore},
		{Name: "key:rotate", Help: "Give the installation another key, and seal all secrets with it. Root only.", Run: runRotate},
		{Name: "stacks:build", Help: "Build a stack's images from Debian packages and make it known to the server.", Run: stacksBuild(true)},
		{Name: "stacks:ensure", Help: "Build a stack unless the server has it.", Run: stacksBuild(false)},
		{Name: "services:ensure", Help: "Make images of data services, unless the server has them: services:ensure NAME...", Run: servicesEnsure},
		{Name: "stacks:pull", Help: "Make a stack of two images from a registry: stacks:pull NAME RUN-IMAGE BUILD-IMAGE.", Run: stacksPull},
	}
}

// flags reads what the server's commands have in common and returns the configuration.
func flags(f *flag.FlagSet, args []string) (Config, error) {
	path := f.String("config", "", "configuration file; default /etc/cloister/config.toml")
	overlay := map[string]*string{}
	for _, key := range []string{"engine", "state", "run", "listen", "http", "https", "app_domain"} {
		overlay[key] = f.String(strings.ReplaceAll(key, "_", "-"), "", "overrides "+key)
	}
	if err := f.Parse(args); err != nil {
		return Config{}, err
	}
	env := os.Environ()
	for key, v := range overlay {
		if *v != "" {
			env = append(env, "CLOISTER_"+strings.ToUpper(key)+"="+*v)
		}
	}
	return Load(*path, env)
}

// untilSignal is done when the process is asked to end.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
}

func logger(name string) *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, nil)).With("process", name)
}

func process(run func(context.Context, Config, *slog.Logger) error) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		f := flag.NewFlagSet("cloister", flag.ContinueOnError)
		c, err := flags(f, args)
		if err != nil {
			return err
		}
		ctx, cancel := untilSignal(ctx)
		defer cancel()
		return run(ctx, c, logger(filepath.Base(strings.Fields(os.Args[1] + " ")[0])))
	}
}

func runServer(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("cloister server", flag.ContinueOnError)
	check := f.Bool("check", false, "print the configuration in force, and whether it is right")
	running := f.Bool("running", false, "exit with 0 if the server runs")
	wait := f.Duration("wait", 0, "wait so long until the server answers")
	login := f.Bool("login", false, "print a login for the first administrator, for `cloister login --from-stdin`")
	upgrade := f.Bool("upgrade", false, "put this binary in the place of the one that runs, without losing a request")
	down := f.Bool("down", false, "stop everything on this machine, dynos included; data stays")
	c, err := flags(f, args)
	if err != nil {
		return err
	}
	switch {
	case *check:
		return c.Print(os.Stdout)
	case *running:
		return ask(ctx, c, "GET", "/ready", nil, &struct{}{})
	case *wait > 0:
		return waitReady(ctx, c, *wait)
	case *login:
		return printLogin(ctx, c, os.Stdout)
	case *upgrade:
		return upgradeServer(ctx, c)
	case *down:
		return bringDown(ctx, c)
	case c.Engine == "fake":
		ctx, cancel := untilSignal(ctx)
		defer cancel()
		return runFake(ctx, c, logger("server"))
	}
	ctx, cancel := untilSignal(ctx)
	defer cancel()
	if err := c.mustBeRoot("run it"); err != nil {
		return fmt.Errorf("%w, or try the API with --engine=fake", err)
	}
	if err := os.MkdirAll(c.Run, 0o755); err != nil {
		return err
	}
	pid := c.pidFile()
	lock, err := pid.lock()
	if err != nil {
		return err
	}
	defer pid.unlock(lock)
	renew := make(chan os.Signal, 1)
	signal.Notify(renew, syscall.SIGHUP)
	defer signal.Stop(renew)
	return Supervise(ctx, c, args, renew, logger("server"))
}

func waitReady(ctx context.Context, c Config, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := ask(ctx, c, "GET", "/ready", nil, &struct{}{})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func printLogin(ctx context.Context, c Config, w io.Writer) error {
	var out login
	if err := ask(ctx, c, "POST", "/login", nil, &out); err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(out)
}

// stacksBuild builds the stacks that are named, all of them or only those that the server does not have.
func stacksBuild(always bool) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		f := flag.NewFlagSet("cloister stacks:build", flag.ContinueOnError)
		c, err := flags(f, args)
		if err != nil {
			return err
		}
		if f.NArg() == 0 {
			return fmt.Errorf("name the stack to build: debian-12")
		}
		var have []cloister.Stack
		if err := ask(ctx, c, "GET", "/stacks", nil, &have); err != nil {
			return err
		}
		for _, name := range f.Args() {
			known := false
			for _, s := range have {
				known = known || s.Name == name
			}
			if known && !always {
				continue
			}
			s, err := makeStack(ctx, c, name, always)
			if err != nil {
				return err
			}
			s.Default = len(have) == 0
			for _, h := range have {
				s.Default = s.Default || h.Name == name && h.Default
			}
			if err := ask(ctx, c, "POST", "/stacks", s, &s); err != nil {
				return err
			}
			have = append(have, s)
		}
		return nil
	}
}

// makeStack builds a stack, or takes the images that an earlier build left in the store unless always is set.
func makeStack(ctx context.Context, c Config, name string, always bool) (cloister.Stack, error) {
	images, err := build.OpenStore(c.imagesDir())
	if err != nil {
		return cloister.Stack{}, err
	}
	if !always {
		if s, ok, err := build.FindStack(images, name); ok || err != nil {
			return s, err
		}
	}
	start := time.Now()
	fmt.Fprintf(os.Stderr, "Building stack %s from Debian packages...\n", name)
	s, err := build.BuildStack(ctx, images, name, os.Stderr)
	if err == nil {
		fmt.Fprintf(os.Stderr, "Building stack %s from Debian packages... done, %s\n", name, time.Since(start).Round(time.Second))
	}
	return s, err
}

func stacksPull(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("cloister stacks:pull", flag.ContinueOnError)
	c, err := flags(f, args)
	if err != nil {
		return err
	}
	if f.NArg() != 3 {
		return fmt.Errorf("usage: cloister stacks:pull NAME RUN-IMAGE BUILD-IMAGE")
	}
	images, err := build.OpenStore(c.imagesDir())
	if err != nil {
		return err
	}
	s, err := build.PullStack(ctx, images, f.Arg(0), f.Arg(1), f.Arg(2))
	if err != nil {
		return err
	}
	return ask(ctx, c, "POST", "/stacks", s, &s)
}

// putUser makes a user or changes their password. A password is read from standard input, if that is no terminal.
func putUser(fresh bool) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		f := flag.NewFlagSet("cloister users:create", flag.ContinueOnError)
		c, err := flags(f, args)
		if err != nil {
			return err
		}
		if f.NArg() != 1 {
			return fmt.Errorf("name the user by their e-mail address")
		}
		in := person{Email: f.Arg(0), New: fresh}
		if !term.IsTerminal(int(os.Stdin.Fd())) {
			line, err := bufio.NewReader(os.Stdin).ReadString('\n')
			if err != nil && err != io.EOF {
				return err
			}
			in.Password = strings.TrimRight(line, "\r\n")
		}
		made := in.Password == ""
		if made {
			in.Password = cloister.NewToken().Reveal()[:20]
		}
		if err := ask(ctx, c, "POST", "/users", in, &struct{}{}); err != nil {
			return err
		}
		if made {
			fmt.Println(in.Password)
		}
		return nil
	}
}
