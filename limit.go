package cloister

import "slices"

// A LimitName names one of the limits of a space.
type LimitName string

// The limits, by name.
const (
	LimitApps          LimitName = "apps"
	LimitProcessTypes  LimitName = "process-types"
	LimitDynosPerType  LimitName = "dynos-per-type"
	LimitDynos         LimitName = "dynos"
	LimitOneOffs       LimitName = "one-offs"
	LimitTrustedRanges LimitName = "trusted-ranges"
	LimitOutboundRules LimitName = "outbound-rules"
	LimitPeerings      LimitName = "peerings"
	LimitDrains        LimitName = "drains"
	LimitWebhooks      LimitName = "webhooks"
	LimitJobs          LimitName = "scheduled-jobs"
	LimitDomains       LimitName = "domains"
	LimitCertificates  LimitName = "certificates"
	LimitAddons        LimitName = "add-ons"
)

// A Limit is how much of something a space can have. An operator can set another value for one space, from 0 to Most:
// more than that was never tried, and would be refused by something that says so less clearly.
type Limit struct {
	Name    LimitName
	Default int
	Most    int
	What    string // what is counted
	Of      string // of what there are so many: "a space", "an app", …
	Less    string // how one gets below it
}

// Limits are all of them. The defaults are the contract's ("Default Limits for Private Spaces") but for outbound rules,
// peerings, drains, webhooks and domains, which are those of Heroku's firewall, VPCs, log drains, app webhooks and custom domains,
// and for certificates, scheduled jobs and add-ons, which are our own.
var Limits = []Limit{
	{LimitApps, 20, 1000, "apps", "a space", "Destroy one"},
	{LimitProcessTypes, 100, 1000, "process types", "an app", "Declare fewer"},
	{LimitDynosPerType, 10, 1000, "dynos", "a process type", "Choose fewer"},
	{LimitDynos, 100, 1000, "dynos", "a space, with one-off dynos", "Scale something down"},
	{LimitOneOffs, 5, 100, "one-off dynos", "a size, at once", "Stop one with `heroku ps:stop`, use another size"},
	{LimitTrustedRanges, 20, 1000, "trusted IP ranges", "a space", "Merge neighbouring ranges"},
	{LimitOutboundRules, 100, 1000, "outbound rules", "a space", "Merge neighbouring targets"},
	{LimitPeerings, 5, 50, "peerings", "a space", "Destroy one"},
	{LimitDrains, 5, 100, "log drains", "an app", "Remove one"},
	{LimitWebhooks, 10, 100, "webhooks", "an app", "Remove one"},
	{LimitJobs, 100, 1000, "scheduled jobs", "an app", "Remove one"},
	{LimitDomains, 1000, 10000, "domains", "an app", "Remove one"},
	{LimitAddons, 40, 1000, "add-ons inside", "a space", "Destroy one"},
	{LimitCertificates, 100, 1000, "certificates", "an app", "Remove one, or use one for several domains"},
}

// LimitByName finds a limit. An unknown one is Invalid.
func LimitByName(name string) (Limit, error) {
	var names string
	for _, l := range Limits {
		if string(l.Name) == name {
			return l, nil
		}
		names += ", " + string(l.Name)
	}
	return Limit{}, Errorf(Invalid, "There is no limit %q. Use one of %s.", name, names[2:])
}

// limit is the limit of a name that the program knows.
func (name LimitName) limit() Limit {
	return Limits[slices.IndexFunc(Limits, func(l Limit) bool { return l.Name == name })]
}

// Default is the value of a limit that no operator has set.
func (name LimitName) Default() int { return name.limit().Default }

// Most is the largest value that an operator can set.
func (name LimitName) Most() int { return name.limit().Most }

// Valid reports why n is no value for the limit, or nil.
func (l Limit) Valid(n int) error {
	if n < 0 || n > l.Most {
		return Errorf(Invalid, "A space can have 0 to %d for %s.", l.Most, l.Name)
	}
	return nil
}

// SpaceLimits are the limits that an operator has set for a space; the others are the defaults.
type SpaceLimits map[LimitName]int

// Of is the value of a limit.
func (s SpaceLimits) Of(name LimitName) int {
	if n, ok := s[name]; ok {
		return n
	}
	return name.Default()
}

// Allow reports why a space may not have want of something, of which who (a space, an app, a process type) has use; or
// nil. What is above a limit that was lowered may stay, and shrink.
func (s SpaceLimits) Allow(name LimitName, space, who string, use, want int) error {
	n := s.Of(name)
	if want <= n || want <= use {
		return nil
	}
	l := name.limit()
	return Errorf(Invalid, "%s has %d %s, and would have %d; the limit is %d. %s, or ask an operator of this installation to raise it: `cloister limits:set %s=%d --space %s`.",
		who, use, l.What, want, n, l.Less, name, want, space)
}
