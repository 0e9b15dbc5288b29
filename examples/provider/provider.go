package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A provider answers the platform, its users' browsers and their apps.
type provider struct {
	manifest     manifest
	clientSecret string        // by which it gets its tokens
	oauth        string        // where; "": at /oauth/token of the host that a call names
	slow         time.Duration // how long the plan slow takes
	faults       *faults
	state        *state
	http         *http.Client

	stop    context.Context // done when the process ends
	jobs    sync.WaitGroup
	mu      sync.Mutex
	running map[string]bool // by resource: somebody is making it
}

func (p *provider) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /heroku/resources", p.platform(p.provision))
	mux.HandleFunc("PUT /heroku/resources/{id}", p.platform(p.change))
	mux.HandleFunc("DELETE /heroku/resources/{id}", p.platform(p.deprovision))
	mux.HandleFunc("POST /sso", p.signIn)
	mux.HandleFunc("/counters/{key}", p.count)
	return mux
}

// A call is what the platform sends. Fields that are not here are passed over: there may be new ones at any time.
type call struct {
	ID       string `json:"uuid"`
	Name     string `json:"name"`
	Plan     string `json:"plan"`
	Callback string `json:"callback_url"`
	Grant    struct {
		Code string `json:"code"`
	} `json:"oauth_grant"`
}

// platform lets nobody but the platform in, and reads what it sends.
func (p *provider) platform(then func(http.ResponseWriter, *http.Request, call)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, password, _ := r.BasicAuth()
		if subtle.ConstantTimeCompare([]byte(id), []byte(p.manifest.ID))&subtle.ConstantTimeCompare([]byte(password), []byte(p.manifest.API.Password)) != 1 {
			say(w, http.StatusUnauthorized, "Only the platform may call here.")
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		in := call{}
		if err == nil && r.Method != http.MethodDelete {
			err = json.Unmarshal(body, &in)
		}
		if err != nil {
			say(w, http.StatusBadRequest, "This call cannot be read.")
			return
		}
		if r.PathValue("id") != "" {
			in.ID = r.PathValue("id")
		}
		then(w, r, in)
	}
}

// provision makes a resource, once, however often it is called. A plan that takes long is made after the answer.
func (p *provider) provision(w http.ResponseWriter, r *http.Request, in call) {
	if in.ID == "" || !p.sells(in.Plan) {
		say(w, http.StatusUnprocessableEntity, fmt.Sprintf("There is no plan %q.", in.Plan))
		return
	}
	x, err := p.state.update(in.ID, func(x *resource) {
		switch {
		case x.ID == "":
			*x = resource{ID: in.ID, Name: in.Name, Plan: in.Plan, State: provisioned, Callback: in.Callback, Key: rand.Text()}
			if takesLong(in.Plan) {
				x.State, x.Code = provisioning, in.Grant.Code
			}
		case x.State == provisioning && x.Refresh == "":
			x.Code = in.Grant.Code // the newer one is good for longer
		}
	})
	switch {
	case err != nil:
		broken(w, err)
	case x.State == deprovisioned:
		say(w, http.StatusGone, "This add-on has ended. Create another one.")
	case p.faults.spoil(w, r, x):
	case x.State == provisioning:
		if p.faults.on("early-callback", x.Plan) {
			log.Printf("%s: told early: %v", x.ID, p.tell(r.Context(), x.ID))
		}
		p.start(x.ID)
		answer(w, http.StatusAccepted, map[string]any{"id": x.ID, "message": "Your counter is being made."})
	default:
		answer(w, http.StatusOK, map[string]any{"id": x.ID, "message": "Your counter is at zero.", "config": p.config(x)})
	}
}

func (p *provider) change(w http.ResponseWriter, r *http.Request, in call) {
	x, known := p.state.get(in.ID)
	if !known || x.State == deprovisioned {
		say(w, http.StatusGone, "There is no such add-on.")
		return
	}
	if !p.sells(in.Plan) {
		say(w, http.StatusUnprocessableEntity, fmt.Sprintf("There is no plan %q.", in.Plan))
		return
	}
	if p.faults.spoil(w, r, x) {
		return
	}
	x, err := p.state.update(in.ID, func(x *resource) { x.Plan = in.Plan })
	if err != nil {
		broken(w, err)
		return
	}
	answer(w, http.StatusOK, map[string]any{"message": "Your counter goes on.", "config": p.config(x)})
}

func (p *provider) deprovision(w http.ResponseWriter, r *http.Request, in call) {
	x, known := p.state.get(in.ID)
	if !known || x.State == deprovisioned {
		say(w, http.StatusGone, "There is no such add-on.")
		return
	}
	if p.faults.spoil(w, r, x) {
		return
	}
	if _, err := p.state.update(in.ID, func(x *resource) { *x = resource{ID: x.ID, Name: x.Name, State: deprovisioned} }); err != nil {
		broken(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (p *provider) sells(plan string) bool {
	for _, one := range p.manifest.Plans {
		if one.Name == plan {
			return true
		}
	}
	return len(p.manifest.Plans) == 0 && plan == "test"
}

// takesLong reports whether a plan is made after the answer.
func takesLong(plan string) bool {
	return slices.Contains([]string{"slow", "duplicate-callback", "early-callback"}, plan)
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(body)
}

// say answers with a message, which the platform shows to who wanted something.
func say(w http.ResponseWriter, code int, message string) {
	answer(w, code, map[string]string{"message": message})
}

func broken(w http.ResponseWriter, err error) {
	log.Print(err)
	say(w, http.StatusInternalServerError, "Something is broken here. Try again.")
}
