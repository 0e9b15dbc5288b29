package cloister

import (
	"slices"
	"strings"
	"time"
)

// A Webhook is a place outside that is told of what changes about an app. Platform writes all of it.
type Webhook struct {
	ID            string
	AppID         string
	URL           Secret // with the credentials that people put into it
	Level         WebhookLevel
	Include       []Entity // what it is told of, sorted
	Secret        Secret   // signs what is sent
	Authorization Secret   // the header of this name that is sent; "": none
	Ended         bool     // its app is gone, and it only hears of that
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// A WebhookLevel is how hard the platform tries to tell a webhook.
type WebhookLevel string

// The levels.
const (
	WebhookNotify WebhookLevel = "notify" // once
	WebhookSync   WebhookLevel = "sync"   // until it is taken, for WebhookTries at most
)

// WebhookTries is for how long a webhook of level sync is told of an event that it does not take. An event that is older
// already has one try. Heroku's number (changelog item 2525).
const WebhookTries = 72 * time.Hour

// Of how many events deliveries are kept, by webhook, and for how long: clients ask for 1000 at most.
const (
	WebhookKeeps   = 1000
	WebhookKeepFor = 7 * 24 * time.Hour
)

// An Entity is a kind of thing about an app that webhooks are told of.
type Entity string

// The entities whose changes this version records.
const (
	EntityApp          Entity = "api:app"
	EntityBuild        Entity = "api:build"
	EntityCollaborator Entity = "api:collaborator"
	EntityDomain       Entity = "api:domain"
	EntityEndpoint     Entity = "api:sni-endpoint"
	EntityFormation    Entity = "api:formation"
	EntityRelease      Entity = "api:release"
	EntityDyno         Entity = "dyno"
)

// Entities are all that a webhook can include. Of add-ons there is nothing to tell yet.
var Entities = []Entity{"api:addon", "api:addon-attachment", EntityApp, EntityBuild, EntityCollaborator, EntityDomain, EntityFormation,
	EntityRelease, EntityEndpoint, EntityDyno}

// Resource is the name of the kind of thing alone: "release".
func (e Entity) Resource() string { return strings.TrimPrefix(string(e), "api:") }

// ParseEntities reads names of entities, in any order. An unknown one, or none at all, is Invalid. The official CLI's help
// calls dynos api:dyno once, and dyno another time.
func ParseEntities(names []string) ([]Entity, error) {
	var out []Entity
	for _, name := range names {
		if name == "api:dyno" {
			name = string(EntityDyno)
		}
		if !slices.Contains(Entities, Entity(name)) {
			return nil, Errorf(Invalid, "Include %q is not known. Use some of %s.", name, entityNames())
		}
		out = append(out, Entity(name))
	}
	if len(out) == 0 {
		return nil, Errorf(Invalid, "Include is missing. Use some of %s.", entityNames())
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func entityNames() string {
	var names []string
	for _, e := range Entities {
		names = append(names, string(e))
	}
	return strings.Join(names, ", ")
}

// ParseWebhookLevel reads a level. An unknown one is Invalid.
func ParseWebhookLevel(s string) (WebhookLevel, error) {
	if l := WebhookLevel(s); l == WebhookNotify || l == WebhookSync {
		return l, nil
	}
	return "", Errorf(Invalid, "Level %q is invalid. Use notify (told once) or sync (told until it answers).", s)
}

// ParseWebhookURL checks the address of a webhook. Where its name leads to is for whoever dials it to judge.
func ParseWebhookURL(s string) (Secret, error) {
	if _, why := parseReceiver(s, "https", "http"); why != "" {
		return "", Errorf(Invalid, "Url %s. A webhook is https://user:password@host/path.", why)
	}
	return Secret(s), nil
}

// ParseWebhookHeader checks a secret or an authorization of a webhook, which go into headers. name is which, for the error.
func ParseWebhookHeader(name, s string) (Secret, error) {
	if len(s) > 1024 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f }) || s != strings.TrimSpace(s) {
		return "", Errorf(Invalid, "%s must be up to 1024 printable ASCII characters, without a space at either end.", name)
	}
	return Secret(s), nil
}

// Includes reports whether the webhook is told of an entity.
func (w Webhook) Includes(e Entity) bool { return slices.Contains(w.Include, e) }

// A WebhookEvent is one change that at least one webhook is told of. Nothing of it changes.
type WebhookEvent struct {
	ID         string
	AppID      string
	Seq        int64 // counts up
	Entity     Entity
	Action     Action
	ActorID    string // who caused it
	ActorEmail string
	Data       string // JSON: the thing as the API shows it, after the change
	Previous   string // JSON: and before it; "{}" when it is new
	CreatedAt  time.Time
}

// An Action is what happened to a thing.
type Action string

// The actions.
const (
	Created   Action = "create"
	Updated   Action = "update"
	Destroyed Action = "destroy"
)

// A Delivery is how telling one webhook of one event goes. Platform makes it, control goes on with it.
type Delivery struct {
	ID        string
	Seq       int64 // counts up
	AppID     string
	WebhookID string
	Level     WebhookLevel // of the webhook
	EventID   string
	Entity    Entity // of the event
	Status    DeliveryStatus
	Attempts  int
	Last      Attempt   // the last one; zero if there was none
	NextAt    time.Time // of the next attempt; zero: there is none
	CreatedAt time.Time
	UpdatedAt time.Time
}

// A DeliveryStatus is where a delivery is.
type DeliveryStatus string

// The statuses.
const (
	DeliveryPending   DeliveryStatus = "pending"
	DeliveryRetrying  DeliveryStatus = "retrying" // the last attempt failed, there will be another
	DeliveryFailed    DeliveryStatus = "failed"
	DeliverySucceeded DeliveryStatus = "succeeded"
)

// An Attempt is one request to a webhook.
type Attempt struct {
	ID    string
	At    time.Time
	Code  int    // of the answer; 0: there was none
	Error string // "" if it was taken; a word for what went wrong: "ConnectionRefused", "Timeout", …
}

// Webhooks wait from webhookFirst to webhookLast between two attempts, twice as long each time.
const (
	webhookFirst = 10 * time.Second
	webhookLast  = time.Hour
)

// After is the delivery after an attempt that ended now, of an event of a time.
func (d Delivery) After(a Attempt, event, now time.Time) Delivery {
	d.Last, d.NextAt, d.UpdatedAt = a, time.Time{}, now
	wait := min(webhookFirst<<min(max(d.Attempts-1, 0), 20), webhookLast)
	switch {
	case a.Error == "":
		d.Status = DeliverySucceeded
	case d.Level == WebhookSync && now.Add(wait).Before(event.Add(WebhookTries)):
		d.Status, d.NextAt = DeliveryRetrying, now.Add(wait)
	default:
		d.Status = DeliveryFailed
	}
	return d
}
