package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// patience is how long the platform is told of a resource before it is given up.
const patience = time.Hour

var errUnauthorized = errors.New("the platform does not take the token")

// resume goes on with what an earlier process left half made. Jobs end with the context.
func (p *provider) resume(stop context.Context) {
	p.stop, p.running = stop, map[string]bool{}
	var left []string
	p.state.find(func(r resource) bool {
		if r.State == provisioning {
			left = append(left, r.ID)
		}
		return false
	})
	for _, id := range left {
		p.start(id)
	}
}

// start makes a resource that takes long, and tells the platform; never twice at once.
func (p *provider) start(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running[id] {
		return
	}
	p.running[id] = true
	p.jobs.Go(func() {
		defer func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.running, id)
		}()
		ctx, cancel := context.WithTimeout(p.stop, patience)
		defer cancel()
		rest(ctx, p.slow)
		for pause := 100 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, 30*time.Second) {
			err := p.tell(ctx, id)
			if err == nil {
				return
			}
			log.Printf("%s: %v; trying again in %s", id, err, pause)
			rest(ctx, pause)
		}
	})
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// tell gives the platform the config vars of a resource, and says that it is made. It may be repeated.
func (p *provider) tell(ctx context.Context, id string) error {
	x, _ := p.state.get(id)
	if x.State != provisioning {
		return nil
	}
	if x.Access == "" {
		var err error
		if x, err = p.authorize(ctx, x); err != nil {
			return err
		}
	}
	var config []map[string]string
	for name, value := range p.config(x) {
		config = append(config, map[string]string{"name": name, "value": value})
	}
	told := func() error {
		if err := p.send(ctx, http.MethodPatch, x.Callback+"/config", x.Access, map[string]any{"config": config}); err != nil {
			return err
		}
		return p.send(ctx, http.MethodPost, x.Callback+"/actions/provision", x.Access, nil)
	}
	err := told()
	if errors.Is(err, errUnauthorized) { // its time is over: the next try gets another one
		_, saved := p.state.update(id, func(x *resource) { x.Access = "" })
		return errors.Join(err, saved)
	}
	if err != nil {
		return err
	}
	if p.faults.on("duplicate-callback", x.Plan) {
		log.Printf("%s: told twice: %v", id, told())
	}
	_, err = p.state.update(id, func(x *resource) {
		if x.State == provisioning { // and was not ended meanwhile
			x.State, x.Code = provisioned, ""
		}
	})
	return err
}

// authorize gets the tokens of a resource: for its code, which is good once and for five minutes, or for its refresh token.
func (p *provider) authorize(ctx context.Context, x resource) (resource, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {x.Code}, "client_secret": {p.clientSecret}}
	if x.Refresh != "" {
		form = url.Values{"grant_type": {"refresh_token"}, "refresh_token": {x.Refresh}, "client_secret": {p.clientSecret}}
	}
	to := p.oauth
	if to == "" {
		u, err := url.Parse(x.Callback)
		if err != nil {
			return x, err
		}
		to = u.ResolveReference(&url.URL{Path: "/oauth/token"}).String()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return x, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var out struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := p.do(req, &out); err != nil {
		return x, fmt.Errorf("get tokens: %w", err)
	}
	return p.state.update(x.ID, func(x *resource) {
		if x.State == provisioning {
			x.Code, x.Access, x.Refresh = "", out.Access, or(out.Refresh, x.Refresh)
		}
	})
}

// send makes a call of the Platform API; nil is no body.
func (p *provider) send(ctx context.Context, method, to, token string, body any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/vnd.heroku+json; version=3")
	req.Header.Set("Content-Type", "application/json")
	return p.do(req, nil)
}

func (p *provider) do(req *http.Request, into any) error {
	res, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return err
	case res.StatusCode == http.StatusUnauthorized:
		return errUnauthorized
	case res.StatusCode >= 300:
		return fmt.Errorf("%s %s: %s: %.200q", req.Method, req.URL.Path, res.Status, text)
	case into != nil:
		return json.Unmarshal(text, into)
	}
	return nil
}
