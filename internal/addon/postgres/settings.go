package postgres

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
)

// A setting is something that can be changed while the service runs, under the name that the API has for it.
type setting struct {
	name   string            // "log_lock_waits"
	first  string            // as long as nobody says otherwise
	values map[string]string // what it can be, and what that means; nil: a number
	least  int               // of a number
	means  func(n int) string
	ours   bool // PostgreSQL has none of that name
}

// enabled are the values of a setting that is on or off.
func enabled(on, off string) map[string]string { return map[string]string{"true": on, "false": off} }

// settings are all that there are, sorted. Their texts are Heroku's.
var settings = []setting{
	{name: "auto_explain", first: "false", ours: true,
		values: enabled("Execution plans of queries will be logged for future connections.", "Execution plans of queries will not be logged for future connections.")},
	{name: "auto_explain.log_analyze", first: "false",
		values: enabled("EXPLAIN ANALYZE execution plans will be logged.", "EXPLAIN ANALYZE execution plans will not be logged.")},
	{name: "auto_explain.log_buffers", first: "false",
		values: enabled("Buffer statistics have been enabled for auto_explain.", "Buffer statistics have been disabled for auto_explain.")},
	{name: "auto_explain.log_format", first: "text", values: map[string]string{
		"text": "Auto explain log output will log in text format.", "json": "Auto explain log output will log in json format.",
		"yaml": "Auto explain log output will log in yaml format.", "xml": "Auto explain log output will log in xml format."}},
	{name: "auto_explain.log_min_duration", first: "-1", least: -1, means: func(n int) string {
		switch n {
		case -1:
			return "Execution plan logging has been disabled."
		case 0:
			return "All queries will have their execution plans logged."
		}
		return fmt.Sprintf("All execution plans will be logged for queries taking up to %d milliseconds or more.", n)
	}},
	{name: "auto_explain.log_nested_statements", first: "false",
		values: enabled("Nested statements will be included in execution plan logs.", "Only top-level execution plans will be included in logs.")},
	{name: "auto_explain.log_triggers", first: "false",
		values: enabled("Trigger execution statistics have been enabled for auto-explain.", "Trigger execution statistics have been disabled for auto-explain.")},
	{name: "auto_explain.log_verbose", first: "false",
		values: enabled("Verbose execution plan logging has been enabled for auto_explain.", "Verbose execution plan logging has been disabled for auto_explain.")},
	{name: "log_connections", first: "true", values: enabled("When login attempts are made, a log message will be emitted in your application's logs.",
		"When login attempts are made, no log message will be emitted in your application's logs.")},
	{name: "log_lock_waits", first: "true", values: enabled("When a deadlock is detected, a log message will be emitted in your application's logs.",
		"When a deadlock is detected, no log message will be emitted in your application's logs.")},
	{name: "log_min_duration_statement", first: "2000", least: -1, means: func(n int) string {
		switch n {
		case -1:
			return "The duration of each completed statement will not be logged."
		case 0:
			return "The duration of each completed statement will be logged."
		}
		return fmt.Sprintf("The duration of each completed statement will be logged if the statement ran for at least %d milliseconds.", n)
	}},
	{name: "log_min_error_statement", first: "error", values: map[string]string{
		"error": "All statements causing an error or of greater severity level will be logged.", "log": "All statements causing a message of level log or of greater severity will be logged.",
		"fatal": "All statements causing a fatal error or of greater severity level will be logged.", "panic": "Only statements causing a panic will be logged."}},
	{name: "log_statement", first: "ddl", values: map[string]string{
		"none": "No statements will be logged in your application's logs.", "ddl": "Any data definition statements, such as CREATE, ALTER and DROP, will be logged in your application's logs.",
		"mod": "Any statements that modify data, in addition to data definition statements, will be logged in your application's logs.",
		"all": "All statements executed will be logged in your application's logs."}},
	{name: "track_functions", first: "none", values: map[string]string{"none": "No functions will be tracked.", "pl": "Only procedural language functions will be tracked.",
		"all": "All functions, including SQL and C language functions, will be tracked. Simple SQL-language that are inlined are not tracked."}},
}

// find is the setting of a name.
func find(name string) (setting, bool) {
	i := slices.IndexFunc(settings, func(t setting) bool { return t.name == name })
	if i < 0 {
		return setting{}, false
	}
	return settings[i], true
}

// CheckSetting reports why a setting cannot be that, or nil. "" leaves it to us.
func (Kind) CheckSetting(name, value string) error {
	t, ok := find(name)
	if !ok {
		return cloister.Errorf(cloister.Invalid, "Postgres has no setting %q.", name)
	}
	if value == "" {
		return nil
	}
	if t.values == nil {
		if n, err := strconv.Atoi(value); err != nil || n < t.least || n > 1<<31-1 {
			return cloister.Errorf(cloister.Invalid, "%s cannot be %q. It is a number of milliseconds, or -1 for none.", name, value)
		}
		return nil
	}
	if _, ok := t.values[value]; !ok {
		return cloister.Errorf(cloister.Invalid, "%s cannot be %q. It is one of %s.", name, value, strings.Join(slices.Sorted(maps.Keys(t.values)), ", "))
	}
	return nil
}

// value is what a setting is now.
func (t setting) value(s addon.Spec) string {
	if v := s.Addon.Settings[t.name]; v != "" {
		return v
	}
	return t.first
}

// Settings are all that there are, as they are, sorted.
func (Kind) Settings(s addon.Spec) (out []addon.Setting) {
	for _, t := range settings {
		x := addon.Setting{Name: t.name, Value: t.value(s), Values: t.values}
		if n, err := strconv.Atoi(x.Value); t.values == nil && err == nil {
			x.Values = map[string]string{x.Value: t.means(n)}
		}
		out = append(out, x)
	}
	return out
}

// settingsFile is lines of postgresql.conf. Without auto_explain no plan is logged, however long a statement took.
func settingsFile(s addon.Spec) string {
	var b strings.Builder
	explain, _ := find("auto_explain")
	for _, t := range settings {
		value := t.value(s)
		switch {
		case t.ours:
			continue
		case t.name == "auto_explain.log_min_duration" && explain.value(s) != "true":
			value = "-1"
		}
		fmt.Fprintf(&b, "%s = %s\n", t.name, text(value))
	}
	return b.String()
}
