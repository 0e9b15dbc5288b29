package router

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"time"
)

const (
	ticketTurn = 8 * time.Hour // after which there is another key
	ticketKeys = 3             // of which the newest makes tickets, and all open them: for a day at most
)

// tickets are the keys of TLS session tickets, by which a client that comes again needs no whole handshake. They lie in a file, so
// that a router knows the sessions of the one before; a key is thrown away when the last ticket of it has ended.
type tickets struct {
	keys []ticketKey // the newest first; there is one. Guarded by Router.mu
}

type ticketKey struct {
	Made time.Time
	Key  [32]byte
}

// give has a policy work by the keys as they are.
func (k *tickets) give(p *policy) {
	var all [][32]byte
	for _, key := range k.keys {
		// Another policy's session would bring its client's certificate along, for other authorities.
		own, err := hkdf.Key(sha256.New, key.Key[:], p.authorities[:], "session tickets "+string(p.profile), 32)
		if err != nil {
			panic(err) // of lengths that do not depend on anything
		}
		all = append(all, [32]byte(own))
	}
	p.form.SetSessionTicketKeys(all)
}

// turn makes another key if the newest is old, and reports whether it did.
func (k *tickets) turn(now time.Time) bool {
	if len(k.keys) > 0 && now.Sub(k.keys[0].Made) < ticketTurn {
		return false
	}
	next := ticketKey{Made: now}
	rand.Read(next.Key[:])
	k.keys = append([]ticketKey{next}, k.keys[:min(len(k.keys), ticketKeys-1)]...)
	return true
}

// turnTickets has all policies work by new keys when it is time. What another router beside this one has made in the meantime is
// taken over.
func (r *Router) turnTickets(now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed, err := r.readTickets()
	if r.tickets.turn(now) {
		changed = true
		text, broken := json.Marshal(r.tickets.keys)
		err = errors.Join(err, broken, r.keep(r.ticketFile(), text))
	}
	if t := r.table.Load(); changed && t != nil {
		for _, p := range t.policies {
			r.tickets.give(p)
		}
	}
	return err
}

// keepTickets looks after the keys until ctx is done.
func (r *Router) keepTickets(ctx context.Context) {
	for {
		pause(ctx, time.Minute)
		if ctx.Err() != nil {
			return
		}
		if err := r.turnTickets(time.Now()); err != nil {
			r.log.Warn("sessions of TLS are not kept on disk", "cause", err)
		}
	}
}

// readTickets reports whether the file has a newer key than we do.
func (r *Router) readTickets() (newer bool, err error) {
	if r.config.State == "" {
		return false, nil
	}
	text, err := os.ReadFile(r.ticketFile())
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	var keys []ticketKey
	if err == nil {
		err = json.Unmarshal(text, &keys)
	}
	if err != nil || len(keys) == 0 || len(r.tickets.keys) > 0 && !keys[0].Made.After(r.tickets.keys[0].Made) {
		return false, err
	}
	r.tickets.keys = keys[:min(len(keys), ticketKeys)]
	return true, nil
}
