package api

import (
	"encoding/base64"
	"net"
	"net/http"
	"strings"

	"github.com/cloister-dev/cloister"
)

// byToken finds out who calls by the token they show: as a bearer, or as the password of any user name (Terraform,
// git and the container tools do so).
func (a *API) byToken(r *http.Request) (cloister.Actor, cloister.Secret, error) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token := cloister.Secret(strings.TrimSpace(rest))
	if strings.EqualFold(scheme, "Basic") {
		_, password, ok := basic(r)
		if !ok {
			return cloister.Actor{}, "", unauthorized()
		}
		token = password
	} else if !strings.EqualFold(scheme, "Bearer") {
		return cloister.Actor{}, "", unauthorized()
	}
	if token == "" {
		return cloister.Actor{}, "", unauthorized()
	}
	actor, err := a.platform.Authenticate(r.Context(), caller(r), token)
	return actor, token, err
}

// byPassword finds out who calls by e-mail address and password, where Basic has one; otherwise by token.
func (a *API) byPassword(r *http.Request) (cloister.Actor, cloister.Secret, error) {
	email, password, ok := basic(r)
	if !ok || !strings.Contains(email, "@") {
		return a.byToken(r)
	}
	if actor, err := a.platform.Authenticate(r.Context(), "", password); err == nil { // Terraform's e-mail and token
		actor.From = caller(r)
		return actor, password, nil
	}
	actor, err := a.platform.SignIn(r.Context(), caller(r), email, password, cloister.Secret(r.Header.Get("Heroku-Two-Factor-Code")))
	return actor, "", err
}

// basic reads the Basic credentials. The user name ends at the first colon; a password may contain more of them.
func basic(r *http.Request) (user string, password cloister.Secret, ok bool) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if err != nil {
		return "", "", false
	}
	user, p, ok := strings.Cut(string(b), ":")
	return user, cloister.Secret(p), ok
}

// caller is the address that a request came from, as the socket knows it.
func caller(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func unauthorized() error {
	return cloister.Errorf(cloister.Unauthorized, "There were no credentials in your `Authorization` header. Try `Authorization: Bearer <OAuth access token>`.")
}
