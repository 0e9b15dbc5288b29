package conformance_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/acm"
	"github.com/cloister-dev/cloister/internal/acm/acmtest"
	"github.com/cloister-dev/cloister/internal/api"
	"github.com/cloister-dev/cloister/internal/control"
	"github.com/cloister-dev/cloister/internal/drain"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/fake"
	"github.com/cloister-dev/cloister/internal/logs"
	"github.com/cloister-dev/cloister/internal/outside"
	"github.com/cloister-dev/cloister/internal/plan"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/sso"
	"github.com/cloister-dev/cloister/internal/store"
	"github.com/cloister-dev/cloister/internal/web"
	"github.com/cloister-dev/cloister/internal/webhook"
)

const (
	email    = "ada@example.com"
	password = "correct horse"
)

// office is a network of the operator's.
var office = cloister.Network{Name: "office", Prefixes: []netip.Prefix{netip.MustParsePrefix("192.168.4.0/22")}, Spaces: []string{"acme"}}

// A pretend is a server whose engine only pretends; all else of it is real but git and the router.
type pretend struct {
	url      string
	token    string
	store    *store.Store
	platform *platform.Platform
	control  *control.Control
	admin    cloister.Actor
	people   map[string]string // tokens of four more, by name; Zoe is the admin of the team abbey
	log      *os.File
	stop     []func()
}

// startPretend starts a server that keeps its files in dir, with the team acme and its admin, Ada. An identity provider may be
// at a port of this machine.
func startPretend(t testing.TB, dir, providerPort string) (*pretend, error) {
	p := &pretend{}
	if err := p.start(t, dir, providerPort); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *pretend) start(t testing.TB, dir, providerPort string) (err error) {
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = append(p.stop, cancel)
	if p.log, err = os.Create(filepath.Join(dir, "server.log")); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(p.log, nil))
	if p.store, err = store.Open(ctx, store.Config{DSN: ":memory:", Key: make([]byte, 32)}); err != nil {
		return err
	}
	p.stop = append(p.stop, func() { p.store.Close() })
	lines, err := logs.Open(logs.Config{Dir: filepath.Join(dir, "logs"), Key: make([]byte, 32)}, log)
	if err != nil {
		return err
	}
	p.stop = append(p.stop, func() { lines.Close() })
	engine := fake.New(fake.Config{Behave: pretends})
	collector := logs.NewCollector(lines, engine, log)
	p.stop = append(p.stop, collector.Close)
	drains := drain.New(lines, outside.Config{Allowed: func(string, string, syscall.RawConn) error { return errors.New("this server only pretends") }}, log)
	p.stop = append(p.stop, drains.Close)
	stream := stream{lines, collector, drains}
	p.platform = platform.New(p.store, platform.Config{AppDomain: "apps.localhost", ACM: true,
		OutboundPool: netip.MustParsePrefix("198.51.100.0/24"), Networks: []cloister.Network{office}, Log: stream.api,
		SSO: platform.SSO{Team: "acme", Role: cloister.Viewer, Name: "Example"}}, log)
	if err := p.populate(ctx); err != nil {
		return err
	}
	router := newAnswering()
	p.stop = append(p.stop, router.Close)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	authority := acmtest.Start(t, router.Listener.Addr().(*net.TCPAddr).Port, 1, 90*24*time.Hour)
	issuer := acm.New(acm.Config{Directory: authority.Directory, Roots: authority.Pool(), Key: key}, slog.New(slog.DiscardHandler))
	p.control = control.New(p.store, engine, router, stream, nil, control.Config{Owner: "test", AppDomain: "apps.localhost", ACM: issuer,
		Networks: []cloister.Network{office}, Output: lines.Output, Partners: vendor{},
		Webhooks: webhook.New(outside.Config{Allowed: func(string, string, syscall.RawConn) error { return nil }})}, log)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := p.control.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			log.Error("control ended", "err", err)
		}
	}()
	p.stop = append(p.stop, func() { cancel(); <-ended })
	mux := http.NewServeMux()
	pages := web.New(p.platform, web.Config{Provider: sso.New(sso.Config{Name: "Example", Issuer: "http://127.0.0.1:" + providerPort, ClientID: "cloister", ClientSecret: "hush"})}, log)
	rest := api.New(api.Config{WebPort: "8080", GitURL: "https://git.localhost/"}, p.platform, api.Beside{Logs: lines}, log)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if web.Match(r) {
			pages.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
	mux.Handle("/streams/", lines.Handler())
	server := httptest.NewServer(mux)
	p.stop = append(p.stop, func() { server.CloseClientConnections(); server.Close() })
	p.url = server.URL
	return nil
}

func (p *pretend) populate(ctx context.Context) (err error) {
	if p.admin, err = p.platform.SetUp(ctx, platform.Setup{Email: email, Password: password, Team: "acme"}); err != nil {
		return err
	}
	_, token, err := p.platform.CreateAuthorization(ctx, p.admin, "the scripts'", nil, 0)
	if err != nil {
		return err
	}
	p.token = token.Reveal()
	p.people = map[string]string{}
	for _, name := range []string{"bob", "cyd", "dot", "zoe"} {
		if p.people[name], err = p.person(ctx, name+"@example.com"); err != nil {
			return err
		}
	}
	return p.store.Update(ctx, func(tx *store.Tx) error {
		return tx.PutStack(cloister.Stack{Name: "debian-12", RunImage: "sha256:a", BuildImage: "sha256:b", Default: true, CreatedAt: tx.Now})
	})
}

