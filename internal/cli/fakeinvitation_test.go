package cli_test

import (
	"net/http"
	"slices"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func (f *fake) invitationRoutes(mux *http.ServeMux) {
	mux.HandleFunc("PUT /teams/acme/trusted-ranges", func(w http.ResponseWriter, r *http.Request) {
		if in, ok := read[heroku.TeamRangesOpts](w, r); ok {
			f.ranges = *in.TrustedRanges
			reply(w, 200, heroku.Team{ID: id(2), Name: "acme", TrustedRanges: f.ranges})
		}
	})
	mux.HandleFunc("DELETE /teams/acme/trusted-ranges", func(w http.ResponseWriter, _ *http.Request) {
		f.ranges = nil
		reply(w, 200, heroku.Team{ID: id(2), Name: "acme"})
	})
	mux.HandleFunc("GET /teams/acme/invitations", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, heroku.List[heroku.TeamInvitation](f.invitations))
	})
	mux.HandleFunc("PUT /teams/acme/invitations", func(w http.ResponseWriter, r *http.Request) {
		if in, ok := read[heroku.TeamMemberOpts](w, r); ok {
			i := heroku.TeamInvitation{ID: id(8100), Role: in.Role, User: heroku.TeamMemberUser{Email: in.Email}, InvitedBy: heroku.TeamMemberUser{Email: "ann@example.com"}, ExpiresAt: heroku.At(fakeNow)}
			f.invitations = append(f.invitations, i)
			i.AcceptURL = "https://localhost:5100/invitations/token"
			reply(w, 200, i)
		}
	})
	mux.HandleFunc("DELETE /teams/acme/invitations/{email}", func(w http.ResponseWriter, r *http.Request) {
		n := len(f.invitations)
		f.invitations = slices.DeleteFunc(f.invitations, func(i heroku.TeamInvitation) bool { return i.User.Email == r.PathValue("email") })
		if len(f.invitations) == n {
			missing(w, "invitation")
			return
		}
		reply(w, 200, struct{}{})
	})
}

func (f *fake) operatorRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /enterprise-accounts", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, heroku.List[heroku.EnterpriseAccount]{{ID: id(8200), Name: "cloister"}})
	})
	path := "/enterprise-accounts/" + id(8200) + "/members"
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
		var out heroku.List[heroku.EnterpriseAccountMember]
		for _, email := range f.operators {
			out = append(out, heroku.EnterpriseAccountMember{User: heroku.Person{Email: email}, TwoFactorAuthentication: email == "ann@example.com"})
		}
		reply(w, 200, out)
	})
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		if in, ok := read[heroku.EnterpriseAccountMemberOpts](w, r); ok {
			f.operators = append(f.operators, in.User)
			reply(w, 201, heroku.EnterpriseAccountMember{User: heroku.Person{Email: in.User}})
		}
	})
	mux.HandleFunc("DELETE "+path+"/{user}", func(w http.ResponseWriter, r *http.Request) {
		f.operators = slices.DeleteFunc(f.operators, func(e string) bool { return e == r.PathValue("user") })
		reply(w, 200, struct{}{})
	})
}
