package cli_test

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// offered are the peerings of every space: that of its data network, and one that an operator offers.
func offered() []heroku.Peering {
	return []heroku.Peering{
		{ID: "pcx-0123456789abcdef0", Type: "customer-managed", Status: "pending-acceptance", CIDRBlocks: heroku.List[string]{"192.168.4.0/22"},
			VPCID: "vpc-1", AccountID: id(9), Region: "virginia", Network: "office"},
		{ID: "pcx-fedcba98765432100", Type: "heroku-managed", Status: "active", CIDRBlocks: heroku.List[string]{"172.23.0.0/20"},
			VPCID: "vpc-2", AccountID: id(9), Region: "virginia"},
	}
}

func (f *fake) networkRoutes(mux *http.ServeMux) {
	f.outboundRoutes(mux)
	f.peeringRoutes(mux)
	f.zoneRoutes(mux)
	f.auditRoutes(mux)
	f.limitRoutes(mux)
	mux.HandleFunc("POST /spaces/{space}/inbound-ruleset/actions/dry-run", func(w http.ResponseWriter, r *http.Request) {
		in, ok := read[heroku.RulesetUpdateOpts](w, r)
		if s := f.space(w, r); s == nil || !ok {
			return
		}
		out := heroku.Rehearsal{Kept: 2, Since: heroku.At(fakeNow.Add(-time.Hour))}
		switch {
		case f.spaces[0].Name == "forgetful":
			out = heroku.Rehearsal{Message: "This server does not remember clients."}
		case len(in.Rules) == 1 && in.Rules[0].Source == "192.0.2.0/24":
			out.Cut = heroku.List[heroku.RecentClient]{{Address: "203.0.113.7", Requests: 12, First: heroku.At(fakeNow.Add(-time.Hour)),
				Last: heroku.At(fakeNow.Add(-time.Minute)), Open: 1}}
		}
		reply(w, 200, out)
	})
}

func (f *fake) outboundRoutes(mux *http.ServeMux) {
	answer := func(w http.ResponseWriter) {
		w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprint("v", f.changes)))
		reply(w, 200, heroku.OutboundRuleset{Rules: f.outbound, Applied: heroku.Pointer(f.changes != 1)})
	}
	mux.HandleFunc("GET /spaces/{space}/outbound-ruleset", func(w http.ResponseWriter, r *http.Request) {
		if f.space(w, r) != nil {
			answer(w)
		}
	})
	mux.HandleFunc("PUT /spaces/{space}/outbound-ruleset", func(w http.ResponseWriter, r *http.Request) {
		in, ok := read[heroku.OutboundUpdateOpts](w, r)
		if !ok || f.space(w, r) == nil {
			return
		}
		if last := in.Rules[max(0, len(in.Rules)-1):]; len(last) == 1 && last[0].Target == "203.0.113.0/24" {
			f.changes++ // somebody is faster
		}
		if want := fmt.Sprintf("%q", fmt.Sprint("v", f.changes)); r.Header.Get("If-Match") != want {
			problem(w, 412, "precondition_failed", "The outbound rules are no longer those that you have read.", "")
			return
		}
		f.outbound = in.Rules
		f.changes++
		answer(w)
	})
}

