package cloister

import (
	"strings"
	"time"
)

// A Domain is a host name of an app's own, beside its default one: no two apps have the same.
type Domain struct {
	ID         string
	AppID      string
	Hostname   string // lower case, in punycode; "*.example.com" stands for every name below
	EndpointID string // SNI endpoint that it is served with; "": none
	Clients    string // PEM: the authorities whose clients alone may come; "": all may
	Ready      bool   // routers know it; written by control
	CreatedAt  time.Time
	UpdatedAt  time.Time

	EndpointName string // of the SNI endpoint, for lists

	// Of its automatic certificate, in the words of the API; written by control.
	ACMStatus string    // "": there is none to have
	ACMReason string    // why it is not there yet
	ACMTries  int       // that have failed since the last one that has not
	ACMNext   time.Time // not tried before
}

// The states of an automatic certificate, as clients know them: they wait for ACMIssued or ACMFailed.
const (
	ACMOrdered = "verified" // shown as "In Progress"
	ACMIssued  = "cert issued"
	ACMFailing = "failing" // it is tried again soon
	ACMFailed  = "failed"  // it is tried again now and then, or when it is asked for
)

// ForgetACM is for a domain whose automatic certificate nobody waits for, or is to be tried as if for the first time.
func (d *Domain) ForgetACM() {
	d.ACMStatus, d.ACMReason, d.ACMTries, d.ACMNext = "", "", 0, time.Time{}
}

// Wildcard reports whether the domain stands for every name below another, and tells that one.
func (d Domain) Wildcard() (parent string, ok bool) { return strings.CutPrefix(d.Hostname, "*.") }

// DNSTarget is what the DNS record of a domain in the space has to point to (CNAME or ALIAS): it stays when the app is renamed.
func (s Space) DNSTarget(suffix string) string {
	return strings.ReplaceAll(s.ID, "-", "")[:12] + "." + suffix
}

// Covers reports whether a name of a certificate or of a domain, exact or "*.example.com", is good for a host name; a wildcard
// is for one label, and for the same wildcard.
func Covers(name, hostname string) bool {
	name = strings.ToLower(name)
	if name == hostname {
		return true
	}
	parent, ok := strings.CutPrefix(name, "*.")
	_, above, _ := strings.Cut(hostname, ".")
	return ok && above == parent && !strings.HasPrefix(hostname, "*.")
}
