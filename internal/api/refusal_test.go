package api_test

import (
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// Each bad input is answered with the status, the id and the message that the person who made it can act upon.
func TestBadInputsAreRefusedInWords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	app := h.app("cellar", "hello")
	h.deploy(app)
	const unknownRoute = "There is no GET /nowhere in this API. Check the path and the verb."
	space := func(fields string) string { return `{"name":"attic","team":"acme"` + fields + `}` }
	for name, x := range map[string]struct {
		method, path, body string
		status             int
		id, message        string
	}{
		"space name with capitals": {"POST", "/spaces", `{"name":"Attic","team":"acme"}`, 422, "invalid_params",
			"Name must be 3 to 30 characters: lower-case letters, digits and single dashes, starting and ending with a letter or digit."},
		"space name with two dashes": {"POST", "/spaces", `{"name":"at--tic","team":"acme"}`, 422, "invalid_params",
			"Name must be 3 to 30 characters: lower-case letters, digits and single dashes, starting and ending with a letter or digit."},
		"space without a team": {"POST", "/spaces", `{"name":"attic"}`, 422, "invalid_params",
			"A team is required. Name the team that will own the space."},
		"space name taken": {"POST", "/spaces", `{"name":"cellar","team":"acme"}`, 422, "invalid_params",
			"Name cellar is already taken. Choose another name."},
		"space in no team": {"POST", "/spaces", `{"name":"attic","team":"umbrella"}`, 404, "not_found",
			"Couldn't find that team."},
		"space in no region": {"POST", "/spaces", space(`,"region":"mars"`), 422, "invalid_params",
			`Couldn't find the region "mars". Use one of dublin, frankfurt, london, montreal, mumbai, oregon, singapore, sydney, tokyo, virginia.`},
		"CIDR that is no /16": {"POST", "/spaces", space(`,"cidr":"10.2.0.0/20"`), 422, "invalid_params",
			"Cidr 10.2.0.0/20 must be a /16, for example 10.2.0.0/16."},
		"CIDR that is public": {"POST", "/spaces", space(`,"cidr":"8.8.0.0/16"`), 422, "invalid_params",
			"cidr 8.8.0.0/16 is not private. Choose a range inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."},
		"CIDR that is none": {"POST", "/spaces", space(`,"cidr":"here"`), 422, "invalid_params",
			`cidr "here" is not an IPv4 range in CIDR notation, such as 10.0.0.0/16.`},
		"CIDR over Docker's": {"POST", "/spaces", space(`,"cidr":"172.17.0.0/16"`), 422, "invalid_params",
			"Cidr 172.17.0.0/16 overlaps 172.17.0.0/16, which is reserved. Choose another range."},
		"CIDR over the reserved one": {"POST", "/spaces", space(`,"cidr":"10.1.0.0/16"`), 422, "invalid_params",
			"Cidr 10.1.0.0/16 overlaps 10.1.0.0/16, which is reserved. Choose another range."},
		"data CIDR that is too small": {"POST", "/spaces", space(`,"data_cidr":"10.100.0.0/21"`), 422, "invalid_params",
			"Data cidr 10.100.0.0/21 must be between a /16 and a /20."},
		"data CIDR over the reserved one": {"POST", "/spaces", space(`,"data_cidr":"172.17.16.0/20"`), 422, "invalid_params",
			"Data cidr 172.17.16.0/20 overlaps 172.17.0.0/16, which is reserved. Choose another range."},
		"data CIDR over the dynos": {"POST", "/spaces", space(`,"data_cidr":"10.0.16.0/20"`), 422, "invalid_params",
			"Data cidr 10.0.16.0/20 overlaps the space's cidr 10.0.0.0/16. Choose ranges apart from each other."},
		"fir": {"POST", "/spaces", space(`,"generation":"fir"`), 501, "not_implemented",
			"Spaces of the generation fir are not in this version. Create the space with generation cedar."},
		"another generation": {"POST", "/spaces", space(`,"generation":{"name":"oak"}`), 422, "invalid_params",
			`Generation "oak" is not known. Use cedar.`},
		"shield": {"POST", "/spaces", space(`,"shield":true`), 501, "not_implemented",
			"Shield Private Spaces are not in this version. Create the space without shield."},
		"log drain of a space": {"POST", "/spaces", space(`,"log_drain_url":"http://example.com"`), 422, "invalid_params",
			"Url has a scheme that means nothing here. The drain of a space is https://user:password@host/path."},
		"kpi url": {"POST", "/spaces", space(`,"kpi_url":"https://example.com"`), 501, "not_implemented",
			"kpi_url is not in this version. Create the space without it."},
		"space with apps": {"DELETE", "/spaces/cellar", ``, 422, "invalid_params",
			"Space cellar still has apps: hello. Destroy them first."},
		"no space": {"GET", "/spaces/attic", ``, 404, "not_found", "Couldn't find that space."},
		"rules that are missing": {"PUT", "/spaces/cellar/inbound-ruleset", `{}`, 422, "invalid_params",
			"Rules are required: an array of rules, which may be empty."},
		"rule that denies": {"PUT", "/spaces/cellar/inbound-ruleset", `{"rules":[{"action":"deny","source":"0.0.0.0/0"}]}`, 422, "invalid_params",
			`Action "deny" is invalid. Rules can only allow.`},
		"rule with host bits": {"PUT", "/spaces/cellar/inbound-ruleset", `{"rules":[{"action":"allow","source":"192.0.2.1/24"}]}`, 422, "invalid_params",
			"Source 192.0.2.1/24 has host bits set. Did you mean 192.0.2.0/24?"},
		"rule twice": {"PUT", "/spaces/cellar/inbound-ruleset", `{"rules":[{"action":"allow","source":"192.0.2.0/24"},{"action":"allow","source":"192.0.2.0/24"}]}`, 422, "invalid_params",
			"Source 192.0.2.0/24 is in the set twice. Leave one of the two out."},
		"app name with capitals": {"POST", "/apps", `{"name":"Hello","space":"cellar"}`, 422, "invalid_params",
			"Name must start with a letter, end with a letter or digit and can only contain lowercase letters, digits, and dashes; 3 to 30 characters."},
		"app name taken": {"POST", "/teams/apps", `{"name":"hello","space":"cellar"}`, 422, "invalid_params",
			"Name hello is already taken. Choose another name."},
		"app without a space": {"POST", "/apps", `{"name":"bye"}`, 422, "invalid_params",
			"A space is required: apps live in private spaces here. Use --space."},
		"app in no space": {"POST", "/teams/apps", `{"name":"bye","space":"attic"}`, 404, "not_found", "Couldn't find that space."},
		"app on no stack": {"POST", "/apps", `{"name":"bye","space":"cellar","stack":"cnb"}`, 422, "invalid_params",
			`Couldn't find the stack "cnb". Use one of debian-12.`},
		"app for another team": {"PATCH", "/teams/apps/hello", `{"owner":"umbrella"}`, 422, "invalid_params",
			"App hello is in space cellar, and belongs to the team that the space belongs to, acme. Transfer the space: `spaces:transfer --space cellar --team TEAM`."},
		"permission that does not exist": {"POST", "/teams/apps/hello/collaborators", `{"user":"bob@example.com","permissions":["own"]}`, 422, "invalid_params",
			`Permission "own" is invalid. Use view, deploy, operate or manage.`},
		"collaborator whom nobody knows": {"POST", "/apps/hello/collaborators", `{"user":"who@example.com"}`, 422, "invalid_params",
			"There is no user who@example.com. An operator creates users with `cloister users:create`."},
		"permission of a space that does not exist": {"PATCH", "/spaces/cellar/members/ada@example.com", `{"permissions":[{"name":"manage"}]}`, 422, "invalid_params",
			`Permission "manage" is invalid. The permission of a space is create_apps.`},
		"no permissions at all": {"PATCH", "/spaces/cellar/members/ada@example.com", `{}`, 422, "invalid_params",
			"Permissions are required: an array of permissions, which may be empty."},
		"space for no team": {"POST", "/spaces/cellar/transfer", `{"new_owner":"umbrella"}`, 404, "not_found", "Couldn't find that team."},
		"role that does not exist": {"PATCH", "/teams/acme/members", `{"email":"bob@example.com","role":"abbot"}`, 422, "invalid_params",
			`Role "abbot" is invalid. Use admin, member or viewer.`},
		"team with spaces": {"DELETE", "/teams/acme", ``, 422, "invalid_params",
			"Team acme still has spaces. Destroy them, or transfer them to another team, first."},
		"default team": {"PATCH", "/teams/acme", `{"default":true}`, 501, "not_implemented",
			"Default teams are not in this version. Name the team with --team or HEROKU_TEAM."},
		"no app": {"GET", "/apps/bye", ``, 404, "not_found", "Couldn't find that app."},
		"too many dynos": {"PATCH", "/apps/hello/formation", `{"updates":[{"type":"web","quantity":"11"}]}`, 422, "invalid_params",
			"Process type web has 1 dynos, and would have 11; the limit is 10. Choose fewer, or ask an operator of this installation to raise it: `cloister limits:set dynos-per-type=11 --space cellar`."},
		"fewer than no dynos": {"PATCH", "/apps/hello/formation", `{"updates":[{"type":"web","quantity":"-2"}]}`, 422, "invalid_params",
			"Cannot run -1 dynos of web. Choose 0 or more."},
		"a negative number of dynos": {"PATCH", "/apps/hello/formation/web", `{"quantity":-2}`, 422, "invalid_params",
			"Quantity -2 is negative."},
		"many dynos": {"PATCH", "/apps/hello/formation/web", `{"quantity":"many"}`, 422, "invalid_params",
			`Quantity "many" is not a number.`},
		"dynos of no type": {"PATCH", "/apps/hello/formation", `{"updates":[{"type":"clock","quantity":1}]}`, 404, "not_found",
			"Couldn't find that process type (clock). The app has web, worker."},
		"a size that is none": {"PATCH", "/apps/hello/formation/web", `{"dyno_size":"huge"}`, 422, "invalid_params",
			`Couldn't find that dyno size: "huge". Use one of Private-XS, Private-S, Private-M, Private-L, Private-L-RAM, Private-XL, Private-2XL, Shield-XS, Shield-S, Shield-M, Shield-L, Shield-L-RAM, Shield-XL, Shield-2XL.`},
		"a Docker image": {"PATCH", "/apps/hello/formation", `{"updates":[{"type":"web","docker_image":"sha256:a"}]}`, 501, "not_implemented",
			"Releasing Docker images is not in this version. Deploy with git push."},
		"a one-off dyno of a size for others": {"POST", "/apps/hello/dynos", `{"command":"bash","size":"shield-s"}`, 422, "invalid_params",
			"Dyno size Shield-S does not fit this space: shield sizes are for Shield spaces only."},
		"a one-off dyno without a command": {"POST", "/apps/hello/dynos", `{}`, 422, "invalid_params",
			"A command is required. Try `bash`."},
		"a one-off dyno for two days": {"POST", "/apps/hello/dynos", `{"command":"bash","time_to_live":172800}`, 422, "invalid_params",
			"Time to live must be 1 to 86400 seconds."},
		"a one-off dyno for no time": {"POST", "/apps/hello/dynos", `{"command":"bash","time_to_live":0}`, 422, "invalid_params",
			"Time to live must be 1 to 86400 seconds."},
		"a variable with a bad name": {"POST", "/apps/hello/dynos", `{"command":"bash","env":{"A B":"secret"}}`, 422, "invalid_params",
			`Config var name "A B" is invalid. A name has letters, digits and underscores, and does not start with a digit.`},
		"the release phase's type": {"POST", "/apps/hello/dynos", `{"command":"bash","type":"release"}`, 422, "invalid_params",
			"Process type release is the release phase's own. Choose another type."},
		"a window without lines": {"PATCH", "/apps/hello/dynos/run.1234", `{"columns":80}`, 422, "invalid_params",
			"Columns and lines must be 1 to 10000."},
		"a window of nobody's dyno": {"PATCH", "/apps/hello/dynos/run.1234", `{"columns":80,"lines":24}`, 404, "not_found",
			"Couldn't find that dyno."},
		"inside a dyno that is not there": {"POST", "/apps/hello/dynos/web.1", `{"command":"bash"}`, 404, "not_found",
			"Couldn't find that dyno."},
		"no dyno":           {"DELETE", "/apps/hello/dynos/web.9", ``, 404, "not_found", "Couldn't find that dyno."},
		"no dyno of a type": {"DELETE", "/apps/hello/dynos/web", ``, 404, "not_found", "Couldn't find that dyno."},
		"no release":        {"GET", "/apps/hello/releases/99", ``, 404, "not_found", "Couldn't find that release."},
		"rollback to before the code": {"POST", "/apps/hello/releases", `{"release":"1"}`, 422, "invalid_params",
			"Cannot roll back to v1: it has no code, or it never succeeded."},
		"a release of nothing": {"POST", "/apps/hello/releases", `{}`, 422, "invalid_params",
			"A slug or a release is required: what is to be released?"},
		"a slug without process types": {"POST", "/apps/hello/slugs", `{}`, 422, "invalid_params",
			`Process types are required: set process_types to an object such as {"web": "bin/server"}.`},
		"a slug with a command that is a number": {"POST", "/apps/hello/slugs", `{"process_types":{"web":5}}`, 422, "invalid_params",
			"Field process_types must be a string, not a number."},
		"a build of nothing": {"POST", "/apps/hello/builds", `{}`, 422, "invalid_params",
			"A source is required: set source_blob.url to the address of a tar.gz archive."},
		"a config var that is a number": {"PATCH", "/apps/hello/config-vars", `{"KEY":5}`, 422, "invalid_params",
			"The request body has a number where a string must be."},
		"a config var with a bad name": {"PATCH", "/apps/hello/config-vars", `{"NO SPACE":"x"}`, 422, "invalid_params",
			`Config var name "NO SPACE" is invalid. A name has letters, digits and underscores, and does not start with a digit.`},
		"NUL":                     {"PATCH", "/apps/hello/config-vars", `{"KEY":"a\u0000b"}`, 422, "invalid_params", "The request contains a NUL character, which no text here can hold."},
		"a body that is none":     {"POST", "/spaces", `name=attic&team=acme`, 400, "bad_request", "The request body is not valid JSON."},
		"a body cut short":        {"POST", "/spaces", `{"name":"attic"`, 400, "bad_request", "The request body is not valid JSON."},
		"a body of two":           {"POST", "/spaces", `{}{}`, 400, "bad_request", "The request body is not valid JSON."},
		"a body that is null":     {"POST", "/spaces", `null`, 400, "bad_request", "The request body must be a JSON object."},
		"a body that is a list":   {"POST", "/spaces", `[{"name":"attic"}]`, 400, "bad_request", "The request body must be a JSON object."},
		"a name that is a number": {"POST", "/spaces", `{"name":5}`, 422, "invalid_params", "Field name must be a string, not a number."},
		"a body of 10 MB": {"POST", "/spaces", `{"name":"` + strings.Repeat("a", 10<<20) + `"}`, 413, "payload_too_large",
			"The request body is larger than 1048576 bytes, which is the limit."},
		"ranges inside one another": {"PUT", "/spaces/cellar/inbound-ruleset", `{"rules":[{"action":"allow","source":"192.0.2.0/24"},{"action":"allow","source":"192.0.2.8/29"}]}`, 422, "invalid_params",
			"Source 192.0.2.8/29 is inside 192.0.2.0/24. Leave 192.0.2.8/29 out, or 192.0.2.0/24 if not all of it is to be trusted."},
		"a dry run of no ranges": {"POST", "/spaces/cellar/inbound-ruleset/actions/dry-run", `{}`, 422, "invalid_params",
			"Rules are required: an array of rules, which may be empty."},
		"a dry run of bad ranges": {"POST", "/spaces/cellar/inbound-ruleset/actions/dry-run", `{"rules":[{"source":"office"}]}`, 422, "invalid_params",
			`Source "office" is not an IP range in CIDR notation, such as 192.0.2.0/24.`},
		"no outbound rules": {"PUT", "/spaces/cellar/outbound-ruleset", `{}`, 422, "invalid_params",
			"Rules are required: an array of rules, which may be empty."},
		"a private target": {"PUT", "/spaces/cellar/outbound-ruleset", `{"rules":[{"target":"10.3.0.0/16","protocol":"tcp"}]}`, 422, "invalid_params",
			"Rule 1: Target 10.3.0.0/16 is inside 10.0.0.0/8, which no dyno ever reaches on its way out. Dynos of one space need no rule for one another; for a network of yours, ask for a peering."},
		"a port that is none": {"PUT", "/spaces/cellar/outbound-ruleset", `{"rules":[{"target":"192.0.2.0/24","protocol":"tcp","from_port":"http"}]}`, 422, "invalid_params",
			`"http" is not a whole number.`},
		"no outbound ruleset":   {"GET", "/spaces/cellar/outbound-rulesets/x", ``, 404, "not_found", "Couldn't find that outbound ruleset."},
		"no peering":            {"GET", "/spaces/cellar/peerings/pcx-1", ``, 404, "not_found", "Couldn't find that peering."},
		"no peering to accept":  {"POST", "/spaces/cellar/peerings", `{"pcx_id":"pcx-1"}`, 404, "not_found", "Couldn't find that peering."},
		"no peering to destroy": {"DELETE", "/spaces/cellar/peerings/pcx-1", ``, 404, "not_found", "Couldn't find that peering."},
		"a peering of nothing": {"POST", "/spaces/cellar/peerings", `{}`, 422, "invalid_params",
			"Say either pcx_id, of a peering to accept, or space, which is to be asked for one."},
		"a peering with itself": {"POST", "/spaces/cellar/peerings", `{"space":"cellar"}`, 422, "invalid_params",
			"Space cellar cannot be peered with itself. Its dynos reach one another as it is."},
		"a peering with nobody": {"POST", "/spaces/cellar/peerings", `{"space":"nowhere"}`, 404, "not_found", "Couldn't find that space."},
		"no route":              {"GET", "/nowhere", ``, 404, "not_found", unknownRoute},
		"no such verb":          {"PUT", "/apps/hello", `{}`, 404, "not_found", "There is no PUT /apps/hello in this API. Check the path and the verb."},
		"a missing route":       {"POST", "/test-runs", `{}`, 501, "not_implemented", "This version of Cloister can not do this yet: Test Run: Create (POST /test-runs)."},
		"in no pipeline":        {"GET", "/apps/hello/pipeline-couplings", ``, 404, "not_found", "This app is in no pipeline."},
		"a feature":             {"GET", "/account/features/preboot", ``, 404, "not_found", "Couldn't find that feature."},
		"a token for ever less": {"POST", "/oauth/authorizations", `{"expires_in":"-5"}`, 422, "invalid_params",
			"Expires in must be a number of seconds from 1 to 3153600000."},
		"a scope that does not exist": {"POST", "/oauth/authorizations", `{"scope":["read","everything"]}`, 422, "invalid_params",
			`There is no scope "everything". Use global, identity, read, write, read-protected, write-protected.`},
	} {
		t.Run(name, func(t *testing.T) {
			var body any
			if x.body != "" {
				body = x.body
			}
			h.call(x.method, x.path, body).refused(t, x.status, x.id, x.message)
		})
	}
}

