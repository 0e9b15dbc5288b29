package cli

import (
	"bufio"
	"context"
	"os/exec"
	"strings"
)

type gitRemote struct {
	appFlag
	SSH bool `hidden:""`
}

// Run adds or changes the git remote of an app.
func (c *gitRemote) Run(ctx context.Context, s *Session) error {
	name := first(c.Remote, "heroku")
	c.Remote = "" // here it is the remote to make, not the one to learn the app from
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	a, err := h.App(ctx, app)
	if err != nil {
		return err
	}
	if err := s.setRemote(ctx, name, a.GitURL); err != nil {
		return err
	}
	s.Term.Line("set git remote %s to %s", name, a.GitURL)
	return nil
}

type gitClone struct {
	appFlag
	Directory string `arg:"" optional:"" help:"Where to."`
}

// Run clones the source of an app.
func (c *gitClone) Run(ctx context.Context, s *Session) error {
	name := first(c.Remote, "heroku")
	c.Remote = ""
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	a, err := h.App(ctx, app)
	if err != nil {
		return err
	}
	settings, err := s.gitSettings(a.GitURL)
	if err != nil {
		return err
	}
	args := []string{"clone", "-o", name}
	for _, kv := range settings {
		args = append(args, "-c", kv[0]+"="+kv[1])
	}
	args = append(args, a.GitURL)
	if c.Directory != "" {
		args = append(args, c.Directory)
	}
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.dir, s.environ(), s.Term.In, s.Term.Out, s.Term.Err
	return cmd.Run()
}

type gitCredentials struct {
	Command string `arg:""`
}

// Run answers git, which asks for the password of a host. It answers for our server alone, over TLS alone.
func (c *gitCredentials) Run(s *Session) error {
	if c.Command != "get" || s.config.Token == "" {
		return nil
	}
	asked := map[string]string{}
	in := bufio.NewScanner(s.Term.In)
	for in.Scan() && in.Text() != "" {
		k, v, _ := strings.Cut(in.Text(), "=")
		asked[k] = v
	}
	if asked["protocol"] == "https" && s.isServer(asked["host"]) {
		s.Term.Line("username=cloister\npassword=%s", s.config.Token)
	}
	return in.Err()
}
