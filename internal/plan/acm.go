package plan

import (
	"crypto/x509"
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
)

// ACMInput is what is known of an app whose domains get certificates by themselves.
type ACMInput struct {
	Domains   []cloister.Domain
	Endpoints []cloister.Endpoint
	Now       time.Time
}

// ACMPlan is what to do for them, one certificate at a time.
type ACMPlan struct {
	Obtain string              // id of the domain to get one for; "": none now
	Idle   []cloister.Domain   // that have a certificate of their owner's, and still a state from before
	Drop   []cloister.Endpoint // got for domains that are served with others, or are gone
	Again  time.Duration       // until something is due
}

// ACM says which domain's certificate is next: one that has none, or whose third third has begun.
func ACM(in ACMInput) (p ACMPlan) {
	var due time.Time // of what is due next
	var next cloister.Domain
	used := map[string]bool{}
	for _, d := range in.Domains {
		e, has := pinned(d, in.Endpoints)
		if has && !e.ACM {
			if d.ACMStatus != "" {
				p.Idle = append(p.Idle, d)
			}
			continue
		}
		at := d.ACMNext
		if has {
			used[e.ID] = true
			if renew := renewal(e); renew.After(at) {
				at = renew
			}
		}
		if next.ID == "" || at.Before(due) {
			due, next = at, d
		}
	}
	for _, e := range in.Endpoints {
		if e.ACM && !used[e.ID] {
			p.Drop = append(p.Drop, e)
		}
	}
	switch {
	case next.ID == "":
	case due.After(in.Now):
		p.Again = due.Sub(in.Now)
	default:
		p.Obtain = next.ID
	}
	return p
}

func pinned(d cloister.Domain, endpoints []cloister.Endpoint) (e cloister.Endpoint, ok bool) {
	i := slices.IndexFunc(endpoints, func(e cloister.Endpoint) bool { return e.ID == d.EndpointID })
	if i < 0 {
		return e, false
	}
	return endpoints[i], true
}

// renewal is when an endpoint's certificate is to be renewed. One that cannot be read, or is revoked, is over.
func renewal(e cloister.Endpoint) time.Time {
	leaf, err := e.Leaf()
	if err != nil || e.Staple.Revoked {
		return time.Time{}
	}
	return Renewal(leaf, e.UpdatedAt)
}

// Renewal is when two thirds of the life of a certificate are over that was got at a time: authorities date them back, and one that
// is short is not to be renewed as soon as it is there.
func Renewal(leaf *x509.Certificate, got time.Time) time.Time {
	began := leaf.NotBefore
	if got.After(began) && got.Before(leaf.NotAfter) {
		began = got
	}
	return began.Add(leaf.NotAfter.Sub(began) * 2 / 3)
}

const (
	acmFirst = time.Minute    // between two tries, at first
	acmMost  = 12 * time.Hour // and at last
	acmPlain = 6              // tries after which it is called failed: some half an hour
)

// ACMFailed is a domain after its certificate was not had: reason says why, wait is how long not to try at least, and final that
// trying changes nothing.
func ACMFailed(d cloister.Domain, reason string, wait time.Duration, final bool, now time.Time) cloister.Domain {
	pause := acmMost
	if d.ACMTries < 10 {
		pause = min(acmFirst<<d.ACMTries, acmMost)
	}
	d.ACMTries++
	d.ACMStatus, d.ACMReason = cloister.ACMFailing, reason
	if final || d.ACMTries >= acmPlain {
		d.ACMStatus = cloister.ACMFailed
	}
	if final {
		pause = acmMost
	}
	d.ACMNext = now.Add(max(pause, wait))
	return d
}
