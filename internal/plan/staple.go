package plan

import (
	"time"

	"github.com/cloister-dev/cloister"
)

// A StaplePlan says which authorities are to be asked about their certificates.
type StaplePlan struct {
	Ask   []cloister.Endpoint // now
	Drop  []cloister.Endpoint // whose staple is good no more
	Again time.Duration       // until something is due; 0: never
}

// Staples is what to do for the certificates of an app. Answers are renewed in the middle of their life, which leaves half of it
// for an authority that is down.
func Staples(endpoints []cloister.Endpoint, now time.Time) (p StaplePlan) {
	again := func(at time.Time) {
		if d := at.Sub(now); p.Again == 0 || d < p.Again {
			p.Again = d
		}
	}
	for _, e := range endpoints {
		over := len(e.Staple.Text) > 0 && !now.Before(e.Staple.Until)
		if over {
			p.Drop = append(p.Drop, e)
		} else if len(e.Staple.Text) > 0 {
			again(e.Staple.Until)
		}
		if now.Before(e.StapleNext) {
			again(e.StapleNext)
		} else if _, ok := e.Responder(); ok {
			p.Ask = append(p.Ask, e)
		}
	}
	return p
}

const (
	staplePause = time.Hour // after an authority that did not answer; and the least otherwise
	stapleMost  = 24 * time.Hour
)

// Stapled is an endpoint after its authority was asked. An answer that did not come leaves the last one, while that is good; of a
// certificate that is revoked there is nothing to hand out.
func Stapled(e cloister.Endpoint, s cloister.Staple, err error, now time.Time) cloister.Endpoint {
	switch {
	case err != nil:
		e.StapleNext = now.Add(staplePause)
	case s.Revoked:
		e.Staple, e.StapleNext = cloister.Staple{Revoked: true}, now.Add(stapleMost)
	default:
		e.Staple = s
		e.StapleNext = now.Add(min(max(s.Until.Sub(now)/2, staplePause), stapleMost))
	}
	return e
}