func TestWhoMayNotIsToldSoAndWhoMayNotKnowIsNot(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	member, stranger := h.person("bob@example.com", cloister.MemberRole), h.person("eve@example.com", "")
	for _, x := range []struct{ method, path, body, verb string }{
		{"POST", "/spaces", `{"name":"attic","team":"acme"}`, "create spaces"},
		{"DELETE", "/spaces/cellar", `{}`, "manage the space"},
		{"PATCH", "/spaces/cellar", `{"name":"attic"}`, "manage the space"},
		{"PUT", "/spaces/cellar/inbound-ruleset", `{"rules":[]}`, "manage the space"},
		{"PUT", "/spaces/cellar/outbound-ruleset", `{"rules":[]}`, "manage the space"},
		{"POST", "/spaces/cellar/inbound-ruleset/actions/dry-run", `{"rules":[]}`, "manage the space"},
		{"POST", "/spaces/cellar/peerings", `{"space":"attic"}`, "manage the space"},
		{"POST", "/spaces/cellar/peerings", `{"pcx_id":"pcx-1"}`, "manage the space"},
		{"POST", "/spaces/cellar/peerings/pcx-1/actions/accept", ``, "manage the space"},
		{"DELETE", "/spaces/cellar/peerings/pcx-1", ``, "manage the space"},
		{"POST", "/teams/apps", `{"name":"bye","space":"cellar"}`, "create apps in the space"},
		{"PATCH", "/apps/hello", `{"name":"bye"}`, "manage the app"},
		{"PATCH", "/apps/hello", `{"maintenance":true}`, "operate the app"},
		{"DELETE", "/apps/hello", `{}`, "manage the app"},
		{"GET", "/apps/hello/config-vars", ``, "read the config vars and the logs of the app"},
		{"PATCH", "/apps/hello/config-vars", `{"A":"b"}`, "deploy the app"},
		{"GET", "/apps/hello/releases/1/config-vars", ``, "read the config vars and the logs of the app"},
		{"PATCH", "/apps/hello/formation", `{"updates":[]}`, "operate the app"},
		{"DELETE", "/apps/hello/dynos", ``, "operate the app"},
		{"POST", "/apps/hello/dynos", `{"command":"bash"}`, "deploy the app"},
		{"POST", "/apps/hello/dynos/web.1", `{"command":"bash"}`, "deploy the app"},
		{"PATCH", "/apps/hello/dynos/web.1", `{"columns":80,"lines":24}`, "deploy the app"},
		{"POST", "/apps/hello/log-sessions", `{}`, "read the config vars and the logs of the app"},
		{"POST", "/apps/hello/builds", `{"source_blob":{"url":"https://example.com/"}}`, "deploy the app"},
		{"DELETE", "/apps/hello/build-cache", ``, "deploy the app"},
		{"POST", "/apps/hello/sources", ``, "deploy the app"},
		{"PUT", "/teams/acme/members", `{"email":"eve@example.com","role":"admin"}`, "manage the team"},
		{"PATCH", "/teams/acme/members", `{"email":"bob@example.com","role":"admin"}`, "manage the team"},
		{"DELETE", "/teams/acme/members/ada@example.com", ``, "manage the team"},
		{"GET", "/teams/acme/permissions", ``, "manage the team"},
		{"PATCH", "/teams/acme", `{"name":"umbrella"}`, "manage the team"},
		{"DELETE", "/teams/acme", ``, "manage the team"},
		{"POST", "/teams/apps/hello/collaborators", `{"user":"bob@example.com","permissions":["deploy"]}`, "manage the app"},
		{"PATCH", "/teams/apps/hello/collaborators/ada@example.com", `{"permissions":[]}`, "manage the app"},
		{"DELETE", "/apps/hello/collaborators/ada@example.com", ``, "manage the app"},
		{"PATCH", "/teams/apps/hello", `{"locked":true}`, "manage the app"},
		{"PATCH", "/spaces/cellar/members/bob@example.com", `{"permissions":[{"name":"create_apps"}]}`, "manage the space"},
		{"POST", "/spaces/cellar/transfer", `{"new_owner":"acme"}`, "manage the space"},
	} {
		var body any
		if x.body != "" {
			body = x.body
		}
		h.call(x.method, x.path, body, as(member)).refused(t, 403, "forbidden",
			"You do not have permission to "+x.verb+". Ask an administrator of the team.")
		got := h.call(x.method, x.path, body, as(stranger))
		if got.StatusCode != 404 {
			t.Errorf("%s %s tells a stranger %d: %s", x.method, x.path, got.StatusCode, got.body)
		}
	}
	for _, path := range []string{"/spaces", "/apps", "/teams", "/users/~/apps"} {
		if got := h.call("GET", path, nil, as(stranger)).want(t, 200, nil); strings.TrimSpace(string(got.body)) != "[]" {
			t.Errorf("a stranger sees %s at %s", got.body, path)
		}
	}
	h.call("GET", "/users/"+email, nil, as(stranger)).refused(t, 404, "not_found", "Couldn't find that user.")
	h.call("POST", "/teams", `{"name":"ops"}`, as(member)).refused(t, 403, "forbidden", "Only an operator of this installation may do that.")
	if len(h.caches) > 0 {
		t.Error("a cache was dropped by somebody who may not")
	}
}

func TestTheCodeBehindABuildIsForThoseWhoDeploy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.space("cellar")
	h.app("cellar", "hello")
	secret := hexOf('5', 64)
	var b heroku.Build
	h.call("POST", "/apps/hello/builds", `{"source_blob":{"url":"http://localhost:5100/sources/`+secret+`"}}`).want(t, 201, &b)
	viewer := h.person("bob@example.com", cloister.Viewer)
	for _, path := range []string{"/apps/hello/builds", "/apps/hello/builds/" + b.ID} {
		if got := h.call("GET", path, nil, as(viewer)).want(t, 200, nil); strings.Contains(string(got.body), secret) {
			t.Errorf("%s tells a viewer %s", path, got.body)
		}
	}
}
