// Package api is the Heroku Platform API, version 3, over HTTP: what the official CLI, Terraform and curl speak to.
//
// It translates. A handler reads a request in Heroku's words, makes one call of package platform, and shows what came
// of it as a struct of package heroku. Everything that handlers have in common (who is calling, lists in parts, errors,
// the access log) is in do.go; a resource's file has its routes, its handlers and its views, in this order.
//
// The package decides nothing: what a caller may do and which rules hold is platform's business. It never sends a noun
// of package cloister as it is, keeps nothing between two requests but how many calls were made, and never pretends:
// a route of Heroku's that is not here answers 501 and says so.
package api

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/logs"
	"github.com/cloister-dev/cloister/internal/platform"
)

// Config is what the API says of the installation. URLs that carry a secret (log sessions, outputs, sources) are not
// in it: they are made for the address that the request came to, so that they work through any tunnel.
type Config struct {
	WebScheme string // of apps' addresses: "http" or "https"; "" is http
	WebPort   string // of apps' addresses; "" is the scheme's own
	GitURL    string // what repositories are under: "https://localhost:5100/"
	// CallsPerHour is how many calls each user may make; 0 is Heroku's number, 4500.
	CallsPerHour int
}

// Logs opens log sessions, and knows where the output of a build is read. *logs.Logs does.
type Logs interface {
	NewSession(appID string, f logs.Filter, lines int, tail bool) (cloister.Secret, error)
	OutputSecret(id string) cloister.Secret
}

// Sources makes a place for a source archive, and tells the paths to write it to and to read it from.
type Sources interface {
	New() (put, get string, err error)
}

// Slugs tells the path to upload the archive of a slug to, which carries its own secret.
type Slugs interface {
	Upload(appID, slugID string) string
}

// Caches forgets what builds of an app have kept for the next one. *build.Builder does.
type Caches interface {
	DropCache(ctx context.Context, appID string) error
}

// Health tells what keeps the platform from following what people ask for, in a sentence; "" is nothing.
type Health interface {
	Trouble() string
}

// Terminals connects clients with commands: it makes the secret by which a client finds one, and sets its window.
type Terminals interface {
	Offer(cloister.Terminal) cloister.Secret
	Resize(appID, id string, columns, lines int) bool
}

// Shells lets people into dynos by SSH. *sshd.Sshd does.
type Shells interface {
	// Offer makes a pass for a key, and returns the name to come with, and the server's own key.
	Offer(who cloister.Actor, appID, dynoID, key string) (user, host string, err error)
}

// Beside is what works beside the API. Nil parts are missing: what needs them is refused as unavailable.
type Beside struct {
	Logs    Logs
	Sources Sources
	Slugs   Slugs
	Caches  Caches
	Health  Health
	// Terminals nil: commands can only run detached.
	Terminals Terminals
	// Shells nil: nobody comes into dynos by SSH.
	Shells Shells
	// Services nil: there are no data services.
	Services Services
	// Backups nil: there are none.
	Backups Backups
	// Bastions nil: nobody comes to data services by SSH.
	Bastions Bastions
	// Metrics nil: there are none.
	Metrics http.Handler
	// CheckBuildpack reports why a buildpack could not be used, or nil; nil takes all for good until they are built with.
	CheckBuildpack func(cloister.Buildpack) error
}

// An API serves the Platform API.
type API struct {
	platform *platform.Platform
	config   Config
	beside   Beside
	calls    *platform.Limiter // by user
	tickets  tickets[ticket]
	backups  tickets[cloister.Transfer]
	log      *slog.Logger
}

// New returns the handler of all the API's routes. From now on webhooks are told of things as the API shows them.
func New(c Config, p *platform.Platform, b Beside, log *slog.Logger) http.Handler {
	if c.CallsPerHour <= 0 {
		c.CallsPerHour = 4500
	}
	if c.WebScheme == "" {
		c.WebScheme = "http"
	}
	a := &API{platform: p, config: c, beside: b, log: log, calls: platform.NewLimiter(c.CallsPerHour)}
	if p != nil { // nil: only the table of routes is wanted
		p.Tell(a.noun)
	}
	return a.routes()
}
