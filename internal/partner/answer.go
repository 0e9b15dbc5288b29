package partner

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister"
)

// An Answer is what a provider says when it does what it was called for.
type Answer struct {
	Pending     bool                       // it will tell the Platform API when it is done
	ID          string                     // the provider's own name of the resource; "" possible after a change of plan
	Message     string                     // for who wanted it; clean, may be ""
	Config      map[string]cloister.Secret // all that apps are to get; nil: it says nothing of that
	LogDrainURL cloister.Secret            // where it wants the app's log; "": it says nothing of that
}

var wholeNumber = regexp.MustCompile(`^[0-9]{1,20}$`)

// read reads the body of a success. What is no JSON may be what a broken proxy says, so that trying again may help; what is, and
// cannot be used, will be the same another time.
func (m *Manifest) read(code int, text []byte, made bool) (Answer, error) {
	out := Answer{Pending: code == http.StatusAccepted}
	if code == http.StatusNoContent && !made {
		return out, nil
	}
	if code != http.StatusOK && code != http.StatusCreated && code != http.StatusAccepted {
		return Answer{}, m.unusable(code, "its status is %d, where 200, 201 or 202 must be.", code)
	}
	if !json.Valid(text) {
		return Answer{}, &Failure{Code: code, Message: fmt.Sprintf("The answer of %s is not valid JSON.", m.ID)}
	}
	var in struct {
		ID          json.RawMessage            `json:"id"`
		Message     string                     `json:"message"`
		Config      map[string]json.RawMessage `json:"config"`
		LogDrainURL string                     `json:"log_drain_url"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return Answer{}, m.unusable(code, "%s", mistyped(err))
	}
	out.Message = clean(in.Message)
	var ok bool
	if out.ID, ok = identifier(in.ID); !ok || out.ID == "" && made {
		return Answer{}, m.unusable(code, "id must be a string of 1 to 255 printable characters, or a whole number.")
	}
	var why string
	if out.Config, why = m.config(in.Config); why != "" {
		return Answer{}, m.unusable(code, "%s", why)
	}
	if in.LogDrainURL != "" {
		if !slices.Contains(m.API.Requires, "syslog_drain") {
			return Answer{}, m.unusable(code, "it has log_drain_url, and api.requires of its manifest does not have syslog_drain.")
		}
		to, err := cloister.ParseDrainURL(in.LogDrainURL)
		if err != nil {
			return Answer{}, m.unusable(code, "log_drain_url is not right. %s", err)
		}
		out.LogDrainURL = to
	}
	return out, nil
}

// identifier reads what should be a string, and is a number at some providers. Nothing, and null, is "".
func identifier(raw json.RawMessage) (id string, ok bool) {
	if len(raw) == 0 || string(raw) == "null" || wholeNumber.Match(raw) {
		return strings.TrimPrefix(string(raw), "null"), true
	}
	err := json.Unmarshal(raw, &id)
	return id, err == nil && id != "" && id == cloister.Words(id, maxWords)
}

// config reads config vars, or says why they cannot be an app's. It never repeats a value.
func (m *Manifest) config(in map[string]json.RawMessage) (vars map[string]cloister.Secret, why string) {
	if in == nil {
		return nil, ""
	}
	vars = map[string]cloister.Secret{}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if why := m.wrongVar(name); why != "" {
			return nil, "config has " + why
		}
		var value string
		if in[name][0] != '"' || json.Unmarshal(in[name], &value) != nil {
			return nil, fmt.Sprintf("config.%s is not a string.", name)
		}
		vars[name] = cloister.Secret(value)
	}
	if err := cloister.ValidConfig(vars); err != nil {
		return nil, cloister.MessageOf(err)
	}
	return vars, ""
}
