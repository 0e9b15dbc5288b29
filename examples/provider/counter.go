package main

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// config is what apps get: the address of their counter, with its key.
func (p *provider) config(x resource) map[string]string {
	base := strings.TrimSuffix(p.manifest.API.Production.BaseURL, "/heroku/resources")
	return map[string]string{p.manifest.API.Prefix + "_URL": base + "/counters/" + x.Key}
}

// count counts one for each POST, and says where the counter is.
func (p *provider) count(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	x, ok := p.state.find(func(x resource) bool { return subtle.ConstantTimeCompare([]byte(x.Key), []byte(key)) == 1 })
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.Method == http.MethodPost {
		var err error
		if x, err = p.state.update(x.ID, func(x *resource) {
			if x.Key == key {
				x.Count++
			}
		}); err != nil {
			broken(w, err)
			return
		}
	}
	fmt.Fprintln(w, x.Count)
}

var dashboard = template.Must(template.New("").Parse(`<!doctype html><meta charset="utf-8"><title>Counters</title>
<h1>{{.Name}} is at {{.Count}}</h1><p>Plan {{.Plan}}, {{.State}}. {{.Email}} came from {{.App}}.</p>
`))

// signIn shows the dashboard of a resource to whom the platform sends. A larger one starts a session here.
func (p *provider) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	id, stamp := r.PostFormValue("resource_id"), r.PostFormValue("timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	sum := sha1.Sum([]byte(id + ":" + p.manifest.API.Salt + ":" + stamp))
	token := hex.EncodeToString(sum[:])
	if subtle.ConstantTimeCompare([]byte(token), []byte(r.PostFormValue("resource_token"))) != 1 || err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		http.Error(w, "This link is not good, or not any more. Open the dashboard again.", http.StatusForbidden)
		return
	}
	x, known := p.state.get(id)
	if !known || x.State == deprovisioned {
		http.Error(w, "There is no such add-on.", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'")
	dashboard.Execute(w, struct {
		resource
		Email, App string
	}{x, r.PostFormValue("email"), r.PostFormValue("app")})
}
