package platform_test

import (
	"context"
	"maps"

	"github.com/cloister-dev/cloister"
)

// need says what it takes to do something.
type need int

const (
	account  need = iota // being signed in
	upload               // … with a token that may bring about releases
	own                  // … with all that one is: it is about one's own tokens
	oversee              // a place in the team, or to be an operator of the installation
	view                 // a place in the team
	see                  // a place in the team, or any permission of the app
	read                 // the permission to deploy the app, or to operate it
	deploy               // … to deploy it
	operate              // … to operate it
	manage               // … to manage it
	create               // … to create apps in the space
	member               // the role of member
	coupled              // … and the app in the pipeline is seen, as by those who have a permission of it
	admin                // the role of admin
	operator             // to be an operator of the installation
)

// A deed is a thing that the platform does for an actor, in the house of newHouse after a deploy.
type deed struct {
	need need
	do   func(ctx context.Context, h *house, a cloister.Actor) error
}

// deeds are all of them, by the names of the methods.
var deeds = func() map[string]deed {
	all := map[string]deed{}
	for _, some := range []map[string]deed{peopleDeeds, spaceDeeds, appDeeds, jobDeeds, pipelineDeeds, addonDeeds} {
		maps.Copy(all, some)
	}
	return all
}()

// Each of these has a test of its own: they are for those who have no account yet, or about a person's own tokens, or not
// for people.
var others = map[string]bool{"SetUp": true, "Tell": true, "SignIn": true, "Authenticate": true, "OwnerOf": true, "Resume": true, "Exchange": true, "Refresh": true, "Invited": true, "Join": true, "SignInAs": true, "Regions": true, "Writes": true, "Vendor": true, "Vended": true, "Vend": true, "Vending": true, "VendorTokens": true, "DNSTarget": true, "Authorization": true,
	"DescribeAuthorization": true, "RotateAuthorization": true, "RevokeAuthorization": true}
