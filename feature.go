package cloister

import "time"

// A Feature is a way of treating an app's dynos that its owner can switch.
type Feature struct {
	Name        string
	Description string
	Default     bool // what it is in an app whose owner has not switched it
	Lab         bool // clients list it under labs, as Heroku does
}

// The features of apps.
const (
	ReleaseRollback = "release-rollback"
	Preboot         = "preboot"
	DailyRestarts   = "daily-dyno-restarts"
	RuntimeMetrics  = "log-runtime-metrics"
	RuntimeExec     = "runtime-heroku-exec"
	StrictTLS       = "spaces-strict-tls"
	ModernTLS       = "spaces-tls-modern"
)

// Features are all features of apps, by name. Whether dynos are restarted daily an operator decides for the apps whose
// owners do not.
func Features(daily bool) []Feature {
	return []Feature{
		{DailyRestarts, "Restart each dyno when it has been up for a day, as Heroku does.", daily, false},
		{RuntimeMetrics, "Write what each dyno uses of memory and processors into the log.", false, true},
		{Preboot, "Start a dyno's successor beside it where stopping it first would take down more than a quarter.", true, false},
		{ReleaseRollback, "Go back to the release before when the dynos of a new one do not come up.", true, false},
		{RuntimeExec, "Let those who may deploy the app into its running dynos: ps:exec, ps:copy, ps:forward, ps:socks, run:inside.", true, false},
		{StrictTLS, "Refuse TLS 1.0, TLS 1.1 and their suites on the app's names. Switch it off only for clients that speak nothing newer.", true, false},
		{ModernTLS, "Speak TLS 1.3 alone on the app's names.", false, false},
	}
}

// Has reports whether a feature of the app is on; daily is what the operator has decided.
func (a App) Has(feature string, daily bool) bool {
	if on, switched := a.Features[feature]; switched {
		return on
	}
	for _, f := range Features(daily) {
		if f.Name == feature {
			return f.Default
		}
	}
	return false
}

// How long a web dyno may take to bind its port: unless its app says otherwise, and at most.
const (
	BootTimeout    = 60 * time.Second
	MaxBootTimeout = 180 * time.Second
)

// ValidBootTimeout reports why d may not be an app's boot timeout, or nil.
func ValidBootTimeout(d time.Duration) error {
	if d < time.Second || d > MaxBootTimeout || d%time.Second != 0 {
		return Errorf(Invalid, "A boot timeout is between 1 and %d seconds.", int(MaxBootTimeout.Seconds()))
	}
	return nil
}

// Boots is how long a web dyno of the app may take to bind its port.
func (a App) Boots() time.Duration {
	if a.BootTimeout > 0 {
		return a.BootTimeout
	}
	return BootTimeout
}
