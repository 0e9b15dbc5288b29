// Package platform is what people may do: create a space, push, scale, edit trusted ranges. Each method is one thing
// that somebody asks for; it checks whether they may (can), checks the rules, writes what is wanted in one
// transaction, and touches the work that will make it so.
//
// It does no I/O but through the store, and never waits for the world to follow: that is package control's business.
package platform

import (
	"context"
	"log/slog"
	"net/netip"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// Config is what an operator decides about an installation.
type Config struct {
	AppDomain     string             // app host names are under it: "apps.localhost"
	Regions       []cloister.Region  // in which spaces can be made
	OutboundPool  netip.Prefix       // the stable addresses of spaces are taken from it
	IngressPool   []netip.Prefix     // addresses of spaces' own that clients come to; none: the machine's
	Networks      []cloister.Network // the operator's, that spaces may be peered with
	TwoPeople     bool               // two administrators must agree to destroy a space
	DNSSuffix     string             // what domains point to is under it; "": AppDomain
	SSO           SSO                // how people sign in by an identity provider of the operator's
	DailyRestarts bool               // of the dynos of apps whose owners do not decide
	ACM           bool               // certificates can be had by themselves
	// Fetch gets what is at an address that the owner of a certificate has chosen; nil: chains are not completed.
	Fetch func(ctx context.Context, url string) ([]byte, error)
	// LookupTXT asks the DNS for text records, by which teams prove what is theirs; nil: nothing can be proven.
	LookupTXT func(ctx context.Context, name string) ([]string, error)
	// CheckAddon reports why no add-on of a kind of service can be made of a plan and options; nil: there is nothing against any.
	CheckAddon func(kind string, plan cloister.Plan, options map[string]string) error
	// CheckSetting reports why a setting of a kind of service cannot have a value, or nil; nil: there is nothing against any.
	CheckSetting func(kind, name, value string) error
	// Clients remembers who came to the apps of a space; nil: nobody does.
	Clients Clients
	// Log writes a platform line into an app's log stream, as "app[api]: …".
	Log func(appID, text string)
}

// Clients tells who came to the apps of a space of late.
type Clients interface {
	Recent(spaceID string) []cloister.Client
}

// A Platform carries out what people ask for.
type Platform struct {
	store  *store.Store
	config Config
	log    *slog.Logger

	guesses  *Limiter // of passwords, by address of the caller
	refusals refusals
	hashing  chan struct{} // one value for each password that is being hashed
}

// guessesPerHour is how often one address may try to sign in.
const guessesPerHour = 120

// New returns a Platform over a store.
func New(s *store.Store, c Config, log *slog.Logger) *Platform {
	if len(c.Regions) == 0 {
		c.Regions = cloister.Regions
	}
	if c.DNSSuffix == "" {
		c.DNSSuffix = c.AppDomain
	}
	if c.Log == nil {
		c.Log = func(string, string) {}
	}
	return &Platform{store: s, config: c, log: log, guesses: NewLimiter(guessesPerHour), refusals: newRefusals(), hashing: make(chan struct{}, 2)}
}

// update runs fn in a transaction on behalf of an actor.
func (p *Platform) update(ctx context.Context, a cloister.Actor, fn func(*store.Tx) error) error {
	return p.told(ctx, a, p.store.Update(ctx, func(tx *store.Tx) error {
		tx.Actor, tx.From, tx.Request = a.User.Email, a.From, a.Request
		return fn(tx)
	}))
}

// view runs fn in a transaction that changes nothing, on behalf of an actor.
func (p *Platform) view(ctx context.Context, a cloister.Actor, fn func(*store.Tx) error) error {
	return p.told(ctx, a, p.store.View(ctx, fn))
}

// A SpaceInfo is a space with what is shown beside it.
type SpaceInfo struct {
	cloister.Space
	Team   cloister.Team
	Region cloister.Region
}

// An AppInfo is an app with what is shown beside it.
type AppInfo struct {
	cloister.App
	Space  cloister.Space
	Team   cloister.Team
	Host   string // of the default domain
	Joined bool   // the actor is a collaborator of it
}

// taken turns the Conflict of a unique name into the message people know.
func taken(err error, what, name string) error {
	if cloister.KindOf(err) == cloister.Conflict {
		return cloister.Errorf(cloister.Invalid, "%s %s is already taken. Choose another name.", what, name)
	}
	return err
}
