package platform

import (
	"context"
	"errors"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Who asks for what they may not have fills the audit trail only so far: so many refusals an hour are taken down of each
// person, or of each address that nobody has come from yet, and so many of all.
const (
	refusalsPerHour    = 60
	allRefusalsPerHour = 2000
)

// refusals are those that are taken down.
type refusals struct{ each, all *Limiter }

func newRefusals() refusals {
	return refusals{NewLimiter(refusalsPerHour), NewLimiter(allRefusalsPerHour)}
}

// take reports whether one more of who is taken down. last says that the next one will not be.
func (r refusals) take(who string, now time.Time) (last, ok bool) {
	left, ok := r.each.Take(who, now)
	if !ok {
		return false, false
	}
	_, ok = r.all.Take("", now)
	return left == 0, ok
}

// A refused is the error of something that can has said no to.
type refused struct {
	error
	verb   verb
	object object
}

func (r *refused) Unwrap() error { return r.error }

// subject is what it was about, in the words of the audit trail.
func (r *refused) subject() (kind, id string) {
	o := r.object
	switch {
	case o.app != nil:
		return "app", o.app.ID
	case o.space != "":
		return "space", o.space
	case o.pipeline != "":
		return "pipeline", o.pipeline
	case o.team != "":
		return "team", o.team
	case o.user != "":
		return "user", o.user
	}
	return "installation", ""
}

// hidden is err with another noun for what looks missing: what was asked for leads to something that one may not see.
func hidden(err error, resource string) error {
	if cloister.KindOf(err) != cloister.NotFound {
		return err
	}
	missing := cloister.Missing(resource)
	if r := (*refused)(nil); errors.As(err, &r) {
		return &refused{missing, r.verb, r.object}
	}
	return missing
}

// told takes it down in the audit trail if err is that can has said no, and returns err.
func (p *Platform) told(ctx context.Context, a cloister.Actor, err error) error {
	var r *refused
	if !errors.As(err, &r) || a.User.ID == "" {
		return err
	}
	kind, id := r.subject()
	p.refuse(ctx, a, a.User.ID, kind, id, a.User.Email+" may not "+string(r.verb))
	return err
}

// deny takes down that somebody who came from an address showed what lets nobody in.
func (p *Platform) deny(ctx context.Context, from, userID, text string) {
	if from != "" {
		p.refuse(ctx, cloister.Actor{From: from}, from, "user", userID, text)
	}
}

// refuse takes down that somebody was refused something. Who is the person or the address that it is counted for.
func (p *Platform) refuse(ctx context.Context, a cloister.Actor, who, kind, id, text string) {
	last, ok := p.refusals.take(who, time.Now())
	if !ok {
		return
	}
	if last {
		text += "; more refusals are not taken down before some minutes have passed"
	}
	err := p.store.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		tx.Actor, tx.From, tx.Request = a.User.Email, a.From, a.Request
		return tx.Event(kind, id, "refuse", text)
	})
	if err != nil {
		p.log.Error("a refusal was not taken down in the audit trail", "err", err)
	}
}
