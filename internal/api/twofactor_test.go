package api_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/cloister-dev/cloister/internal/heroku"
)

func TestASecondFactorIsAskedForAsTheClientsExpect(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var offer heroku.TwoFactorOffer
	var recovery heroku.RecoveryCodes
	var account heroku.Account
	h.call("POST", "/account/two-factor/actions/confirm", `{"code":"123456"}`).refused(t, 422, "invalid_params",
		"There is no two-factor authentication to confirm. Begin to turn it on first.")
	h.call("POST", "/account/two-factor", nil).want(t, 201, &offer)
	h.call("POST", "/account/two-factor/actions/confirm", `{}`).refused(t, 403, "two_factor",
		"This two-factor code is wrong, or was used already. Wait for the next one.")
	code, err := totp.GenerateCode(offer.Secret, time.Now())
	check(t, err)
	h.call("POST", "/account/two-factor/actions/confirm", `{"code":"`+code+`"}`).want(t, 200, &recovery)
	h.call("GET", "/account", nil).want(t, 200, &account)
	if len(recovery.Codes) != 10 || !account.TwoFactorAuthentication {
		t.Fatalf("got %d recovery codes, and then %+v", len(recovery.Codes), account)
	}
	signIn := func(code string) (int, heroku.Error) {
		req, err := http.NewRequestWithContext(t.Context(), "POST", h.url+"/oauth/authorizations", nil)
		check(t, err)
		req.Header.Set("Accept", "application/vnd.heroku+json; version=3")
		req.SetBasicAuth(email, password.Reveal())
		if code != "" {
			req.Header.Set("Heroku-Two-Factor-Code", code)
		}
		res, err := http.DefaultClient.Do(req)
		check(t, err)
		defer res.Body.Close()
		var e heroku.Error
		check(t, json.NewDecoder(res.Body).Decode(&e))
		return res.StatusCode, e
	}
	if status, e := signIn(""); status != 403 || e.ID != "two_factor" {
		t.Errorf("without a code: %d %+v", status, e)
	}
	if status, e := signIn(recovery.Codes[0]); status != 201 {
		t.Errorf("with a recovery code: %d %+v", status, e)
	}
	if status, e := signIn(recovery.Codes[0]); status != 403 || e.ID != "two_factor" {
		t.Errorf("with a used one: %d %+v", status, e)
	}
	h.call("POST", "/account/two-factor/actions/disable", `{"code":"`+recovery.Codes[1]+`"}`).want(t, 200, &account)
	if account.TwoFactorAuthentication {
		t.Error("it is off, and shown as on")
	}
	h.call("DELETE", "/users/"+email+"/two-factor", nil).refused(t, 404, "not_found", "Couldn't find that second factor.")
}
