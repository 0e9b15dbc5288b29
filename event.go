package cloister

import "time"

// An Event is one thing that happened: the feed of the audit log, of webhooks and of live views.
type Event struct {
	Seq    int64
	At     time.Time
	Actor  string // e-mail, or "" for the platform itself
	Kind   string // "space", "app", "release", …
	ID     string
	Action string // "create", "update", "destroy"
	Text   string // for people, without secrets
}
