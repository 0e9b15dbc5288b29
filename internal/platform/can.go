package platform

import (
	"slices"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A verb is something a person may or may not do to an object.
type verb string

const (
	setUp       verb = "set up the installation"
	administer  verb = "administer the installation"
	useAccount  verb = "use their own account"
	viewTeam    verb = "view the team"
	manageTeam  verb = "manage the team"
	createSpace verb = "create spaces"
	viewSpace   verb = "view the space"
	manageSpace verb = "manage the space"
	createApp   verb = "create apps in the space"
	viewApp     verb = "view the app"
	deployApp   verb = "deploy the app"
	operateApp  verb = "operate the app"
	manageApp   verb = "manage the app"
)

// An object is what a verb is about: its owner decides, and resource is its name should it have to look missing.
type object struct {
	resource string // "team", "space", "app", …
	team     string // id of the team that owns it
	user     string // id of the user that owns it
}

// allowed says what each role may do in its team. Nobody may do what is not here.
var allowed = map[cloister.Role][]verb{
	cloister.Admin: {viewTeam, manageTeam, createSpace, viewSpace, manageSpace, createApp, viewApp, deployApp, operateApp, manageApp},
	// Members of an enterprise team see its spaces and apps; more is granted app by app.
	cloister.MemberRole: {viewTeam, viewSpace, viewApp},
	cloister.Viewer:     {viewTeam, viewSpace, viewApp},
}

// can is the only place that decides whether an actor may do something. What an actor may not even see is missing,
// so that nobody learns what exists; what they see but may not do is forbidden.
func (p *Platform) can(tx *store.Tx, a cloister.Actor, v verb, o object) error {
	if v == setUp {
		users, err := tx.Users()
		if err == nil && len(users) > 0 {
			err = cloister.Errorf(cloister.Forbidden, "This installation is set up already. Sign in instead.")
		}
		return err
	}
	if a.User.ID == "" {
		return cloister.Errorf(cloister.Unauthorized, "There were no credentials in your `Authorization` header. Try `Authorization: Bearer <OAuth access token>`.")
	}
	switch v {
	case useAccount:
		if o.user != a.User.ID {
			return cloister.Missing(o.resource)
		}
		return nil
	case administer:
		if !a.User.Operator {
			return cloister.Errorf(cloister.Forbidden, "Only an operator of this installation may do that.")
		}
		return nil
	}
	m, err := tx.Member(o.team, a.User.ID)
	switch {
	case cloister.KindOf(err) == cloister.NotFound:
		return cloister.Missing(o.resource)
	case err != nil:
		return err
	case slices.Contains(allowed[m.Role], v):
		return nil
	}
	return cloister.Errorf(cloister.Forbidden, "You do not have permission to %s. Ask an administrator of the team.", v)
}
