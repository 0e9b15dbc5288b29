package cloister

import (
	"slices"
	"strings"
)

// A Scope is what an API token may be used for, of what its owner may do. The words are Heroku's.
type Scope string

const (
	GlobalScope         Scope = "global"          // everything
	IdentityScope       Scope = "identity"        // to find out whose it is
	ReadScope           Scope = "read"            // to look, but not at config vars and logs
	WriteScope          Scope = "write"           // to look and change, but not config vars, releases and what runs with them
	ReadProtectedScope  Scope = "read-protected"  // to look at everything
	WriteProtectedScope Scope = "write-protected" // to look and change, but neither tokens nor the installation
)

// Scopes are all there are.
var Scopes = []Scope{GlobalScope, IdentityScope, ReadScope, WriteScope, ReadProtectedScope, WriteProtectedScope}

// ParseScopes reads the scopes of a token, in the order given, each once. None is global.
func ParseScopes(names []string) (out []Scope, err error) {
	for _, n := range names {
		s := Scope(n)
		if !slices.Contains(Scopes, s) {
			return nil, Errorf(Invalid, "There is no scope %q. Use %s.", n, ScopeNames(Scopes, ", "))
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		out = []Scope{GlobalScope}
	}
	return out, nil
}

// ScopeNames are scopes in words.
func ScopeNames(scopes []Scope, between string) string {
	var names []string
	for _, s := range scopes {
		names = append(names, string(s))
	}
	return strings.Join(names, between)
}
