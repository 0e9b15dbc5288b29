package cli_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// fakeNow is when all tests happen.
var fakeNow = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)

// A fake is a server with one team, acme, of one person, ann@example.com, whose password and token are "secret". It
// keeps what it is told and answers with the JSON of the Platform API.
type fake struct {
	*httptest.Server
	attach net.Listener // of one-off dynos

	mu          sync.Mutex
	spaces      []heroku.Space
	rules       map[string]*heroku.Ruleset // by space
	apps        []heroku.App
	config      map[string]heroku.ConfigVars // by app
	releases    map[string][]heroku.Release
	packs       map[string][]heroku.BuildpackInstallation
	form        map[string][]heroku.Formation
	domains     map[string][]heroku.Domain
	certs       map[string][]heroku.SNIEndpoint
	drains      map[string][]heroku.LogDrain
	hooks       map[string][]heroku.AppWebhook
	sshKeys     []heroku.Key
	invitations []heroku.TeamInvitation
	operators   []string
	ranges      []string
	lines       []heroku.Pipeline
	places      []heroku.PipelineCoupling
	stage       heroku.ConfigVars         // of all pipelines
	monitors    map[string]heroku.Monitor // by process type
	members     []heroku.TeamMember
	collabs     []heroku.Collaborator
	tokens      []heroku.Authorization
	looks       int // at spaces and dynos: both are ready at the third
	secrets     map[string]string
	outbound    []heroku.OutboundRule
	changes     int // of outbound
	peers       []heroku.Peering

	twoFactor bool // ann's is on
}

func newFake(t testing.TB) *fake {
	f := &fake{rules: map[string]*heroku.Ruleset{}, config: map[string]heroku.ConfigVars{}, releases: map[string][]heroku.Release{},
		packs: map[string][]heroku.BuildpackInstallation{}, form: map[string][]heroku.Formation{}, domains: map[string][]heroku.Domain{}, certs: map[string][]heroku.SNIEndpoint{},
		drains: map[string][]heroku.LogDrain{}, hooks: map[string][]heroku.AppWebhook{}, stage: heroku.ConfigVars{}, monitors: map[string]heroku.Monitor{}, secrets: map[string]string{}}
	f.outbound = []heroku.OutboundRule{{Target: "0.0.0.0/0", Protocol: "any", FromPort: heroku.Pointer(heroku.Int(0)), ToPort: heroku.Pointer(heroku.Int(65535))}}
	f.peers = offered()
	f.members = []heroku.TeamMember{{Email: "ann@example.com", Role: "admin"}}
	f.tokens = []heroku.Authorization{{ID: id(900), Description: "Cloister CLI login from here", Scope: heroku.List[string]{"global"},
		AccessToken: &heroku.Token{Token: "**********cret"}, UpdatedAt: heroku.At(fakeNow.Add(-time.Hour))}}
	mux := http.NewServeMux()
	f.routes(mux)
	f.Server = httptest.NewUnstartedServer(f.guard(t, mux))
	f.Server.EnableHTTP2 = true
	f.Server.Start()
	t.Cleanup(f.Server.Close)
	return f
}

// guard is what a real server demands of every request.
func (f *fake) guard(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/streams/") {
			if r.Header.Get("Authorization") != "" {
				t.Errorf("%s was sent the token", r.URL.Path)
			}
			next.ServeHTTP(w, r)
			return
		}
		if !strings.HasPrefix(r.Header.Get("Accept"), "application/vnd.heroku+json; version=3") {
			t.Errorf("%s %s: Accept is %q", r.Method, r.URL.Path, r.Header.Get("Accept"))
		}
		name, password, basic := r.BasicAuth()
		switch {
		case basic && r.URL.Path == "/oauth/authorizations" && name == "ann@example.com" && password == "secret":
			if f.twoFactor && r.Header.Get("Heroku-Two-Factor-Code") != "123456" {
				problem(w, 403, heroku.ErrTwoFactor, "This two-factor code is wrong.", "")
				return
			}
		case r.URL.Path == "/auth" || strings.HasPrefix(r.URL.Path, "/auth/"):
		case r.Header.Get("Authorization") == "Bearer secret":
		default:
			problem(w, 401, heroku.ErrUnauthorized, "Invalid credentials provided.", "")
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

func id(n int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", n) }

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func problem(w http.ResponseWriter, status int, id, message, resource string) {
	reply(w, status, heroku.Error{ID: id, Message: message, Resource: resource})
}

func missing(w http.ResponseWriter, resource string) {
	problem(w, 404, heroku.ErrNotFound, "Couldn't find that "+resource+".", resource)
}

// read decodes a body; a body that is not JSON of the right shape is an error of the client.
func read[T any](w http.ResponseWriter, r *http.Request) (T, bool) {
	var in T
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		problem(w, 400, "bad_request", err.Error(), "")
		return in, false
	}
	return in, true
}

func (f *fake) routes(mux *http.ServeMux) {
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		missing(w, "path: "+r.Method+" "+r.URL.Path)
	})
	f.peopleRoutes(mux)
	f.twoFactorRoutes(mux)
	f.spaceRoutes(mux)
	f.networkRoutes(mux)
	f.appRoutes(mux)
	f.dynoRoutes(mux)
}

