package cloister

import "time"

// A Zone is a part of the installation that fails on its own. Dynos are spread over all of them, and leave one that has
// failed: because it was seen to, or because an operator says so.
type Zone struct {
	Name     string
	FailedAt time.Time // platform: since when an operator has declared it failed; zero: nobody has
	FailedBy string    // platform: e-mail
	Healthy  bool      // control: as the engine sees it
	SeenAt   time.Time // control: since when
}

// Works reports whether dynos may run in the zone.
func (z Zone) Works() bool { return z.Healthy && z.FailedAt.IsZero() }

// Reason says why the zone does not work, in words; "" if it does.
func (z Zone) Reason() string {
	switch {
	case !z.FailedAt.IsZero():
		return "declared failed by " + z.FailedBy + " at " + z.FailedAt.UTC().Format(time.RFC3339)
	case !z.Healthy:
		return "none of its nodes has been healthy since " + z.SeenAt.UTC().Format(time.RFC3339)
	}
	return ""
}
