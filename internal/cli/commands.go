package cli

import (
	"slices"
	"strings"
)

// commands are all commands, by the names that Heroku's users know.
type commands struct {
	Globals

	Spaces       spacesList       `cmd:"" name:"spaces" group:"spaces" help:"List spaces."`
	SpacesCreate spacesCreate     `cmd:"" name:"spaces:create" group:"spaces" help:"Create a space."`
	SpacesWait   spacesWait       `cmd:"" name:"spaces:wait" group:"spaces" help:"Wait for a space to be created."`
	SpacesInfo   spacesInfo       `cmd:"" name:"spaces:info" group:"spaces" help:"Show a space."`
	SpacesPS     spacesPS         `cmd:"" name:"spaces:ps" group:"spaces" help:"List the dynos of a space."`
	SpacesTopo   spacesTopology   `cmd:"" name:"spaces:topology" group:"spaces" help:"Show the addresses and names inside a space."`
	SpacesRename spacesRename     `cmd:"" name:"spaces:rename" group:"spaces" help:"Rename a space."`
	SpacesMove   spacesTransfer   `cmd:"" name:"spaces:transfer" group:"spaces" help:"Give a space to another team."`
	SpaceMembers spacesMembers    `cmd:"" name:"spaces:members" group:"spaces" help:"List who may create apps in a space."`
	SpaceMembSet spacesMembersSet `cmd:"" name:"spaces:members:set" group:"spaces" help:"Let a member of the team create apps in a space, or no longer."`
	SpacesDrop   spacesDestroy    `cmd:"" name:"spaces:destroy" group:"spaces" help:"Destroy an empty space."`
	TrustedIPs   trustedIPs       `cmd:"" name:"trusted-ips" group:"spaces" help:"List the trusted IP ranges of a space."`
	TrustedAdd   trustedIPAdd     `cmd:"" name:"trusted-ips:add" group:"spaces" help:"Add a trusted IP range."`
	TrustedDrop  trustedIPRemove  `cmd:"" name:"trusted-ips:remove" group:"spaces" help:"Remove a trusted IP range."`
	TrustedTry   trustedIPDryRun  `cmd:"" name:"trusted-ips:dry-run" group:"spaces" help:"Show whom a change of the trusted IP ranges would cut off."`
	Outbound     outboundRules    `cmd:"" name:"outbound-rules" group:"spaces" help:"List where the dynos of a space may go outside."`
	OutboundAdd  outboundAdd      `cmd:"" name:"outbound-rules:add" group:"spaces" help:"Add an outbound rule."`
	OutboundDrop outboundRemove   `cmd:"" name:"outbound-rules:remove" group:"spaces" help:"Remove an outbound rule."`
	PeeringInfo  peeringInfo      `cmd:"" name:"spaces:peering:info" group:"spaces" help:"Show what another network needs to know to be peered with a space."`
	Peerings     peerings         `cmd:"" name:"spaces:peerings" group:"spaces" help:"List the peerings of a space."`
	PeeringAsk   peeringRequest   `cmd:"" name:"spaces:peerings:request" group:"spaces" help:"Ask another space for a peering."`
	PeeringTake  peeringAccept    `cmd:"" name:"spaces:peerings:accept" group:"spaces" help:"Accept a peering."`
	PeeringDrop  peeringDestroy   `cmd:"" name:"spaces:peerings:destroy" group:"spaces" help:"End a peering, or turn it down."`

	Apps        appsList       `cmd:"" name:"apps" group:"apps" help:"List apps."`
	AppsCreate  appsCreate     `cmd:"" name:"apps:create" group:"apps" help:"Create an app, and a git remote for it."`
	AppsInfo    appsInfo       `cmd:"" name:"apps:info" group:"apps" help:"Show an app."`
	AppsOpen    appsOpen       `cmd:"" name:"apps:open" group:"apps" help:"Open an app in a browser."`
	AppsRename  appsRename     `cmd:"" name:"apps:rename" group:"apps" help:"Rename an app."`
	AppsDrop    appsDestroy    `cmd:"" name:"apps:destroy" group:"apps" help:"Destroy an app and all that belongs to it."`
	AppsErrors  appsErrors     `cmd:"" name:"apps:errors" group:"apps" help:"Count the errors of an app."`
	AppsLock    appsLock       `cmd:"" name:"apps:lock" group:"apps" help:"Hide an app from members who are not its collaborators."`
	AppsUnlock  appsUnlock     `cmd:"" name:"apps:unlock" group:"apps" help:"Let all members of the team see an app again."`
	AppsJoin    appsJoin       `cmd:"" name:"apps:join" group:"apps" help:"Make yourself a collaborator of an app."`
	AppsLeave   appsLeave      `cmd:"" name:"apps:leave" group:"apps" help:"Be a collaborator of an app no longer."`
	Maint       maintenance    `cmd:"" name:"maintenance" group:"apps" help:"Show whether an app is in maintenance."`
	MaintOn     maintainOn     `cmd:"" name:"maintenance:on" group:"apps" help:"Put an app into maintenance."`
	MaintOff    maintainOff    `cmd:"" name:"maintenance:off" group:"apps" help:"Take an app out of maintenance."`
	Features    features       `cmd:"" name:"features" group:"apps" help:"List the features of an app."`
	FeatureInfo featureInfo    `cmd:"" name:"features:info" group:"apps" help:"Show a feature of an app."`
	FeatureOn   featureEnable  `cmd:"" name:"features:enable" group:"apps" help:"Switch a feature of an app on."`
	FeatureOff  featureDisable `cmd:"" name:"features:disable" group:"apps" help:"Switch a feature of an app off."`

	PS        ps               `cmd:"" name:"ps" group:"dynos" help:"List the dynos of an app."`
	PSScale   psScale          `cmd:"" name:"ps:scale" group:"dynos" help:"Scale dynos up and down."`
	PSType    psType           `cmd:"" name:"ps:type" group:"dynos" help:"Show or set the sizes of dynos."`
	PSRestart psRestart        `cmd:"" name:"ps:restart" group:"dynos" help:"Restart dynos."`
	PSStop    psStop           `cmd:"" name:"ps:stop" group:"dynos" help:"Stop dynos."`
	AutoShow  autoscaleShow    `cmd:"" name:"ps:autoscale" group:"dynos" help:"Show what of an app is scaled by itself."`
	AutoOn    autoscaleEnable  `cmd:"" name:"ps:autoscale:enable" group:"dynos" help:"Have dynos scaled by response time, or by the load of processors."`
	AutoOff   autoscaleDisable `cmd:"" name:"ps:autoscale:disable" group:"dynos" help:"Scale dynos by hand again."`
	PSBoot    psBootTimeout    `cmd:"" name:"ps:boot-timeout" group:"dynos" help:"Show or set how long web dynos may take to boot."`
	PSWait    psWait           `cmd:"" name:"ps:wait" group:"dynos" help:"Wait until all dynos run the newest release."`
	Run       run              `cmd:"" name:"run" group:"dynos" help:"Run a command in a one-off dyno."`
	RunDetach runDetached      `cmd:"" name:"run:detached" group:"dynos" help:"Run a command in a one-off dyno, without its output."`
	PSExec    psExec           `cmd:"" name:"ps:exec" group:"dynos" help:"Run a command or a shell inside a dyno that runs already."`
	PSCopy    psCopy           `cmd:"" name:"ps:copy" group:"dynos" help:"Copy a file out of a dyno."`
	PSForward psForward        `cmd:"" name:"ps:forward" group:"dynos" help:"Forward ports of this machine to a dyno."`
	PSSocks   psSocks          `cmd:"" name:"ps:socks" group:"dynos" help:"Be a SOCKS proxy into the network of a dyno."`
	RunInside runInside        `cmd:"" name:"run:inside" group:"dynos" help:"Run a command inside a dyno that runs already."`
	Sched     scheduler        `cmd:"" name:"scheduler" group:"dynos" help:"List what an app runs by a schedule."`
	SchedAdd  schedulerAdd     `cmd:"" name:"scheduler:add" group:"dynos" help:"Run a command by a schedule."`
	SchedSet  schedulerUpdate  `cmd:"" name:"scheduler:update" group:"dynos" help:"Change a scheduled job."`
	SchedDrop schedulerRemove  `cmd:"" name:"scheduler:remove" group:"dynos" help:"Remove a scheduled job."`
	SchedRun  schedulerRun     `cmd:"" name:"scheduler:run" group:"dynos" help:"Run a scheduled job now."`

	Config        configList          `cmd:"" name:"config" group:"config" help:"List the config vars of an app."`
	ConfigGet     configGet           `cmd:"" name:"config:get" group:"config" help:"Show the values of config vars."`
	ConfigSet     configSet           `cmd:"" name:"config:set" group:"config" help:"Set config vars."`
	ConfigUnset   configUnset         `cmd:"" name:"config:unset" group:"config" help:"Remove config vars."`
	Releases      releases            `cmd:"" name:"releases" group:"config" help:"List the releases of an app."`
	ReleaseInfo   releaseInfo         `cmd:"" name:"releases:info" group:"config" help:"Show a release."`
	ReleaseOut    releaseOut          `cmd:"" name:"releases:output" group:"config" help:"Show the output of a release's release command."`
	Retry         releaseRetry        `cmd:"" name:"releases:retry" group:"config" help:"Run the newest release's release command again."`
	Rollback      rollback            `cmd:"" name:"releases:rollback" group:"config" help:"Go back to an earlier release."`
	Logs          logs                `cmd:"" name:"logs" group:"config" help:"Show the log of an app."`
	Drains        drains              `cmd:"" name:"drains" group:"config" help:"List the log drains of an app."`
	DrainsAdd     drainAdd            `cmd:"" name:"drains:add" group:"config" help:"Send the log of an app to a URL."`
	SpaceDrain    spaceDrain          `cmd:"" name:"spaces:drains:get" aliases:"drains:get" group:"spaces" help:"Show where the logs of all apps of a space are sent."`
	SpaceDrainSet spaceDrainSet       `cmd:"" name:"spaces:drains:set" aliases:"drains:set" group:"spaces" help:"Send the logs of all apps of a space to a URL."`
	DrainsDrop    drainRemove         `cmd:"" name:"drains:remove" group:"config" help:"Remove a log drain."`
	Pipelines     pipelines           `cmd:"" name:"pipelines" group:"deploy" help:"List pipelines."`
	PipeInfo      pipelineInfo        `cmd:"" name:"pipelines:info" group:"deploy" help:"Show a pipeline and its apps."`
	PipeCreate    pipelineCreate      `cmd:"" name:"pipelines:create" group:"deploy" help:"Make a pipeline with its first app."`
	PipeAdd       pipelineAdd         `cmd:"" name:"pipelines:add" group:"deploy" help:"Add an app to a pipeline."`
	PipeUpdate    pipelineUpdate      `cmd:"" name:"pipelines:update" group:"deploy" help:"Move an app to another stage of its pipeline."`
	PipeRemove    pipelineRemove      `cmd:"" name:"pipelines:remove" group:"deploy" help:"Take an app out of its pipeline."`
	PipePromote   pipelinePromote     `cmd:"" name:"pipelines:promote" group:"deploy" help:"Release an app's code, as it was built, to the apps of the next stage."`
	PipeConfig    pipelineConfig      `cmd:"" name:"pipelines:config" group:"deploy" help:"List the config vars that apps of a stage begin with."`
	PipeSet       pipelineConfigSet   `cmd:"" name:"pipelines:config:set" group:"deploy" help:"Set config vars that apps of a stage begin with."`
	PipeUnset     pipelineConfigUnset `cmd:"" name:"pipelines:config:unset" group:"deploy" help:"Remove config vars that apps of a stage begin with."`
	PipeRename    pipelineRename      `cmd:"" name:"pipelines:rename" group:"deploy" help:"Rename a pipeline."`
	PipeMove      pipelineTransfer    `cmd:"" name:"pipelines:transfer" group:"deploy" help:"Give a pipeline to a team or a user."`
	PipeDrop      pipelineDestroy     `cmd:"" name:"pipelines:destroy" group:"deploy" help:"Destroy a pipeline; its apps stay."`
	Webhooks      webhooks            `cmd:"" name:"webhooks" group:"config" help:"List who is told of what changes about an app."`
	HookAdd       webhookAdd          `cmd:"" name:"webhooks:add" group:"config" help:"Have a URL told of what changes about an app."`
	HookInfo      webhookInfo         `cmd:"" name:"webhooks:info" group:"config" help:"Show a webhook."`
	HookUpdate    webhookUpdate       `cmd:"" name:"webhooks:update" group:"config" help:"Change a webhook."`
	HookDrop      webhookRemove       `cmd:"" name:"webhooks:remove" group:"config" help:"Remove a webhook."`
	Deliveries    deliveries          `cmd:"" name:"webhooks:deliveries" group:"config" help:"List what webhooks were told, and how that went."`
	Delivery      deliveryInfo        `cmd:"" name:"webhooks:deliveries:info" group:"config" help:"Show what a webhook was told."`

	Addons        addonsList      `cmd:"" name:"addons" group:"addons" help:"List the add-ons of an app, or of all apps."`
	AddonServices addonServices   `cmd:"" name:"addons:services" group:"addons" help:"List what add-ons can be made of."`
	AddonPlans    addonPlans      `cmd:"" name:"addons:plans" group:"addons" help:"List the plans of a service."`
	AddonCreate   addonCreate     `cmd:"" name:"addons:create" group:"addons" help:"Create an add-on."`
	AddonInfo     addonInfo       `cmd:"" name:"addons:info" group:"addons" help:"Show an add-on."`
	AddonWait     addonWait       `cmd:"" name:"addons:wait" group:"addons" help:"Wait for add-ons to be created, or gone."`
	AddonAttach   addonAttach     `cmd:"" name:"addons:attach" group:"addons" help:"Attach an add-on to an app."`
	AddonDetach   addonDetach     `cmd:"" name:"addons:detach" group:"addons" help:"Detach an add-on from an app."`
	AddonRename   addonRename     `cmd:"" name:"addons:rename" group:"addons" help:"Rename an add-on."`
	AddonUpgrade  addonUpgrade    `cmd:"" name:"addons:upgrade" group:"addons" help:"Change the plan of an add-on, up or down."`
	AddonDestroy  addonDestroy    `cmd:"" name:"addons:destroy" group:"addons" help:"Destroy add-ons."`
	AddonOpen     addonOpen       `cmd:"" name:"addons:open" group:"addons" help:"Open the dashboard of an add-on in a browser."`
	AddonDocs     addonDocs       `cmd:"" name:"addons:docs" group:"addons" help:"Open the documentation of a service in a browser."`
	ServiceAdd    serviceAdd      `cmd:"" name:"addon-services:add" group:"addons" help:"Make a provider of add-ons known; only operators may."`
	ServiceDrop   serviceRemove   `cmd:"" name:"addon-services:remove" group:"addons" help:"Forget a provider of add-ons."`
	ServiceEnd    serviceShutdown `cmd:"" name:"addon-services:shutdown" group:"addons" help:"Have no new add-ons of a service."`
	ServiceOffer  serviceOffer    `cmd:"" name:"addon-services:offer" group:"addons" help:"Have new add-ons of a service again."`
	PlanSet       planSet         `cmd:"" name:"addon-plans:set" group:"addons" help:"Set the price of a plan, and where it is to be had."`

	Domains      domains          `cmd:"" name:"domains" group:"build" help:"List the domains of an app."`
	DomainsAdd   domainAdd        `cmd:"" name:"domains:add" group:"build" help:"Add a domain."`
	DomainsDrop  domainRemove     `cmd:"" name:"domains:remove" group:"build" help:"Remove a domain."`
	DomainsPin   domainUpdate     `cmd:"" name:"domains:update" group:"build" help:"Have a domain served with another certificate."`
	MTLS         mtls             `cmd:"" name:"domains:mtls" group:"build" help:"Say whose clients alone may come to a domain."`
	MTLSSet      mtlsSet          `cmd:"" name:"domains:mtls:set" group:"build" help:"Close a domain to all but clients with a certificate."`
	MTLSUnset    mtlsUnset        `cmd:"" name:"domains:mtls:unset" group:"build" help:"Open a domain to all clients again."`
	Certs        certs            `cmd:"" name:"certs" group:"build" help:"List the certificates of an app."`
	CertsAdd     certsAdd         `cmd:"" name:"certs:add" group:"build" help:"Add a certificate, for the domains that have none."`
	CertsUpdate  certsUpdate      `cmd:"" name:"certs:update" group:"build" help:"Put another certificate in the place of one."`
	CertsDrop    certsRemove      `cmd:"" name:"certs:remove" group:"build" help:"Remove a certificate."`
	CertsAuto    certsAuto        `cmd:"" name:"certs:auto" group:"build" help:"Show the automatic certificates of an app."`
	CertsAutoOn  certsAutoEnable  `cmd:"" name:"certs:auto:enable" group:"build" help:"Have the platform get certificates by itself."`
	CertsAutoOff certsAutoDisable `cmd:"" name:"certs:auto:disable" group:"build" help:"End that."`
	CertsAutoNow certsAutoRefresh `cmd:"" name:"certs:auto:refresh" group:"build" help:"Have what was not got tried again."`
	Buildpacks   buildpacks       `cmd:"" name:"buildpacks" group:"build" help:"List the buildpacks of an app."`
	BuildpackAdd buildpackAdd     `cmd:"" name:"buildpacks:add" group:"build" help:"Add a buildpack."`
	BuildpackSet buildpackSet     `cmd:"" name:"buildpacks:set" group:"build" help:"Set the first, or another, buildpack."`
	BuildpackOut buildpackRemove  `cmd:"" name:"buildpacks:remove" group:"build" help:"Remove a buildpack."`
	BuildpackNil buildpackClear   `cmd:"" name:"buildpacks:clear" group:"build" help:"Remove all buildpacks."`
	Stacks       stacks           `cmd:"" name:"stacks" group:"build" help:"List stacks, and which one an app has."`
	StackSet     stackSet         `cmd:"" name:"stack:set" group:"build" help:"Set the stack of an app."`
	Regions      regions          `cmd:"" name:"regions" group:"build" help:"List regions."`

	Login            login               `cmd:"" name:"login" group:"people" help:"Log in."`
	Logout           logout              `cmd:"" name:"logout" group:"people" help:"Log out."`
	Whoami           whoami              `cmd:"" name:"whoami" group:"people" help:"Show who is logged in."`
	Token            authToken           `cmd:"" name:"auth:token" group:"people" help:"Show the token in use."`
	Keys             keys                `cmd:"" name:"keys" group:"people" help:"List your SSH keys, by which you come to git."`
	KeyAdd           keyAdd              `cmd:"" name:"keys:add" group:"people" help:"Upload an SSH key."`
	KeyDrop          keyRemove           `cmd:"" name:"keys:remove" group:"people" help:"Take an SSH key away."`
	Auths            authorizations      `cmd:"" name:"authorizations" group:"people" help:"List tokens."`
	AuthCreate       authorizationCreate `cmd:"" name:"authorizations:create" group:"people" help:"Make a token."`
	AuthInfo         authorizationInfo   `cmd:"" name:"authorizations:info" group:"people" help:"Show a token."`
	AuthRevoke       authorizationRevoke `cmd:"" name:"authorizations:revoke" group:"people" help:"Make a token void."`
	Teams            teams               `cmd:"" name:"teams" group:"people" help:"List teams."`
	TeamsCreate      teamCreate          `cmd:"" name:"teams:create" group:"people" help:"Make a team."`
	TeamsRename      teamRename          `cmd:"" name:"teams:rename" group:"people" help:"Rename a team."`
	TeamsDestroy     teamDestroy         `cmd:"" name:"teams:destroy" group:"people" help:"Destroy a team that has no spaces."`
	TeamSuspend      teamSuspend         `cmd:"" name:"teams:suspend" group:"people" help:"Hold a team as it is; only operators may."`
	TeamRestore      teamRestore         `cmd:"" name:"teams:restore" group:"people" help:"Let a suspended team go on."`
	TeamRanges       teamRanges          `cmd:"" name:"teams:trusted-ranges" group:"people" help:"List the ranges that a team is used from."`
	TeamRangesSet    teamRangesSet       `cmd:"" name:"teams:trusted-ranges:set" group:"people" help:"Let a team be used from some ranges alone."`
	TeamRangesClear  teamRangesClear     `cmd:"" name:"teams:trusted-ranges:clear" group:"people" help:"Let a team be used from everywhere."`
	Operators        operators           `cmd:"" name:"operators" group:"people" help:"List who may administer the installation."`
	OperatorAdd      operatorAdd         `cmd:"" name:"operators:add" group:"people" help:"Let somebody administer the installation."`
	OperatorRemove   operatorRemove      `cmd:"" name:"operators:remove" group:"people" help:"Let somebody administer it no longer."`
	UsersSuspend     userSuspend         `cmd:"" name:"users:suspend" group:"people" help:"Keep somebody out; only operators may."`
	UsersRestore     userRestore         `cmd:"" name:"users:restore" group:"people" help:"Let somebody in again."`
	TwoFactor        twoFactor           `cmd:"" name:"2fa" group:"people" help:"Tell whether you sign in with a second factor."`
	TwoFactorEnable  twoFactorEnable     `cmd:"" name:"2fa:enable" group:"people" help:"Sign in with the codes of an authenticator app too."`
	TwoFactorDisable twoFactorDisable    `cmd:"" name:"2fa:disable" group:"people" help:"Sign in with a password alone again."`
	Members          members             `cmd:"" name:"members" group:"people" help:"List the members of a team."`
	MembersAdd       memberAdd           `cmd:"" name:"members:add" group:"people" help:"Add a member to a team."`
	MembersSet       memberSet           `cmd:"" name:"members:set" group:"people" help:"Change the role of a member."`
	MembersRemove    memberRemove        `cmd:"" name:"members:remove" group:"people" help:"Remove a member from a team."`
	MembersInvite    memberInvite        `cmd:"" name:"members:invite" group:"people" help:"Invite somebody to a team, who may have no account yet."`
	MembersInvited   memberInvitations   `cmd:"" name:"members:invitations" group:"people" help:"List who is invited to a team."`
	MembersUninvite  memberUninvite      `cmd:"" name:"members:uninvite" group:"people" help:"Take an invitation back."`
	Access           access              `cmd:"" name:"access" group:"people" help:"List who may do what with an app."`
	AccessAdd        accessAdd           `cmd:"" name:"access:add" group:"people" help:"Let somebody at an app."`
	AccessUpdate     accessUpdate        `cmd:"" name:"access:update" group:"people" help:"Change what somebody may do with an app."`
	AccessRemove     accessRemove        `cmd:"" name:"access:remove" group:"people" help:"Keep somebody from an app."`

	Env            env            `cmd:"" name:"env" group:"tools" help:"Print the environment for Heroku's CLI, git and Terraform."`
	Heroku         official       `cmd:"" name:"heroku" group:"tools" help:"Run Heroku's own CLI against this server."`
	Forward        forward        `cmd:"" name:"forward" group:"tools" help:"Make a server elsewhere reachable on this machine, for Heroku's CLI."`
	GitRemote      gitRemote      `cmd:"" name:"git:remote" group:"tools" help:"Add a git remote for an app."`
	GitClone       gitClone       `cmd:"" name:"git:clone" group:"tools" help:"Clone the source of an app."`
	GitCredentials gitCredentials `cmd:"" name:"git:credentials" group:"tools" hidden:"" help:"Answer git's question for a password."`
	Zones          zonesList      `cmd:"" name:"zones" group:"tools" help:"List the zones of the installation."`
	ZonesFail      zoneFail       `cmd:"" name:"zones:fail" group:"tools" help:"Declare a zone failed: its dynos are replaced elsewhere."`
	ZonesHeal      zoneHeal       `cmd:"" name:"zones:heal" group:"tools" help:"Take back that a zone has failed."`
	Audit          audit          `cmd:"" name:"audit" group:"tools" help:"Show who did what, and whether the record of it can be trusted."`
	Limits         limits         `cmd:"" name:"limits" group:"tools" help:"List the limits of a space."`
	LimitsSet      limitsSet      `cmd:"" name:"limits:set" group:"tools" help:"Set limits of a space."`
	LimitsUnset    limitsUnset    `cmd:"" name:"limits:unset" group:"tools" help:"Give limits of a space their defaults again."`
	Doctor         doctor         `cmd:"" name:"doctor" group:"tools" help:"Find out what is missing, and what to do about it."`
	VersionCommand showVersion    `cmd:"" name:"version" group:"tools" help:"Print the version."`
}

