package api

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/cloister-dev/cloister"
)

// routes is the whole table. chi lets a word win over a parameter: /teams/apps/{app} is never a team's app list.
func (a *API) routes() chi.Router {
	r := a.implemented()
	a.missingRoutes(r)
	return r
}

// implemented is the part of the table that does something.
func (a *API) implemented() chi.Router {
	r := chi.NewRouter()
	r.Use(a.watch, middleware.StripSlashes, middleware.GetHead)
	r.NotFound(a.unknown)
	r.MethodNotAllowed(a.unknown)
	for _, resource := range []func(chi.Router){
		a.accountRoutes, a.keyRoutes, a.authorizationRoutes, a.oauthClientRoutes, a.oauthTokenRoutes, a.teamRoutes, a.memberRoutes, a.invitationRoutes, a.enterpriseRoutes, a.regionRoutes, a.stackRoutes,
		a.sizeRoutes, a.spaceRoutes, a.spaceMemberRoutes, a.rulesetRoutes, a.egressRoutes, a.peeringRoutes, a.topologyRoutes, a.appRoutes,
		a.collaboratorRoutes, a.configRoutes, a.buildpackRoutes, a.buildRoutes, a.sourceRoutes, a.slugRoutes,
		a.releaseRoutes, a.formationRoutes, a.dynoRoutes, a.execRoutes, a.logRoutes, a.drainRoutes, a.webhookRoutes, a.pipelineRoutes, a.domainRoutes, a.mtlsRoutes, a.sniEndpointRoutes, a.acmRoutes, a.featureRoutes, a.monitorRoutes, a.zoneRoutes, a.auditRoutes, a.twoFactorRoutes, a.limitRoutes, a.metricRoutes, a.addonRoutes, a.providerRoutes, a.serviceRoutes, a.databaseRoutes, a.transferRoutes, a.jobRoutes, a.noneRoutes,
	} {
		resource(r)
	}
	return r
}

func (a *API) unknown(w http.ResponseWriter, r *http.Request) {
	a.fail(w, r, cloister.Errorf(cloister.NotFound, "There is no %s %s in this API. Check the path and the verb.", r.Method, r.URL.Path))
}
