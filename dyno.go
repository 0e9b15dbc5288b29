package cloister

import (
	"net/netip"
	"strconv"
	"time"
)

// A DynoState is in the API's words.
type DynoState string

const (
	DynoStarting DynoState = "starting"
	DynoUp       DynoState = "up"
	DynoCrashed  DynoState = "crashed"
	DynoDown     DynoState = "down" // being stopped for good; gone from lists soon
)

// A Dyno is one run of one process: it never restarts. A restart retires the row of web.1 and makes another web.1
// with a new id. All of it is written by control, but for Restart, by which platform asks to replace it.
type Dyno struct {
	ID        string
	AppID     string
	SpaceID   string
	Type      string
	Number    int // the slot: web.1 has 1
	ReleaseID string
	Version   int // of the release
	Size      string
	Command   string
	Zone      string
	State     DynoState

	Restart  bool           // platform asks: replace me
	RetireAt time.Time      // when it was taken out of the routes; zero: wanted
	StopAt   time.Time      // when SIGTERM was sent; zero: not yet
	Address  netip.Addr     // in the space
	Endpoint netip.AddrPort // where the router finds it
	UpAt     time.Time
	EndedAt  time.Time // when a crash was seen
	Exit     int       // exit status, once it has ended
	Crashes  int       // how many dynos of this slot crashed in a row before this one

	CreatedAt time.Time
	UpdatedAt time.Time
}

// Name is the dyno's name in its app: "web.1".
func (d Dyno) Name() string { return d.Type + "." + strconv.Itoa(d.Number) }

// Retired reports whether the dyno is on its way out.
func (d Dyno) Retired() bool { return !d.RetireAt.IsZero() }
