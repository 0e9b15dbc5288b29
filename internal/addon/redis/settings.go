package redis

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
)

// A setting is something that can be changed while the service runs, under the name that the API has for it.
type setting struct {
	name    string            // "maxmemory_policy"
	natural string            // as long as nobody says otherwise
	values  map[string]string // what it can be, and what that means; nil: not a choice
	config  string            // what Valkey calls it
	valid   func(string) bool
	rule    string // what a value must be, for whoever gave another
}

// settings are all that there are, sorted.
var settings = []setting{
	{name: "maxmemory_policy", natural: "noeviction", config: "maxmemory-policy", rule: "one of " + strings.Join(slices.Sorted(maps.Keys(policies)), ", "),
		values: policies, valid: func(v string) bool { _, ok := policies[v]; return ok }},
	{name: "notify_keyspace_events", natural: "", config: "notify-keyspace-events", rule: "any of the letters KEg$lshzxeatdmn, or empty",
		valid: regexp.MustCompile(`^[KEg$lshzxeAtdmn]*$`).MatchString},
	{name: "timeout", natural: "300", config: "timeout", rule: "a number of seconds, 0 for no timeout",
		valid: func(v string) bool { n, err := strconv.Atoi(v); return err == nil && n >= 0 && n <= 1<<30 }},
}

// policies are what can be done when memory is full, in Heroku's words.
var policies = map[string]string{
	"noeviction":      "return errors when memory limit is reached",
	"allkeys-lru":     "evict keys trying to remove less recently used keys first",
	"volatile-lru":    "evict keys trying to remove less recently used keys first but only if the key has an expiration set",
	"allkeys-random":  "evict random keys",
	"volatile-random": "evict random keys but only if the key has an expiration set",
	"volatile-ttl":    "evict keys but only if the key has an expiration set and try to evict keys with a shorter time to live first",
	"allkeys-lfu":     "evict keys trying to remove less frequently used keys first",
	"volatile-lfu":    "evict keys trying to remove less frequently used keys first but only if the key has an expiration set",
}

// CheckSetting reports why a setting cannot be that, or nil. "" is what it is by itself.
func (Kind) CheckSetting(name, value string) error {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.name == name })
	if i < 0 {
		return cloister.Errorf(cloister.Invalid, "Redis has no setting %q.", name)
	}
	if value != "" && !settings[i].valid(value) {
		return cloister.Errorf(cloister.Invalid, "%s cannot be %q. It is %s.", name, value, settings[i].rule)
	}
	return nil
}

// checkOptions allows the version, and each setting as what it is at the beginning.
func checkOptions(options map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(options)) {
		value := options[name]
		switch {
		case name == "version" && value != Version:
			return cloister.Errorf(cloister.Invalid, "Redis version %q is not to be had. There is %s.", value, Version)
		case name != "version":
			if err := (Kind{}).CheckSetting(name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// Version is what can be asked for with the option version.
const Version = "8"

// Settings are all settings as they are.
func (Kind) Settings(s addon.Spec) (out []addon.Setting) {
	for _, t := range settings {
		v := addon.Setting{Name: t.name, Value: t.value(s), Values: t.values}
		if v.Values == nil {
			v.Values = map[string]string{v.Value: "It is " + t.rule + "."}
		}
		out = append(out, v)
	}
	return out
}

// value is what a setting is now: as somebody has set it, as the add-on was made with, or what it is by itself.
func (t setting) value(s addon.Spec) string {
	for _, from := range []map[string]string{s.Addon.Settings, s.Addon.Options} {
		if v, ok := from[t.name]; ok {
			return v
		}
	}
	return t.natural
}

// configs are the settings as lines of a configuration, and as arguments of CONFIG SET.
func configs(s addon.Spec) (out []string) {
	for _, t := range settings {
		out = append(out, fmt.Sprintf("%s %q", t.config, t.value(s)))
	}
	return out
}
