package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/api"
	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/logs"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

const (
	email    = "ada@example.com"
	password = cloister.Secret("correct horse")
)

// A house is an API over a real platform and an empty store in memory, with the team acme and its admin, Ada.
type house struct {
	done     []string // to data services
	t        *testing.T
	url      string
	store    *store.Store
	platform *platform.Platform
	logs     *logs.Logs
	ada      cloister.Actor
	token    string // Ada's
	trouble  string // of the engine
	caches   []string
	offered  []cloister.Terminal
	entered  []string // "user app dyno key" of passes
	panics   bool     // when a cache is to be dropped
	clients  []cloister.Client
	ahead    atomic.Int64 // of the time of day the store's clock is, nanoseconds
	log      record
}

// now is what the store's clock shows.
func (h *house) now() time.Time { return time.Now().UTC().Add(time.Duration(h.ahead.Load())) }

func (h *house) advance(d time.Duration) { h.ahead.Add(int64(d)) }

// A record keeps what was logged.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// office is a network of the operator's.
var office = cloister.Network{Name: "office", Prefixes: []netip.Prefix{netip.MustParsePrefix("192.168.4.0/22")}, Spaces: []string{"acme"}}

func (h *house) Recent(string) []cloister.Client { return h.clients }

func (h *house) Trouble() string { return h.trouble }

func (h *house) New() (put, get string, err error) {
	return "/sources/put-secret", "/sources/get-secret", nil
}

func (h *house) Upload(appID, slugID string) string {
	return "/slugs/" + appID + "/" + slugID + "/secret"
}

func (h *house) Offer(t cloister.Terminal) cloister.Secret {
	h.offered = append(h.offered, t)
	return "5ec2e7"
}

func (h *house) Resize(appID, id string, columns, lines int) bool {
	for i, t := range h.offered {
		if t.ID == id && t.Dyno.AppID == appID {
			h.offered[i].Columns, h.offered[i].Lines = columns, lines
			return true
		}
	}
	return false
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t}
	var err error
	h.store, err = store.Open(t.Context(), store.Config{DSN: ":memory:", Key: make([]byte, 32), Now: h.now})
	check(t, err)
	t.Cleanup(func() { h.store.Close() })
	quiet := slog.New(slog.DiscardHandler)
	h.logs, err = logs.Open(logs.Config{Dir: t.TempDir(), Key: make([]byte, 32)}, quiet)
	check(t, err)
	t.Cleanup(func() { h.logs.Close() })
	h.platform = platform.New(h.store, platform.Config{AppDomain: "apps.localhost", ACM: true, OutboundPool: netip.MustParsePrefix("198.18.0.0/24"),
		IngressPool: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/28")}, Networks: []cloister.Network{office}, Clients: h}, quiet)
	h.ada.User = cloister.User{ID: cloister.NewID(), Email: email, PasswordHash: passwordHash(), Operator: true}
	h.update(func(tx *store.Tx) error {
		h.ada.User.CreatedAt, h.ada.User.UpdatedAt = tx.Now, tx.Now
		return tx.InsertUser(h.ada.User)
	})
	_, err = h.platform.CreateTeam(t.Context(), h.ada, "acme")
	check(t, err)
	h.update(func(tx *store.Tx) error {
		return tx.PutStack(cloister.Stack{Name: "debian-12", RunImage: "sha256:a", BuildImage: "sha256:b", Default: true, CreatedAt: tx.Now})
	})
	h.token = h.tokenOf(h.ada)
	mux := http.NewServeMux()
	mux.Handle("/", api.New(api.Config{WebPort: "8080", GitURL: "https://localhost:5100/"}, h.platform, api.Beside{
		Logs: h.logs, Sources: h, Slugs: h, Caches: dropped{h}, Health: h, Terminals: h, Shells: shells{h}, Services: cellars{h}, Bastions: cellars{h}, Backups: cellars{h}, Metrics: http.HandlerFunc(h.measure)}, slog.New(slog.NewTextHandler(&h.log, nil))))
	mux.Handle("/streams/", h.logs.Handler())
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

// passwordHash is Ada's. Hashing is slow on purpose, so it is done once.
var passwordHash = sync.OnceValue(func() string {
	s, err := store.Open(context.Background(), store.Config{DSN: ":memory:", Key: make([]byte, 32)})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	p := platform.New(s, platform.Config{}, slog.New(slog.DiscardHandler))
	a, err := p.SetUp(context.Background(), platform.Setup{Email: email, Password: password, Team: "acme"})
	if err != nil {
		panic(err)
	}
	return a.User.PasswordHash
})

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) update(fn func(*store.Tx) error) {
	h.t.Helper()
	check(h.t, h.store.Update(h.t.Context(), fn))
}

func (h *house) tokenOf(a cloister.Actor) string {
	h.t.Helper()
	_, token, err := h.platform.CreateAuthorization(h.t.Context(), a, "test", nil, 0)
	check(h.t, err)
	return token.Reveal()
}

// person adds a user, in the team acme if role is not "", and gives their token.
func (h *house) person(address string, role cloister.Role) string {
	h.t.Helper()
	u := cloister.User{ID: cloister.NewID(), Email: address}
	h.update(func(tx *store.Tx) error {
		u.CreatedAt, u.UpdatedAt = tx.Now, tx.Now
		return tx.InsertUser(u)
	})
	if role != "" {
		_, err := h.platform.AddMember(h.t.Context(), h.ada, "acme", address, role)
		check(h.t, err)
	}
	return h.tokenOf(cloister.Actor{User: u})
}

// space adds a space that is allocated.
func (h *house) space(name string) platform.SpaceInfo {
	h.t.Helper()
	s, err := h.platform.CreateSpace(h.t.Context(), h.ada, platform.SpaceSpec{Name: name, Team: "acme", Region: "tokyo"})
	check(h.t, err)
	h.update(func(tx *store.Tx) error { return tx.SetSpaceState(s.ID, cloister.Allocated) })
	return s
}

func (h *house) app(space, name string) platform.AppInfo {
	h.t.Helper()
	app, err := h.platform.CreateApp(h.t.Context(), h.ada, platform.AppSpec{Name: name, Space: space})
	check(h.t, err)
	return app
}

// deploy gives an app a slug with a web and a worker process, and a release of it.
func (h *house) deploy(app platform.AppInfo) cloister.Slug {
	h.t.Helper()
	slug := cloister.Slug{ID: cloister.NewID(), AppID: app.ID, Checksum: "SHA256:" + hexOf('a', 64), Commit: hexOf('c', 40),
		CommitText: "first", Stack: "debian-12", Detected: "Go", Size: 4096, Image: "sha256:c",
		ProcessTypes: map[string]string{"web": "bin/web", "worker": "bin/worker"}}
	h.update(func(tx *store.Tx) error {
		slug.CreatedAt, slug.UpdatedAt = tx.Now, tx.Now
		return tx.InsertSlug(slug)
	})
	_, _, err := h.platform.ReleaseSlug(h.t.Context(), h.ada, app.ID, slug.ID, "")
	check(h.t, err)
	return slug
}

func hexOf(digit byte, n int) string { return string(bytes.Repeat([]byte{digit}, n)) }

// applied says that a ruleset is in force, as control would.
func (h *house) applied(id string) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error { return tx.SetRulesetApplied(id) })
}

