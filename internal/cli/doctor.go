package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// A Check is one thing that doctor looked at. Advice is what to do about it, and empty when all is well.
type Check struct {
	Name     string // "git"
	Result   string // "2.39.5", or what is wrong
	Advice   string
	Optional bool // it may be missing: the advice is no more than that
}

// Wrong reports whether something has to be done.
func (c Check) Wrong() bool { return c.Advice != "" && !c.Optional }

type doctor struct {
	What    string   `arg:"" optional:"" enum:",isolation" default:"" help:"With 'isolation', attack two throw-away spaces of the server on this machine, as root."`
	Attacks []string `name:"attack" help:"Run only these attacks: T1,T12."`
	JSON    bool     `help:"Print JSON."`
}

// Run looks at this machine and at the server. It ends with status 1 if something is wrong.
func (c *doctor) Run(ctx context.Context, s *Session) error {
	if c.What == "isolation" {
		return c.isolation(ctx, s)
	}
	var checks []Check
	if s.checks != nil {
		checks = s.checks(ctx)
	}
	checks = append(checks, s.checkTools(ctx)...)
	checks = append(checks, s.checkServer(ctx)...)
	wrong := 0
	for _, ch := range checks {
		if ch.Wrong() {
			wrong++
		}
	}
	if c.JSON {
		if err := s.Term.JSON(checks); err != nil {
			return err
		}
	} else {
		s.showChecks(checks)
	}
	switch {
	case wrong == 1:
		return complain("1 thing needs your attention.")
	case wrong > 1:
		return complain("%d things need your attention.", wrong)
	}
	if !c.JSON {
		s.Term.Line("All is well.")
	}
	return nil
}

func (s *Session) showChecks(checks []Check) {
	n := 0
	for _, ch := range checks {
		n = max(n, len(ch.Name))
	}
	for _, ch := range checks {
		mark := s.Term.Green("ok")
		if ch.Wrong() {
			mark = s.Term.Red("!!")
		} else if ch.Advice != "" {
			mark = s.Term.Yellow("--")
		}
		s.Term.Line("%s  %-*s  %s", mark, n, ch.Name, ch.Result)
		for line := range strings.SplitSeq(ch.Advice, "\n") {
			if line != "" {
				s.Term.Line("    %-*s  %s", n, "", s.Term.Yellow("→ "+line))
			}
		}
	}
}

// checkTools looks for the programs that a user's machine needs.
func (s *Session) checkTools(ctx context.Context) []Check {
	git := Check{Name: "git"}
	if v, err := s.git(ctx, "version"); err != nil {
		git.Result, git.Advice = "not found", "Install git: apps are deployed by 'git push'."
	} else {
		git.Result = strings.TrimPrefix(v, "git version ")
	}
	cli := Check{Name: "heroku CLI", Optional: true}
	if p, err := s.findOfficial(); err != nil {
		cli.Result, cli.Advice = "not found", "To use Heroku's own CLI: npm install -g heroku. This program does without."
	} else if out, err := exec.CommandContext(ctx, p, "--version").Output(); err != nil {
		cli.Result, cli.Advice = p+": "+err.Error(), "Reinstall it: npm install -g heroku."
	} else {
		cli.Result, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	}
	return []Check{git, cli}
}

// checkServer asks the server who it is and what it lacks. Each answer is the ground for the next question.
func (s *Session) checkServer(ctx context.Context) []Check {
	server := Check{Name: "server", Result: s.config.URL}
	if s.broken != nil {
		return []Check{{Name: "configuration", Result: s.broken.Error(), Advice: "Remove " + s.file + " and log in again."}}
	}
	h, err := s.Anonymous()
	if err != nil {
		server.Result, server.Advice = err.Error(), "Log in again: cloister login --url URL --ca FILE."
		return []Check{server}
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	h.Token = s.config.Token
	began := time.Now()
	account, err := h.Account(ctx)
	took := time.Since(began).Round(time.Millisecond)
	who := Check{Name: "account", Result: account.Email}
	switch status := heroku.StatusOf(err); {
	case err != nil && status == 0:
		server.Result = s.config.URL + ": " + rootCause(err)
		server.Advice = "Start it with 'make up' or 'cloister server', or name the right one: cloister login --url URL."
		return []Check{server}
	case status == http.StatusUnauthorized && s.config.Token == "":
		who.Result, who.Advice = "not logged in", "cloister login"
	case status == http.StatusUnauthorized:
		who.Result, who.Advice = "the token is not valid any more", "cloister login"
	case err != nil:
		server.Result, server.Advice = fmt.Sprintf("%s answers %d: %v", s.config.URL, status, err), "Look into the server's log."
		return []Check{server}
	}
	server.Result += fmt.Sprintf(" answers in %s", took)
	if who.Advice != "" {
		return []Check{server, who}
	}
	return append([]Check{server, who}, s.checkPlatform(ctx, h)...)
}

// checkPlatform looks for what must be there before an app can be.
func (s *Session) checkPlatform(ctx context.Context, h *heroku.Client) []Check {
	list := func(name, advice string, optional bool, read func() ([]string, error)) Check {
		names, err := read()
		switch {
		case err != nil:
			return Check{Name: name, Result: err.Error(), Advice: "Look into the server's log."}
		case len(names) == 0:
			return Check{Name: name, Result: "none", Advice: advice, Optional: optional}
		}
		return Check{Name: name, Result: strings.Join(names, ", ")}
	}
	return []Check{
		list("teams", "Make one: cloister teams:create NAME.", false, func() (names []string, err error) {
			ts, err := h.Teams(ctx)
			for _, t := range ts {
				names = append(names, t.Name)
			}
			return names, err
		}),
		list("stacks", "Build one on the server's machine: cloister stacks:build.", false, func() (names []string, err error) {
			ss, err := h.Stacks(ctx)
			for _, st := range ss {
				names = append(names, st.Name)
			}
			return names, err
		}),
		list("spaces", "Make one: cloister spaces:create NAME --team TEAM.", true, func() (names []string, err error) {
			sps, err := h.Spaces(ctx)
			for _, sp := range sps {
				names = append(names, sp.Name+" ("+sp.State+")")
			}
			return names, err
		}),
	}
}

// rootCause is the innermost of an error's causes: "connection refused" rather than all that it went through.
func rootCause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