// aliases are the other names that Heroku's users know. They work, and are left out of the help.
var aliases = map[string]string{
	"addons:add":                   "addons:create",
	"addons:downgrade":             "addons:upgrade",
	"addons:remove":                "addons:destroy",
	"apps:delete":                  "apps:destroy",
	"apps:list":                    "apps",
	"apps:stacks":                  "stacks",
	"apps:stacks:set":              "stack:set",
	"auth:login":                   "login",
	"auth:logout":                  "logout",
	"auth:whoami":                  "whoami",
	"authorizations:destroy":       "authorizations:revoke",
	"config:add":                   "config:set",
	"config:remove":                "config:unset",
	"create":                       "apps:create",
	"destroy":                      "apps:destroy",
	"dyno:kill":                    "ps:stop",
	"dyno:resize":                  "ps:type",
	"dyno:restart":                 "ps:restart",
	"dyno:scale":                   "ps:scale",
	"dyno:stop":                    "ps:stop",
	"dyno:type":                    "ps:type",
	"info":                         "apps:info",
	"kill":                         "ps:stop",
	"list":                         "apps",
	"open":                         "apps:open",
	"ps:kill":                      "ps:stop",
	"ps:resize":                    "ps:type",
	"rename":                       "apps:rename",
	"resize":                       "ps:type",
	"restart":                      "ps:restart",
	"rollback":                     "releases:rollback",
	"scale":                        "ps:scale",
	"spaces:outbound-rules":        "outbound-rules",
	"spaces:outbound-rules:add":    "outbound-rules:add",
	"spaces:outbound-rules:remove": "outbound-rules:remove",
	"spaces:peerings:info":         "spaces:peering:info",
	"spaces:trusted-ips":           "trusted-ips",
	"spaces:trusted-ips:add":       "trusted-ips:add",
	"spaces:trusted-ips:remove":    "trusted-ips:remove",
	"stack":                        "stacks",
	"stacks:set":                   "stack:set",
	"stop":                         "ps:stop",
}

// unalias puts the name of a command in the place of another name for it: the first word that is not a flag.
func unalias(args []string) []string {
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--url" || arg == "--config":
			i++ // its value
		case !strings.HasPrefix(arg, "-"):
			if name, ok := aliases[arg]; ok {
				args = slices.Clone(args)
				args[i] = name
			}
			return args
		}
	}
	return args
}

type showVersion struct{}

// Run prints the version as Heroku's CLI does.
func (showVersion) Run(s *Session) error {
	s.Term.Line("cloister/%s", s.version)
	return nil
}