func (f *fake) space(w http.ResponseWriter, r *http.Request) *heroku.Space {
	for i := range f.spaces {
		if s := &f.spaces[i]; s.Name == r.PathValue("space") || s.ID == r.PathValue("space") {
			return s
		}
	}
	missing(w, "space")
	return nil
}

func (f *fake) spaceRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /spaces", func(w http.ResponseWriter, r *http.Request) { reply(w, 200, heroku.List[heroku.Space](f.spaces)) })
	mux.HandleFunc("POST /spaces", func(w http.ResponseWriter, r *http.Request) {
		in, ok := read[heroku.SpaceCreateOpts](w, r)
		if !ok {
			return
		}
		region := heroku.SpaceRegion{Name: "virginia", Description: "Virginia, United States"}
		if in.Region == "tokyo" {
			region = heroku.SpaceRegion{Name: "tokyo", Description: "Tokyo, Japan"}
		}
		s := heroku.Space{ID: id(100 + len(f.spaces)), Name: in.Name, State: "allocating", Team: heroku.Named{ID: id(2), Name: string(in.Team)},
			Organization: heroku.Named{Name: string(in.Team)}, Region: region, Shield: in.Shield, CIDR: in.CIDR, DataCIDR: in.DataCIDR,
			CreatedAt: heroku.At(fakeNow), UpdatedAt: heroku.At(fakeNow)}
		if s.CIDR == "" {
			s.CIDR, s.DataCIDR = "10.0.0.0/16", "172.23.0.0/20"
		}
		if in.Shield {
			s.IngressIPs = heroku.List[string]{"203.0.113.1", "2001:db8::1"}
		}
		f.spaces = append(f.spaces, s)
		f.looks = 0
		f.rules[s.ID] = &heroku.Ruleset{ID: id(200), Space: heroku.Named{ID: s.ID, Name: s.Name}, CreatedBy: "ann@example.com",
			Rules: heroku.List[heroku.Rule]{{Action: "allow", Source: "0.0.0.0/0"}}, Applied: heroku.Pointer(true)}
		reply(w, 201, s)
	})
	mux.HandleFunc("GET /spaces/{space}", func(w http.ResponseWriter, r *http.Request) {
		if s := f.space(w, r); s != nil {
			if f.looks++; f.looks >= 3 && s.State == "allocating" {
				s.State = "allocated"
			}
			reply(w, 200, s)
		}
	})
	mux.HandleFunc("PATCH /spaces/{space}", func(w http.ResponseWriter, r *http.Request) {
		if s := f.space(w, r); s != nil {
			if in, ok := read[heroku.SpaceUpdateOpts](w, r); ok {
				s.Name = *in.Name
				reply(w, 200, s)
			}
		}
	})
	mux.HandleFunc("DELETE /spaces/{space}", func(w http.ResponseWriter, r *http.Request) {
		s := f.space(w, r)
		if s == nil {
			return
		}
		if slices.ContainsFunc(f.apps, func(a heroku.App) bool { return a.Space != nil && a.Space.ID == s.ID }) {
			problem(w, 422, "invalid_params", "Spaces that contain applications cannot be destroyed.", "")
			return
		}
		gone := *s
		gone.State = "deleting"
		f.spaces = slices.DeleteFunc(f.spaces, func(o heroku.Space) bool { return o.ID == gone.ID })
		reply(w, 200, gone)
	})
	mux.HandleFunc("GET /spaces/{space}/nat", func(w http.ResponseWriter, r *http.Request) {
		if f.space(w, r) != nil {
			reply(w, 200, heroku.NAT{State: "enabled", Sources: heroku.List[string]{"198.51.100.2", "198.51.100.3", "198.51.100.4", "198.51.100.5"}})
		}
	})
	mux.HandleFunc("GET /spaces/{space}/inbound-ruleset", func(w http.ResponseWriter, r *http.Request) {
		if s := f.space(w, r); s != nil {
			reply(w, 200, f.rules[s.ID])
		}
	})
	mux.HandleFunc("PUT /spaces/{space}/inbound-ruleset", func(w http.ResponseWriter, r *http.Request) {
		s := f.space(w, r)
		if s == nil {
			return
		}
		in, ok := read[heroku.RulesetUpdateOpts](w, r)
		if !ok {
			return
		}
		for _, rule := range in.Rules {
			if _, err := netip.ParsePrefix(rule.Source); err != nil {
				problem(w, 422, "invalid_params", "Source "+strconv.Quote(rule.Source)+" is not an IP range in CIDR notation, such as 192.0.2.0/24.", "")
				return
			}
		}
		f.rules[s.ID].Rules, f.rules[s.ID].Applied = in.Rules, heroku.Pointer(false)
		reply(w, 200, f.rules[s.ID])
	})
	mux.HandleFunc("GET /spaces/{space}/dynos", func(w http.ResponseWriter, r *http.Request) {
		s := f.space(w, r)
		if s == nil {
			return
		}
		out := []heroku.SpaceDynos{}
		for _, a := range f.apps {
			if a.Space != nil && a.Space.ID == s.ID {
				out = append(out, heroku.SpaceDynos{AppID: a.ID, AppName: a.Name, Dynos: f.dynos(a)})
			}
		}
		reply(w, 200, out)
	})
	mux.HandleFunc("GET /spaces/{space}/topology", func(w http.ResponseWriter, r *http.Request) {
		s := f.space(w, r)
		if s == nil {
			return
		}
		t := heroku.Topology{Version: 1}
		for _, a := range f.apps {
			web := heroku.TopologyProcess{ProcessType: "web"}
			for i, d := range f.dynos(a) {
				web.Dynos = append(web.Dynos, heroku.TopologyDyno{ID: d.ID, Number: i + 1, PrivateIP: fmt.Sprintf("10.0.128.%d", i+2),
					Hostname: fmt.Sprintf("%d.web.%s.app.localspace", i+1, a.Name)})
			}
			t.Apps = append(t.Apps, heroku.TopologyApp{ID: a.ID, Domains: heroku.List[string]{"shop.example.com"},
				Formation: heroku.List[heroku.TopologyProcess]{web}, Formations: heroku.List[heroku.TopologyProcess]{web}})
		}
		reply(w, 200, t)
	})
}

