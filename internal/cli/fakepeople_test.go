package cli_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func (f *fake) keyRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /account/keys", func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, heroku.List[heroku.Key](f.sshKeys)) })
	mux.HandleFunc("POST /account/keys", func(w http.ResponseWriter, r *http.Request) {
		if in, ok := read[heroku.KeyCreateOpts](w, r); ok {
			n := len(f.sshKeys) + 1
			f.sshKeys = append(f.sshKeys, heroku.Key{ID: id(8000 + n), Comment: strings.Fields(in.PublicKey)[2], Fingerprint: fmt.Sprintf("00:%02d", n), PublicKey: in.PublicKey})
			reply(w, 201, f.sshKeys[n-1])
		}
	})
	mux.HandleFunc("DELETE /account/keys/{key}", func(w http.ResponseWriter, r *http.Request) {
		i := slices.IndexFunc(f.sshKeys, func(k heroku.Key) bool { return k.ID == r.PathValue("key") })
		gone := f.sshKeys[i]
		f.sshKeys = slices.Delete(f.sshKeys, i, i+1)
		reply(w, 200, gone)
	})
}

func (f *fake) peopleRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /account", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, heroku.Account{ID: id(1), Email: "ann@example.com", TwoFactorAuthentication: f.twoFactor})
	})
	mux.HandleFunc("POST /teams/acme/actions/{action}", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, heroku.Team{ID: id(3), Name: "acme"})
	})
	mux.HandleFunc("POST /users/{user}/actions/{action}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("user") != "bob@example.com" {
			missing(w, "user")
			return
		}
		a := heroku.Account{ID: id(2), Email: "bob@example.com"}
		if r.PathValue("action") == "suspend" {
			a.SuspendedAt = heroku.At(fakeNow)
		}
		reply(w, 200, a)
	})
	mux.HandleFunc("POST /oauth/authorizations", func(w http.ResponseWriter, r *http.Request) {
		in, ok := read[heroku.AuthorizationCreateOpts](w, r)
		if !ok {
			return
		}
		a := heroku.Authorization{ID: id(901), Description: in.Description, Scope: in.Scope,
			AccessToken: &heroku.Token{ID: id(902), Token: "secret"}, UpdatedAt: heroku.At(fakeNow)}
		if in.ExpiresIn != nil {
			a.AccessToken.ExpiresIn = heroku.Pointer(int(*in.ExpiresIn))
		}
		reply(w, 201, a)
	})
	mux.HandleFunc("GET /oauth/authorizations", func(w http.ResponseWriter, r *http.Request) { reply(w, 200, f.tokens) })
	mux.HandleFunc("DELETE /oauth/authorizations/{id}", func(w http.ResponseWriter, r *http.Request) {
		for i, a := range f.tokens {
			if a.ID == r.PathValue("id") {
				f.tokens = slices.Delete(f.tokens, i, i+1)
				reply(w, 200, a)
				return
			}
		}
		missing(w, "authorization")
	})
	mux.HandleFunc("DELETE /oauth/sessions/{id}", func(w http.ResponseWriter, r *http.Request) { missing(w, "session") })
	mux.HandleFunc("POST /auth", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, heroku.SignInRequest{BrowserURL: "/auth/browser/1", CLIURL: "/auth/cli/1", Token: "waiting"})
	})
	mux.HandleFunc("GET /auth/cli/1", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer waiting" {
			problem(w, 401, heroku.ErrUnauthorized, "Who is it?", "")
			return
		}
		reply(w, 200, heroku.SignInResult{AccessToken: "secret"})
	})
	f.keyRoutes(mux)
	mux.HandleFunc("GET /teams", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, []heroku.Team{{ID: id(2), Name: "acme", Role: heroku.Pointer("admin")}})
	})
	mux.HandleFunc("GET /teams/acme/members", func(w http.ResponseWriter, r *http.Request) { reply(w, 200, f.members) })
	put := func(w http.ResponseWriter, r *http.Request) {
		in, ok := read[heroku.TeamMemberOpts](w, r)
		if !ok {
			return
		}
		m := heroku.TeamMember{Email: in.Email, Role: in.Role}
		f.members = append(slices.DeleteFunc(f.members, func(m heroku.TeamMember) bool { return m.Email == in.Email }), m)
		reply(w, 200, m)
	}
	mux.HandleFunc("PUT /teams/acme/members", put)
	f.invitationRoutes(mux)
	f.operatorRoutes(mux)
	mux.HandleFunc("PATCH /teams/acme/members", put)
	mux.HandleFunc("DELETE /teams/acme/members/{email}", func(w http.ResponseWriter, r *http.Request) {
		f.members = slices.DeleteFunc(f.members, func(m heroku.TeamMember) bool { return m.Email == r.PathValue("email") })
		reply(w, 200, struct{}{})
	})
	mux.HandleFunc("GET /regions", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, []heroku.Region{{Name: "virginia", Description: "Virginia, United States", PrivateCapable: true},
			{Name: "tokyo", Description: "Tokyo, Japan", PrivateCapable: true}, {Name: "us", Description: "United States"}})
	})
	mux.HandleFunc("GET /stacks", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, []heroku.Stack{{Name: "heroku-24", State: "public"}, {Name: "debian-12", State: "public", Default: true}})
	})
}
