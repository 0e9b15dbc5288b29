package cli_test

import (
	"net/http"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// twoFactorRoutes know one code, 123456.
func (f *fake) twoFactorRoutes(mux *http.ServeMux) {
	right := func(w http.ResponseWriter, r *http.Request) bool {
		in, ok := read[heroku.TwoFactorCode](w, r)
		if ok && in.Code != "123456" {
			problem(w, 403, heroku.ErrTwoFactor, "This two-factor code is wrong.", "")
			return false
		}
		return ok
	}
	mux.HandleFunc("POST /account/two-factor", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 201, heroku.TwoFactorOffer{Secret: "JBSWY3DPEHPK3PXP", URL: "otpauth://totp/Cloister:ann@example.com?secret=JBSWY3DPEHPK3PXP"})
	})
	mux.HandleFunc("POST /account/two-factor/actions/confirm", func(w http.ResponseWriter, r *http.Request) {
		if right(w, r) {
			f.twoFactor = true
			reply(w, 200, heroku.RecoveryCodes{Codes: heroku.List[string]{"aaaaa-22222", "bbbbb-33333"}})
		}
	})
	mux.HandleFunc("POST /account/two-factor/actions/disable", func(w http.ResponseWriter, r *http.Request) {
		if right(w, r) {
			f.twoFactor = false
			reply(w, 200, heroku.Account{ID: id(1), Email: "ann@example.com"})
		}
	})
	mux.HandleFunc("DELETE /users/{user}/two-factor", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("user") != "bob@example.com" {
			missing(w, "user")
			return
		}
		reply(w, 200, heroku.Account{ID: id(2), Email: "bob@example.com"})
	})
}
