package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

type official struct {
	Args []string `arg:"" optional:"" passthrough:"" help:"What Heroku's CLI is to do, after '--'."`
}

// Run runs Heroku's own CLI, unchanged, against our server, and ends with its status. For a server elsewhere it forwards
// from this machine's loopback meanwhile.
func (c *official) Run(ctx context.Context, s *Session) error {
	args := c.Args
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if s.broken != nil {
		return s.broken
	}
	program, err := s.findOfficial()
	if err != nil {
		return err
	}
	base, elsewhere := s.localBase()
	if elsewhere {
		f, err := s.forwarder()
		if err != nil {
			return err
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("listen for Heroku's CLI: %w", err)
		}
		fctx, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); f.serve(fctx, l) }()
		defer func() { cancel(); <-done }()
		base = "http://" + l.Addr().String()
	}
	settings, err := s.toolSettings(base)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.dir, s.Term.In, s.Term.Out, s.Term.Err
	cmd.Env = s.environ()
	for _, e := range settings {
		cmd.Env = append(cmd.Env, e.Name+"="+e.Value)
	}
	// git asks it for the password by the name "heroku", which must then be found.
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(program)+string(os.PathListSeparator)+s.getenv("PATH"))
	// Ctrl-C reaches it from the terminal: it ends by itself, and gets time to.
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(os.Interrupt) }, 5*time.Second
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exitStatus(exit.ExitCode())
	}
	return err
}

// findOfficial finds Heroku's CLI: where CLOISTER_HEROKU says (the program, or a node_modules directory), on the PATH, or
// in a node_modules above the working directory.
func (s *Session) findOfficial() (string, error) {
	name := "heroku"
	if runtime.GOOS == "windows" {
		name = "heroku.cmd"
	}
	if at := s.getenv("CLOISTER_HEROKU"); at != "" {
		for _, p := range []string{filepath.Join(at, ".bin", name), filepath.Join(at, "node_modules", ".bin", name), at} {
			if st, err := os.Stat(p); err == nil && !st.IsDir() {
				return filepath.Abs(p)
			}
		}
		return "", complain("There is no Heroku CLI at %s, as CLOISTER_HEROKU says.", at)
	}
	for dir := range strings.SplitSeq(s.getenv("PATH"), string(os.PathListSeparator)) {
		if p := filepath.Join(dir, name); dir != "" && isProgram(p) {
			return p, nil
		}
	}
	dir, err := filepath.Abs(first(s.dir, "."))
	for err == nil {
		if p := filepath.Join(dir, "node_modules", ".bin", name); isProgram(p) {
			return p, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	return "", complain("Heroku's CLI was not found.\nInstall it with 'npm install -g heroku', or set CLOISTER_HEROKU to where it is.")
}

func isProgram(path string) bool {
	st, err := os.Stat(path)
	return err == nil && !st.IsDir() && (runtime.GOOS == "windows" || st.Mode()&0o111 != 0)
}
