package control

import (
	"strconv"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/engine"
)

// webPort is every web dyno's $PORT. Each has a network of its own, so they can all have the same.
const webPort = 5000

// workload is what the engine has to run for a dyno: the release's image, with the environment that Heroku's apps
// expect. Config vars come before what the platform sets for the dyno itself, which they cannot replace.
func workload(d cloister.Dyno, app cloister.App, r cloister.Release, slug cloister.Slug, domain string) (engine.Workload, error) {
	size, err := cloister.SizeByName(d.Size)
	if err != nil {
		return engine.Workload{}, err
	}
	env := map[string]string{
		"HEROKU_APP_ID":                  app.ID,
		"HEROKU_APP_NAME":                app.Name,
		"HEROKU_APP_DEFAULT_DOMAIN_NAME": app.Host(domain),
		"HEROKU_DYNO_ID":                 d.ID,
		"HEROKU_RELEASE_VERSION":         "v" + strconv.Itoa(r.Version),
		"HEROKU_RELEASE_CREATED_AT":      r.CreatedAt.Format(time.RFC3339),
		"HEROKU_BUILD_COMMIT":            slug.Commit,
		"HEROKU_BUILD_DESCRIPTION":       slug.CommitText,
		"HEROKU_SLUG_COMMIT":             slug.Commit,
		"HEROKU_SLUG_DESCRIPTION":        slug.CommitText,
		"STACK":                          slug.Stack,
		"HOME":                           "/app",
		"PATH":                           "/usr/local/bin:/usr/bin:/bin",
		"PS1":                            `\[\033[01;34m\]\w\[\033[00m\] \[\033[01;32m\]$ \[\033[00m\]`,
	}
	for k, v := range r.Config {
		env[k] = v.Reveal()
	}
	env["DYNO"] = d.Name()
	env["HEROKU_DNS_APP_NAME"] = app.LocalName()
	env["HEROKU_DNS_FORMATION_NAME"] = app.FormationName(d.Type)
	env["HEROKU_DNS_DYNO_NAME"] = app.DynoName(d.Type, d.Number)
	env["PWD"] = "/app"
	w := engine.Workload{ID: d.ID, Owner: app.ID, Space: app.SpaceID, Subnet: engine.Dynos, Zone: d.Zone, Image: slug.Image,
		Command: build.DynoCommand(d.Command), Env: env, Dir: "/app", Hostname: d.ID,
		Size:   engine.Size{Memory: size.Memory, CPU: size.CPU, PIDs: size.PIDs},
		Labels: map[string]string{"dyno": d.Name(), "release": strconv.Itoa(r.Version)}}
	delete(env, "PORT")
	if d.Type == "web" {
		env["PORT"] = strconv.Itoa(webPort)
		w.Port = webPort
	}
	return w, nil
}
