package cli

import (
	"context"
	"regexp"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type logs struct {
	appFlag
	Num    int    `short:"n" default:"100" help:"How many lines of the past."`
	Tail   bool   `short:"t" help:"Go on with what comes."`
	Dyno   string `short:"d" name:"dyno-name" aliases:"dyno" placeholder:"NAME" help:"Only this dyno, such as web.1."`
	Type   string `short:"p" name:"process-type" aliases:"ps" placeholder:"TYPE" help:"Only the dynos of this process type."`
	Source string `short:"s" placeholder:"SOURCE" help:"Only this source: app or heroku."`
}

var logHead = regexp.MustCompile(`^(\S+ (\w+)\[[^\]]*\]:)(.*)$`)

// Run prints the log.
func (c *logs) Run(ctx context.Context, s *Session) error {
	h, app, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	session, err := h.CreateLogSession(ctx, app, heroku.LogSessionCreateOpts{Lines: heroku.Pointer(heroku.Int(c.Num)), Tail: c.Tail,
		Source: c.Source, Dyno: first(c.Dyno, c.Type)})
	if err != nil {
		return err
	}
	for line, err := range h.Lines(ctx, session.LogplexURL, c.Tail) {
		if c.Tail && (heroku.StatusOf(err) == 404 || heroku.StatusOf(err) == 403) {
			return complain("Log stream timed out. Please try again.")
		}
		if err != nil {
			return err
		}
		if m := logHead.FindStringSubmatch(line); m != nil {
			head := s.Term.Cyan(m[1])
			if m[2] == "heroku" {
				head = s.Term.Gray(m[1])
			}
			line = head + m[3]
		}
		s.Term.Line("%s", line)
	}
	return nil
}