// person makes a user, and returns a token of theirs. Zoe gets a team of her own.
func (p *pretend) person(ctx context.Context, email string) (string, error) {
	var u cloister.User
	err := p.store.Update(ctx, func(tx *store.Tx) error { // not by CreateUser: hashing a password takes a tenth of a second
		u = cloister.User{ID: cloister.NewID(), Email: email, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := tx.InsertUser(u); err != nil || email != "zoe@example.com" {
			return err
		}
		t := cloister.Team{ID: cloister.NewID(), Name: "abbey", CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := tx.InsertTeam(t); err != nil {
			return err
		}
		return tx.InsertMember(cloister.Member{ID: cloister.NewID(), TeamID: t.ID, UserID: u.ID, Role: cloister.Admin, CreatedAt: tx.Now, UpdatedAt: tx.Now})
	})
	if err != nil {
		return "", err
	}
	_, token, err := p.platform.CreateAuthorization(ctx, cloister.Actor{User: u}, "the scripts'", nil, 0)
	return token.Reveal(), err
}

// close ends the server and all that it started, in the reverse order.
func (p *pretend) close() {
	for i := len(p.stop) - 1; i >= 0; i-- {
		p.stop[i]()
	}
	if p.log != nil {
		p.log.Close()
	}
}

// deploy releases a slug with these commands, as a push would. What they say is up to the engine.
func (p *pretend) deploy(app string, commands map[string]string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	info, err := p.platform.App(ctx, p.admin, app)
	if err != nil {
		return err
	}
	slug := cloister.Slug{ID: cloister.NewID(), AppID: info.ID, Commit: "0123456789abcdef", Stack: "debian-12", Size: 1 << 20,
		Image: "sha256:c", Detected: "Go", ProcessTypes: commands}
	err = p.store.Update(ctx, func(tx *store.Tx) error {
		slug.CreatedAt, slug.UpdatedAt = tx.Now, tx.Now
		return tx.InsertSlug(slug)
	})
	if err != nil {
		return err
	}
	_, _, err = p.platform.ReleaseSlug(ctx, p.admin, info.ID, slug.ID, "")
	return err
}

// routed takes a line of the router's of an app in.
func (p *pretend) routed(app, line string) error {
	info, err := p.platform.App(context.Background(), p.admin, app)
	if err == nil {
		p.control.Request(info.ID, time.Now(), plan.ParseRequest(line))
	}
	return err
}

// secondFactor gives the admin a second factor, and returns its recovery codes.
func (p *pretend) secondFactor() ([]cloister.Secret, error) {
	offer, err := p.platform.StartTwoFactor(context.Background(), p.admin)
	if err != nil {
		return nil, err
	}
	code, err := totp.GenerateCode(offer.Secret.Reveal(), time.Now())
	if err != nil {
		return nil, err
	}
	return p.platform.ConfirmTwoFactor(context.Background(), p.admin, cloister.Secret(code))
}

// pretends is what dynos do: release commands print a line and end with the status at their end, all others run on.
func pretends(w engine.Workload) fake.Behaviour {
	if !strings.HasPrefix(w.Labels["dyno"], "release.") {
		return fake.Obey(w)
	}
	command := w.Command[len(w.Command)-1]
	status, _ := strconv.Atoi(command[strings.LastIndexByte(command, ' ')+1:])
	return fake.Behaviour{Print: []engine.Line{{Text: "migrating"}}, Ends: true, After: time.Second, Status: status}
}

// stream is where all of an app's lines come together.
type stream struct {
	*logs.Logs
	*logs.Collector
	drains *drain.Drains
}

func (s stream) Drains(appID string, drains []cloister.Drain) error {
	return s.drains.Set(appID, drains)
}

func (s stream) api(app, text string) {
	s.Write(app, logs.Entry{At: time.Now(), Source: "app", Proc: "api", Text: text})
}

func (s stream) Platform(app, proc string, at time.Time, text string) {
	s.Write(app, logs.Entry{At: at, Source: "heroku", Proc: proc, Text: text})
}

func (s stream) Drained(ctx context.Context, workload string) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s.Drain(ctx, workload) // an error is that it took too long
}

func (s stream) Delete(app string) { s.Logs.Delete(app) }

// An answering router lets nobody through, and answers certificate authorities.
type answering struct {
	*httptest.Server
	table atomic.Pointer[cloister.Routes]
}

func newAnswering() *answering {
	a := &answering{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.Host)
		if table := a.table.Load(); table != nil {
			for _, c := range table.Challenges {
				if c.Host == host && r.URL.Path == "/.well-known/acme-challenge/"+c.Token {
					io.WriteString(w, c.Text)
					return
				}
			}
		}
		http.NotFound(w, r)
	}))
	return a
}

func (a *answering) Publish(table cloister.Routes)    { a.table.Store(&table) }
func (*answering) Drained(netip.AddrPort, int64) bool { return true }
