package web

import (
	"net/url"
	"slices"

	"github.com/cloister-dev/cloister/internal/platform"
)

// A page is what a template of the dashboard is given.
type page struct {
	template string // a file below pages
	Title    string
	State    string // of what the page is about, in one word
	Trail    []link // from the team down
	Tabs     []link
	Live     string // the template of the part that is sent again when it changes; "": nothing does
	Data     any
	stream   func(feed) // what is sent instead of Live to whoever follows the page
	entry

	// Of every page; see dress.
	Email string
	Teams []platform.TeamInfo
	Path  string
	Said  string
}

// A link is a place to go to.
type link struct {
	Name, Path string
	Here       bool
}

// dones are what a page tells after something was done, by what stands in its address: nothing that others write there shows.
var dones = map[string]string{
	"added": "Added.", "removed": "Removed.", "saved": "Saved.", "renamed": "Renamed.", "asked": "Asked for. The other side has to accept it.",
	"accepted": "Accepted.", "transferred": "Transferred.", "destroyed": "Destroyed.", "scaled": "Scaled. Dynos follow in a moment.",
	"restarted": "Restarting.", "created": "Created.", "rolled-back": "Rolled back: there is a new release.",
}

// dress adds what every page has.
func (w *Web) dress(v *visit, p *page) error {
	teams, err := w.platform.Teams(v.Context(), v.actor)
	if err != nil {
		return err
	}
	p.Email, p.Teams, p.Path, p.Said = v.actor.User.Email, teams, v.URL.Path, dones[v.URL.Query().Get("done")]
	mine := func(t platform.TeamInfo) bool { return len(p.Trail) > 0 && t.Name == p.Trail[0].Name }
	if len(p.Trail) > 1 && !slices.ContainsFunc(teams, mine) { // they were let at an app alone
		p.Trail = p.Trail[len(p.Trail)-1:]
	}
	for i, t := range p.Tabs {
		p.Tabs[i].Here = t.Path == p.Path
	}
	return nil
}

// An entry is a form that was sent, and refused.
type entry struct {
	Form    string // which form of the page
	Message string
	field   string // which field of it; "": the form as a whole
	typed   url.Values
}

// A field is an input of a form.
type field struct {
	ID, Name, Type, Label, Hint, Value, Error string
	Required                                  bool
}

// types are the types of inputs, by their names; others are text.
var types = map[string]string{"email": "email", "quantity": "number"}

// Field is a field of a form that must be filled in, with what was typed into it and what is wrong with that, or with a value.
func (p page) Field(form, name, label, hint, value string) field {
	f := field{ID: form + "-" + name, Name: name, Type: types[name], Label: label, Hint: hint, Value: value, Required: true}
	if f.Type == "" {
		f.Type = "text"
	}
	f.Value = p.Typed(form, name, value)
	if p.Form == form && p.field == name {
		f.Error = p.Message
	}
	return f
}

// Optional is a field that may be left empty.
func (p page) Optional(form, name, label, hint, value string) field {
	f := p.Field(form, name, label, hint, value)
	f.Required = false
	return f
}

// Typed is what was typed into a field, or else a value.
func (p page) Typed(form, name, value string) string {
	if p.Form == form && p.typed.Has(name) {
		return p.typed.Get(name)
	}
	return value
}

// Trouble is what is wrong with a form as a whole.
func (p page) Trouble(form string) string {
	if p.Form == form && p.field == "" {
		return p.Message
	}
	return ""
}

// Wrong is what is wrong with a form of one field that says no more than that.
func (p page) Wrong(form string) string {
	if p.Form == form {
		return p.Message
	}
	return ""
}

// Chosen reports whether a box of a form was ticked when it was sent.
func (p page) Chosen(form, name, value string) bool {
	return p.Form == form && slices.Contains(p.typed[name], value)
}

// Elsewhere is what is wrong with something that was sent by no form of ours.
func (p page) Elsewhere() string { return p.Wrong("") }
