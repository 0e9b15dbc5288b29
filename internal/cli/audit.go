package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type audit struct {
	Actor  string `placeholder:"EMAIL" help:"What this person did."`
	Type   string `placeholder:"TYPE" help:"What happened to things of this type: app, space, release, …"`
	ID     string `name:"id" placeholder:"ID" help:"What happened to the thing with this id."`
	Action string `placeholder:"ACTION" help:"What was done in this way: create, update, destroy, …"`
	Since  string `placeholder:"TIME" help:"Not before: a time, a date, or how long ago, such as 24h."`
	Until  string `placeholder:"TIME" help:"Before that."`
	Num    int    `short:"n" default:"100" help:"How many of the last to show; 0 for all."`
	Tail   bool   `short:"t" help:"Go on with what happens."`
	JSON   bool   `help:"Print JSON, an event on each line."`
	Verify bool   `help:"Find out whether the whole trail is as it was written."`
	Expect string `placeholder:"SEQ:SEAL" help:"With --verify: an event that must be there, as an earlier --verify has printed it."`
}

// Run shows the audit trail, or finds out whether it can be trusted.
func (c *audit) Run(ctx context.Context, s *Session) error {
	h, err := s.Client()
	if err != nil {
		return err
	}
	if c.Verify {
		return c.verify(ctx, s, h)
	}
	q := heroku.EventQuery{Actor: c.Actor, Type: c.Type, ID: c.ID, Action: c.Action}
	if q.Since, err = moment(c.Since); err != nil {
		return err
	}
	if q.Until, err = moment(c.Until); err != nil {
		return err
	}
	var last []heroku.Event
	for {
		page, err := h.Events(ctx, q)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		q.After = page[len(page)-1].Seq
		if last = append(last, page...); c.Num > 0 && len(last) > c.Num {
			last = last[len(last)-c.Num:]
		} else if c.Num == 0 {
			c.print(s, last)
			last = nil
		}
	}
	c.print(s, last)
	for q.Wait = 30 * time.Second; c.Tail; {
		page, err := h.Events(ctx, q)
		if err != nil {
			return err
		}
		if len(page) > 0 {
			q.After = page[len(page)-1].Seq
		}
		c.print(s, page)
	}
	return nil
}

// moment reads a time, a date, or how long ago; "" is no time.
func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return time.Now().Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, complain("%q is no time. Write 2026-01-31, 2026-01-31T12:00:00Z, or how long ago, such as 24h", text)
}

func (c *audit) print(s *Session, events []heroku.Event) {
	for _, e := range events {
		if c.JSON {
			line, _ := json.Marshal(e)
			s.Term.Line("%s", line)
			continue
		}
		who := e.Actor.Email
		if who == "" {
			who = "cloister"
		}
		if e.Actor.Address != "" {
			who += " from " + e.Actor.Address
		}
		line := fmt.Sprintf("%s %s: %s %s", e.CreatedAt.Text(), s.Term.Cyan(who), e.Action, e.Type)
		if e.Text != "" {
			line += ", " + e.Text
		}
		if len(e.Changes) > 0 && string(e.Changes) != "null" {
			line += " " + string(e.Changes)
		}
		s.Term.Line("%s", line)
	}
}

// verify has the server look at all seals.
func (c *audit) verify(ctx context.Context, s *Session, h *heroku.Client) error {
	seq, seal, _ := strings.Cut(c.Expect, ":")
	n, err := strconv.ParseInt(seq, 10, 64)
	if c.Expect != "" && (err != nil || n < 1) {
		return complain("%q is not of the form SEQ:SEAL, as `audit --verify` prints it", c.Expect)
	}
	found, err := h.VerifyAudit(ctx)
	if err != nil {
		return err
	}
	if found.Broken > 0 {
		return complain("The audit trail was tampered with. %s The %d events before are as they were written", found.Reason, found.Events)
	}
	if c.Expect != "" {
		page, err := h.Events(ctx, heroku.EventQuery{After: n - 1, Max: 1})
		if err != nil {
			return err
		}
		if len(page) == 0 || page[0].Seq != n || page[0].Seal != seal {
			return complain("The audit trail was tampered with. Event %d is not the one that you expect: the trail was cut off, or written anew", n)
		}
	}
	s.Term.Note("All %d events are as they were written. Keep this, and give it to --expect next time:", found.Events)
	s.Term.Line("%d:%s", found.Seq, found.Seal)
	return nil
}
