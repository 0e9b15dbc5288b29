package platform

import (
	"errors"
	"slices"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

// A verb is something a person may or may not do to an object.
type verb string

const (
	setUp          verb = "set up the installation"
	administer     verb = "administer the installation"
	useAccount     verb = "manage their own account"
	viewAccount    verb = "see what is theirs"
	uploadCode     verb = "upload code"
	viewTeam       verb = "view the team"
	manageTeam     verb = "manage the team"
	createSpace    verb = "create spaces"
	viewPipeline   verb = "view the pipeline"
	readPipeline   verb = "read the config vars of the pipeline"
	managePipeline verb = "manage the pipeline"
	viewSpace      verb = "view the space"
	manageSpace    verb = "manage the space"
	createApp      verb = "create apps in the space"
	viewApp        verb = "view the app"
	readApp        verb = "read the config vars and the logs of the app"
	deployApp      verb = "deploy the app"
	operateApp     verb = "operate the app"
	manageApp      verb = "manage the app"
)

// An object is what a verb is about: its owner decides, and resource is its name should it have to look missing.
type object struct {
	resource string        // "team", "space", "app", …
	team     string        // id of the team that owns it
	space    string        // id of the space that it is
	app      *cloister.App // the app that it is, or belongs to
	pipeline string        // id of the pipeline that it is, or belongs to
	user     string        // id of the user that owns it
}

// sight is the verb that seeing the object takes.
func (o object) sight() verb {
	switch {
	case o.app != nil:
		return viewApp
	case o.space != "":
		return viewSpace
	case o.pipeline != "":
		return viewPipeline
	}
	return viewTeam
}

// allowed says what each role may do in its team. Nobody may do what is neither here nor in granted.
var allowed = map[cloister.Role][]verb{
	cloister.Admin: {viewTeam, manageTeam, viewPipeline, readPipeline, managePipeline, createSpace, viewSpace, manageSpace, createApp, viewApp, readApp, deployApp, operateApp, manageApp},
	// Members of an enterprise team see its spaces, and its apps as far as they are not locked. More is granted one by one.
	cloister.MemberRole: {viewTeam, viewPipeline, readPipeline, managePipeline, viewSpace, viewApp},
	cloister.Viewer:     {viewTeam, viewPipeline, viewSpace, viewApp},
}

// granted says what each permission of an app or a space lets one do there.
var granted = map[cloister.Permission][]verb{
	cloister.ViewPermission:    {viewApp},
	cloister.DeployPermission:  {viewApp, readApp, deployApp},
	cloister.OperatePermission: {viewApp, readApp, operateApp},
	cloister.ManagePermission:  {viewApp, manageApp},
	cloister.CreateApps:        {createApp},
}

// scoped says what a token of each scope may be used for, of what its owner may do. A global one is good for everything.
var scoped = func() map[cloister.Scope][]verb {
	see := append([]verb{viewAccount}, look...)
	change := []verb{manageTeam, managePipeline, createSpace, manageSpace, createApp, operateApp, manageApp}
	return map[cloister.Scope][]verb{
		cloister.IdentityScope:       nil,
		cloister.ReadScope:           see,
		cloister.ReadProtectedScope:  slices.Concat(see, []verb{readApp, readPipeline}),
		cloister.WriteScope:          slices.Concat(see, change),
		cloister.WriteProtectedScope: slices.Concat(see, change, []verb{readApp, readPipeline, deployApp, uploadCode}),
	}
}()

// scope refuses what the actor's token is not good for, whatever its owner may do. It is asked before anything is looked up:
// such a token tells nobody what exists.
func scope(a cloister.Actor, v verb) error {
	if a.Authorization == "" {
		return nil
	}
	for _, s := range a.Scope {
		if s == cloister.GlobalScope || slices.Contains(scoped[s], v) {
			return nil
		}
	}
	err := cloister.Errorf(cloister.Forbidden, "This token has the scope %s, which is not enough to %s. Use one that was made with another scope.", cloister.ScopeNames(a.Scope, ", "), v)
	return &refused{err, v, object{}}
}

// can is the only place that decides whether an actor may do something. What an actor may not even see is missing,
// so that nobody learns what exists; what they see but may not do is forbidden.
func (p *Platform) can(tx *store.Tx, a cloister.Actor, v verb, o object) error {
	if err := p.judge(tx, a, v, o); err != nil {
		return &refused{err, v, o}
	}
	return nil
}

func (p *Platform) judge(tx *store.Tx, a cloister.Actor, v verb, o object) error {
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
	if err := errors.Join(active(a.User), scope(a, v)); err != nil {
		return err
	}
	switch v {
	case useAccount, viewAccount, uploadCode:
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
	var app, space string
	if o.app != nil {
		app = o.app.ID
	} else if o.pipeline == "" {
		space = o.space
	}
	standing, err := tx.Standing(o.team, app, space, a.User.ID)
	if err != nil {
		return err
	}
	may, err := p.may(tx, a.User.ID, standing, v, o)
	switch {
	case err != nil:
		return err
	case slices.Contains(may, v):
		return closed(standing.Team, a, v)
	case !slices.Contains(may, o.sight()):
		return cloister.Missing(o.resource)
	}
	if err := closed(standing.Team, a, o.sight()); err != nil {
		return err
	}
	return cloister.Errorf(cloister.Forbidden, "You do not have permission to %s. Ask an administrator of the team.", v)
}

// may is what a user may do to an object: by their role in its team or as its owner and, unless that is enough for v, by
// permission.
func (p *Platform) may(tx *store.Tx, user string, s store.Standing, v verb, o object) ([]verb, error) {
	verbs := allowed[s.Role]
	if o.user == user { // a pipeline of their own
		verbs = []verb{viewPipeline, readPipeline, managePipeline}
	}
	if o.app != nil && o.app.Locked && s.Role != cloister.Admin {
		verbs = nil // seen by its collaborators alone
	}
	switch {
	case slices.Contains(verbs, v):
		return verbs, nil
	case o.pipeline != "": // whoever sees an app in it sees it
		sees, err := tx.SeesIn(o.pipeline, user)
		if err == nil && sees {
			verbs = slices.Concat(verbs, []verb{viewPipeline})
		}
		return verbs, err
	case o.app == nil && s.Role == "": // what one may do in a space ends with the place in its team
		return verbs, nil
	}
	for _, x := range s.Permissions {
		verbs = slices.Concat(verbs, granted[x])
	}
	return verbs, nil
}

// look are the verbs that change nothing and reveal no secret.
var look = []verb{viewTeam, viewSpace, viewApp, viewPipeline}

// closed refuses what a team lets nobody do from where the actor is and, where it is suspended, everything but looking.
func closed(t cloister.Team, a cloister.Actor, v verb) (err error) {
	switch {
	case !t.Admits(a.From):
		err = cloister.Errorf(cloister.Forbidden, "The team %s does not let its people in from %s. Come from a network that it trusts, or ask an operator to clear its trusted ranges.", t.Name, a.From)
	case !t.SuspendedAt.IsZero() && !slices.Contains(look, v):
		err = cloister.Errorf(cloister.Suspended, "The team %s is suspended since %s. Ask an operator of this installation.", t.Name, t.SuspendedAt.UTC().Format(time.RFC3339))
	}
	return err
}