func (f *fake) peeringRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /spaces/{space}/peering-info", func(w http.ResponseWriter, r *http.Request) {
		if s := f.space(w, r); s != nil {
			reply(w, 200, heroku.PeeringInfo{AccountID: s.Team.ID, Region: s.Region.Name, VPCID: "vpc-0", VPCCIDR: s.CIDR,
				SpaceCIDRs: heroku.List[string]{"10.0.128.0/20", "10.0.0.0/20"}, UnavailableCIDR: heroku.List[string]{s.DataCIDR}})
		}
	})
	mux.HandleFunc("GET /spaces/{space}/peerings", func(w http.ResponseWriter, r *http.Request) {
		if f.space(w, r) != nil {
			reply(w, 200, heroku.List[heroku.Peering](f.peers))
		}
	})
	mux.HandleFunc("POST /spaces/{space}/peerings", func(w http.ResponseWriter, r *http.Request) {
		in, ok := read[heroku.PeeringAcceptOpts](w, r)
		if !ok || f.space(w, r) == nil {
			return
		}
		if in.Space != "" {
			p := heroku.Peering{ID: "pcx-00000000000000001", Type: "customer-managed", Status: "initiating-request", CIDRBlocks: heroku.List[string]{"10.9.0.0/20"},
				Expires: heroku.At(fakeNow.Add(7 * 24 * time.Hour)), Space: &heroku.Named{Name: string(in.Space)}}
			f.peers = append(f.peers, p)
			reply(w, 201, p)
			return
		}
		if p := f.peering(w, in.ID); p != nil {
			p.Status, p.StatusReason = "failed", "The interface is gone."
			reply(w, 202, p)
		}
	})
	mux.HandleFunc("DELETE /spaces/{space}/peerings/{id}", func(w http.ResponseWriter, r *http.Request) {
		if f.space(w, r) == nil {
			return
		}
		if p := f.peering(w, r.PathValue("id")); p != nil {
			gone := *p
			gone.Status = "deleted"
			f.peers = slices.DeleteFunc(f.peers, func(p heroku.Peering) bool { return p.ID == gone.ID })
			reply(w, 202, gone)
		}
	})
}

func (f *fake) peering(w http.ResponseWriter, id string) *heroku.Peering {
	for i := range f.peers {
		if f.peers[i].ID == id {
			return &f.peers[i]
		}
	}
	missing(w, "peering")
	return nil
}

func (f *fake) featureRoutes(mux *http.ServeMux) {
	all := []heroku.Feature{{Name: "daily-dyno-restarts", Description: "Restart daily.", State: "general"},
		{Name: "preboot", Description: "Start beside.", State: "general", Enabled: true}}
	mux.HandleFunc("GET /apps/{app}/features", f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) { reply(w, 200, all) }))
	one := f.on(func(w http.ResponseWriter, r *http.Request, a *heroku.App) {
		i := slices.IndexFunc(all, func(f heroku.Feature) bool { return f.Name == r.PathValue("feature") })
		if i < 0 {
			missing(w, "feature")
			return
		}
		if r.Method == http.MethodPatch {
			in, ok := read[heroku.FeatureUpdateOpts](w, r)
			if !ok {
				return
			}
			all[i].Enabled = in.Enabled
		}
		reply(w, 200, all[i])
	})
	mux.HandleFunc("GET /apps/{app}/features/{feature}", one)
	mux.HandleFunc("PATCH /apps/{app}/features/{feature}", one)
}

func (f *fake) zoneRoutes(mux *http.ServeMux) {
	all := []heroku.Zone{{Name: "a", State: "healthy", Dynos: 2}, {Name: "b", State: "healthy", Dynos: 1}}
	mux.HandleFunc("GET /zones", func(w http.ResponseWriter, r *http.Request) { reply(w, 200, all) })
	mux.HandleFunc("POST /zones/{zone}/actions/{action}", func(w http.ResponseWriter, r *http.Request) {
		for i, z := range all {
			if z.Name == r.PathValue("zone") {
				all[i] = heroku.Zone{Name: z.Name, State: "healthy", Dynos: z.Dynos}
				if r.PathValue("action") == "fail" {
					all[i].State, all[i].Reason = "failed", "declared failed by ann@example.com"
				}
				reply(w, 200, all[i])
				return
			}
		}
		missing(w, "zone")
	})
}

func (f *fake) limitRoutes(mux *http.ServeMux) {
	all := []heroku.Limit{{Name: "apps", Value: 20, Use: 3, Default: 20, Most: 1000, Description: "apps of a space"},
		{Name: "dynos", Value: 100, Use: 3, Default: 100, Most: 1000, Description: "dynos of a space, with one-off dynos"}}
	mux.HandleFunc("GET /spaces/{space}/limits", func(w http.ResponseWriter, r *http.Request) { reply(w, 200, all) })
	mux.HandleFunc("PATCH /spaces/{space}/limits", func(w http.ResponseWriter, r *http.Request) {
		in, ok := read[map[string]*heroku.Int](w, r)
		if !ok {
			return
		}
		for i, l := range all {
			if n, changed := in[l.Name]; changed && n != nil {
				all[i].Value = *n
			} else if changed {
				all[i].Value = l.Default
			}
		}
		reply(w, 200, all)
	})
}
