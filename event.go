package cloister

import (
	"encoding/json"
	"time"
)

// An Event is one thing that happened: an entry of the audit trail. Each seals all that came before it.
type Event struct {
	Seq     int64 // from 1, without a gap
	At      time.Time
	Actor   string // e-mail, or "" for the platform itself
	From    string // address that the request came from; "" if there was none
	Request string // id of the request; "" if there was none
	Kind    string // "space", "app", "release", …
	ID      string
	Action  string          // "create", "update", "destroy", …
	Text    string          // for people, without secrets
	Changes json.RawMessage // {"field": [before, after], …}, secrets masked; nil: Text says it all
	Seal    string          // hexadecimal; of this event and, by the one before, of all events
}

// An EventFilter picks events. Zero fields pick all.
type EventFilter struct {
	After  int64 // events that follow this one
	Actor  string
	Kind   string
	ID     string
	Action string
	Since  time.Time // not before
	Until  time.Time // before
	Newest bool      // the newest first
}

// An Audit is what a look at the whole audit trail has found.
type Audit struct {
	Events int64  // that are there
	Seq    int64  // of the last one
	Seal   string // of the last one: whoever keeps it can tell later that nothing was cut off
	Broken int64  // the first event that is not as it was written, or is missing; 0: none
	Why    string // in words
}