// run adds the row of a dyno that is up.
func (h *house) run(app platform.AppInfo, name string, number int) cloister.Dyno {
	h.t.Helper()
	d := cloister.Dyno{ID: cloister.NewID(), AppID: app.ID, SpaceID: app.SpaceID, Type: name, Number: number, Version: 2,
		Size: "Private-S", Command: "bin/" + name, State: cloister.DynoUp, Address: netip.MustParseAddr("10.0.128.2")}
	h.update(func(tx *store.Tx) error {
		r, err := tx.CurrentRelease(app.ID)
		d.ReleaseID, d.Version, d.CreatedAt, d.UpdatedAt = r.ID, r.Version, tx.Now, tx.Now
		if err != nil {
			return err
		}
		return tx.PutDyno(d)
	})
	return d
}

// write adds a line to an app's log.
func (h *house) write(appID, source, proc, text string) {
	h.logs.Write(appID, logs.Entry{At: time.Now(), Source: source, Proc: proc, Text: text})
}

// A dropped notes whose build cache was dropped.
type dropped struct{ h *house }

func (d dropped) DropCache(_ context.Context, appID string) error {
	if d.h.panics {
		panic("boom")
	}
	d.h.caches = append(d.h.caches, appID)
	return nil
}

// An answer is a response with its body read.
type answer struct {
	*http.Response
	body []byte
}

// call makes a request; in is a string that is sent as it is, nil for no body, or something to send as JSON.
func (h *house) call(method, path string, in any, edit ...func(*http.Request)) answer {
	h.t.Helper()
	var body io.Reader
	switch v := in.(type) {
	case nil:
	case string:
		body = bytes.NewReader([]byte(v))
	default:
		b, err := json.Marshal(v)
		check(h.t, err)
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, body)
	check(h.t, err)
	req.Header.Set("Accept", "application/vnd.heroku+json; version=3.sdk")
	req.Header.Set("Authorization", "Bearer "+h.token)
	for _, e := range edit {
		e(req)
	}
	res, err := http.DefaultClient.Do(req)
	check(h.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	check(h.t, err)
	return answer{Response: res, body: b}
}

// want asserts the status and reads the body into out, if it is not nil.
func (a answer) want(t *testing.T, status int, out any) answer {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s %s: status %d, want %d: %s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, a.body)
	}
	if out != nil {
		check(t, json.Unmarshal(a.body, out))
	}
	return a
}

// refused asserts the status, the id and the message of an error.
func (a answer) refused(t *testing.T, status int, id, message string) {
	t.Helper()
	var e heroku.Error
	if err := json.Unmarshal(a.body, &e); err != nil {
		t.Errorf("%s %s: %s is no error", a.Request.Method, a.Request.URL.Path, a.body)
	}
	if a.StatusCode != status || e.ID != id || e.Message != message {
		t.Errorf("%s %s: %d %s %q,\nwant %d %s %q", a.Request.Method, a.Request.URL.Path, a.StatusCode, e.ID, e.Message, status, id, message)
	}
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func as(token string) func(*http.Request) { return header("Authorization", "Bearer "+token) }

type shells struct{ *house }

func (s shells) Offer(who cloister.Actor, app, dyno, key string) (user, host string, err error) {
	s.entered = append(s.entered, strings.Join([]string{who.User.Email, app, dyno, key}, " "))
	return "pass", "ssh-ed25519 AAAA", nil
}