// attachTo makes one-off dynos possible: those of a command are a shell's, as far as echo and cat go.
func (f *fake) attachTo(t testing.TB, cert tls.Certificate) {
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	f.attach = l
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { f.oneOff(c) })
		}
	})
	t.Cleanup(func() { l.Close(); open.Wait() })
}

func (f *fake) oneOff(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	line, err := in.ReadString('\n')
	if err != nil {
		return
	}
	f.mu.Lock()
	command, ok := f.secrets[strings.TrimSpace(line)]
	f.mu.Unlock()
	if !ok {
		return
	}
	io.WriteString(c, "rendezvous\r\n")
	if words, ok := strings.CutPrefix(command, "echo "); ok {
		words, mark, _ := strings.Cut(words, ` ; echo "`)
		fmt.Fprintf(c, "%s\n%s", words, strings.ReplaceAll(mark, `$?"`, "7\r\n"))
		return
	}
	if file, ok := strings.CutPrefix(command, "cat -- "); ok {
		file, _, _ = strings.Cut(file, " ; ")
		if file == "'no such file'" {
			io.WriteString(c, "cat: no such file\n\uFFFF heroku-command-exit-status: 1\n")
			return
		}
		io.WriteString(c, "what is in "+file+"\n\uFFFF heroku-command-exit-status: 0\n")
		return
	}
	text, _ := in.ReadString(4)
	io.WriteString(c, strings.TrimSuffix(text, "\x04"))
}
